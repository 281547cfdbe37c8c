"""What relying parties count on in a leaf, read from openssl's print of it."""

import re
from datetime import datetime


def has_the_form_of_a_leaf(check, authority, issued):
    """Names, key usage, pointers, serial and lifetime are those of the default profile."""
    text = check.run("openssl", "x509", "-noout", "-text", "-in", issued.leaf)
    subject = check.run("openssl", "x509", "-noout", "-subject", "-in", issued.leaf).strip()
    serial = check.run("openssl", "x509", "-noout", "-serial", "-in", issued.leaf).strip()

    check.require(subject == "subject=", f"the subject is not empty: {subject}")
    octets = bytes.fromhex(serial.removeprefix("serial="))
    check.require(len(octets) <= 20 and octets[0] < 0x80, f"{serial} is not a valid serial")
    for extension in (
        # RFC 5280 §4.2.1.6: with an empty subject only this says whose certificate it is.
        "Subject Alternative Name: critical",
        "Key Usage: critical",
        "Extended Key Usage:",
        "Authority Key Identifier:",
        "CRL Distribution Points:",
        "Authority Information Access:",
    ):
        check.require(f"X509v3 {extension}" in text or extension in text, f"no {extension}")
    check.require("CA:TRUE" not in text, "the leaf is a CA")
    for url in ("crl/tls.crl", "ocsp/tls", "issuers/tls.cer"):
        check.require(f"{authority.pki_url}/{url}" in text, f"no pointer to {url}")
    usage = check.find(r"X509v3 Key Usage: critical\n\s*(.*)", text, "no key usage").group(1)
    elliptic = "id-ecPublicKey" in text
    expected = "Digital Signature" if elliptic else "Digital Signature, Key Encipherment"
    check.require(usage.strip() == expected, f"the key usage is {usage}, not {expected}")
    lives_as_long_as_it_should(check, issued)


def lives_as_long_as_it_should(check, issued):
    """notAfter less notBefore is what was given, and it is good now: it is backdated."""
    dates = check.run("openssl", "x509", "-noout", "-dates", "-in", issued.leaf)
    not_before, not_after = (
        datetime.strptime(date, "%b %d %H:%M:%S %Y GMT")
        for date in re.findall(r"=(.*)$", dates, re.MULTILINE)
    )
    lifetime = not_after - not_before
    check.require(lifetime == issued.lifetime, f"the lifetime is {lifetime}")
