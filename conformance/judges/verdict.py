"""What every judge says of one certificate, in one place for all clients."""

from judges import gnutls, openssl, pkilint, shape


def accepted(bench, label, issued):
    """Every judge accepts the certificate and sees it as good."""
    judges = {
        "has the form of a leaf": shape.has_the_form_of_a_leaf,
        "openssl accepts the chain, strictly and with every CRL": openssl.accepts,
        "openssl sees it as good by OCSP": openssl.sees_good,
        "gnutls accepts the chain and the OCSP answer": gnutls.accepts,
        "pkilint finds nothing in it and its link to the issuer": pkilint.finds_nothing_in,
    }
    for verdict, judge in judges.items():
        with bench.check(f"{label}: {verdict}") as check:
            judge(check, bench.authority, issued)


def revoked(bench, label, issued, reason):
    """OCSP and CRL show the revocation and its reason, and nobody accepts the certificate."""
    with bench.check(f"{label}: shown as revoked ({reason}) within 5 s") as check:
        openssl.shows_revocation_soon(check, bench.authority, issued, reason)
    with bench.check(f"{label}: openssl and gnutls refuse it by CRL and OCSP") as check:
        openssl.refuses(check, bench.authority, issued)
        gnutls.refuses(check, bench.authority, issued)
    with bench.check(f"{label}: pkilint finds nothing in the CRL and the OCSP answer") as check:
        pkilint.finds_nothing_in_the_revocation(check, issued)
