"""GnuTLS: chain and CRL by certtool, OCSP by ocsptool."""

from harness.network import fetch


def accepts(check, authority, issued):
    """certtool verifies chain and CRL; ocsptool verifies what the responder answers."""
    check.run(*verify(authority, issued))
    check.run("certtool", "--verify-crl", "--load-ca-certificate", authority.intermediate,
              "--infile", issuer_crl(authority, issued))
    for nonce in ("--nonce", "--no-nonce"):
        output = check.run(*ask(authority, issued, nonce))
        check.require("Certificate Status: good" in output, f"not good by OCSP: {output}")
        check.require("Success" in output, f"the OCSP response does not verify: {output}")


def refuses(check, authority, issued):
    """certtool refuses by CRL, ocsptool shows a revoked status that verifies."""
    crls = issued.leaf.with_suffix(".all.pem")
    crls.write_bytes(fetch(f"{authority.pki_url}/crl/all.pem"))
    output = check.refused(*verify(authority, issued), "--load-crl", crls)
    check.require("revoked" in output, f"certtool refused for another reason: {output}")
    output = check.run(*ask(authority, issued, "--nonce"))
    check.require("Certificate Status: revoked" in output, f"not revoked by OCSP: {output}")
    check.require("Success" in output, f"the OCSP response does not verify: {output}")


def verify(authority, issued):
    """The command that verifies a chain."""
    chain = issued.leaf.with_suffix(".chain.pem")
    chain.write_text(issued.leaf.read_text() + issued.chain.read_text())
    return ("certtool", "--verify", "--verify-profile", "medium", "--load-ca-certificate",
            authority.root, "--infile", chain)


def ask(authority, issued, nonce):
    """The command that asks the responder."""
    # ocsptool looks for the signer's issuer among the trusted only: it builds no chain.
    return ("ocsptool", f"--ask={authority.pki_url}/ocsp/tls", nonce, "--load-issuer",
            issued.chain, "--load-cert", issued.leaf, "--load-trust", issued.chain)


def issuer_crl(authority, issued):
    """The issuing CA's CRL."""
    file = issued.leaf.with_suffix(".crl.pem")
    file.write_bytes(fetch(f"{authority.pki_url}/crl/tls.pem"))
    return file
