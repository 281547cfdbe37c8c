"""OpenSSL: chain with -x509_strict, CRLs of the whole chain, OCSP by POST and by GET."""

import base64
import re
import time
import urllib.parse
from functools import partial

from harness.network import fetch

REVOCATION_IS_VISIBLE_WITHIN_SECS = 5


def accepts(check, authority, issued):
    """The chain holds by the strict rules, alone and with the CRL of every CA in it."""
    check.run(*verify(authority, issued))
    check.run(*verify(authority, issued, "-crl_check_all", "-CRLfile", crls(authority, issued)))


def refuses(check, authority, issued):
    """The chain is refused because the CRL lists the leaf."""
    output = check.refused(
        *verify(authority, issued, "-crl_check_all", "-CRLfile", crls(authority, issued))
    )
    check.require("certificate revoked" in output, f"refused for another reason: {output}")


def sees_good(check, authority, issued):
    """OCSP says good to every way of asking."""
    for options in (["-no_nonce"], ["-nonce"], ["-sha256", "-nonce"]):
        output = check.run(*ask(authority, issued, *options))
        require_answer(check, output, "good")
    require_answer(check, ask_by_get(check, authority, issued), "good")


def shows_revocation_soon(check, authority, issued, reason):
    """OCSP by POST, by GET, and the CRL name the revocation and its reason in time."""
    deadline = time.monotonic() + REVOCATION_IS_VISIBLE_WITHIN_SECS
    ways = {
        "OCSP by POST": lambda: ocsp_reason(check.run(*ask(authority, issued, "-nonce"))),
        "OCSP by GET": lambda: ocsp_reason(ask_by_get(check, authority, issued)),
    }
    for number, url in enumerate(authority.pki_urls, 1):
        ways[f"the CRL of server {number}"] = partial(crl_reason, check, url, issued)
    for way, ask_reason in ways.items():
        shown = ask_reason()
        while shown is None and time.monotonic() < deadline:
            time.sleep(0.2)
            shown = ask_reason()
        check.require(shown is not None, f"{way} does not show the revocation in time")
        check.require(shown == reason, f"{way} names the reason {shown}, not {reason}")


def verify(authority, issued, *options):
    """The command that verifies a chain."""
    return ("openssl", "verify", "-x509_strict", *options, "-CAfile", authority.root,
            "-untrusted", issued.chain, issued.leaf)


def ask(authority, issued, *options):
    """The command that asks the responder which the certificate itself names."""
    # -sha256 and the like are for the -cert that follows.
    return ("openssl", "ocsp", *options, "-CAfile", authority.root, "-issuer", issued.chain,
            "-cert", issued.leaf, "-url", f"{authority.pki_url}/ocsp/tls")


def ask_by_get(check, authority, issued, digest="-sha1"):
    """Asks as nginx does: base64 in the path, percent-encoded, over HTTP/1.0."""
    request, response = issued.leaf.with_suffix(".req"), issued.leaf.with_suffix(".resp")
    check.run("openssl", "ocsp", digest, "-no_nonce", "-issuer", issued.chain, "-cert",
              issued.leaf, "-reqout", request)
    path = urllib.parse.quote(base64.b64encode(request.read_bytes()).decode(), safe="")
    check.run("curl", "--silent", "--show-error", "--fail", "--http1.0", "--output", response,
              f"{authority.pki_url}/ocsp/tls/{path}")
    return check.run("openssl", "ocsp", digest, "-no_nonce", "-CAfile", authority.root, "-issuer",
                     issued.chain, "-cert", issued.leaf, "-respin", response)


def require_answer(check, output, status):
    """The response is signed by who may sign it and says this status; a nonce came back."""
    check.require("Response verify OK" in output, f"the response does not verify: {output}")
    check.require(f": {status}\n" in output, f"the status is not {status}: {output}")
    check.require("WARNING" not in output, f"openssl warns: {output}")


def ocsp_reason(output):
    """The reason an OCSP answer gives; None as long as the certificate is good."""
    if ": revoked\n" not in output:
        return None
    reason = re.search(r"Reason: (\w+)", output)
    return reason.group(1) if reason else "unspecified"


def crl_reason(check, pki_url, issued):
    """The reason the CRL gives; None as long as the serial is not listed."""
    crl = issued.leaf.with_suffix(".crl")
    crl.write_bytes(fetch(f"{pki_url}/crl/tls.crl"))
    listing = check.run("openssl", "crl", "-inform", "DER", "-noout", "-text", "-in", crl)
    serial = check.run("openssl", "x509", "-noout", "-serial", "-in", issued.leaf)
    serial = serial.strip().removeprefix("serial=")
    entries = re.split(r"Serial Number: ", listing)[1:]
    for entry in entries:
        number, _, rest = entry.partition("\n")
        if number.strip() == serial:
            reason = re.search(r"Reason Code:\s*\n\s*([\w ]+?)\s*$", rest, re.MULTILINE)
            return camel_case(reason.group(1)) if reason else "unspecified"
    return None


def crls(authority, issued):
    """A file with the CRLs of all CAs in the chain, as relying parties fetch it."""
    file = issued.leaf.with_suffix(".all.pem")
    file.write_bytes(fetch(f"{authority.pki_url}/crl/all.pem"))
    return file


def camel_case(words):
    """`Key Compromise`, as openssl prints a CRL's reason, to `keyCompromise`."""
    joined = "".join(words.split())
    return joined[:1].lower() + joined[1:]
