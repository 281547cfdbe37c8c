"""Root, intermediate, CRLs and an OCSP response, before any client comes."""

import urllib.request

from harness.network import fetch
from judges import pkilint


def suite(bench):
    """Judges what relying parties fetch, in the form in which they fetch it."""
    files = published_files(bench)
    with bench.check("openssl accepts the intermediate under the root") as check:
        check.run("openssl", "verify", "-x509_strict", "-crl_check", "-CRLfile",
                  files["all.pem"], "-CAfile", bench.authority.root,
                  bench.authority.intermediate)
    with bench.check("gnutls accepts the intermediate under the root") as check:
        check.run("certtool", "--verify", "--load-ca-certificate", bench.authority.root,
                  "--infile", bench.authority.intermediate)
    with bench.check("pkilint finds nothing in root and intermediate") as check:
        pkilint.certificate(check, bench.authority.root)
        pkilint.certificate(check, bench.authority.intermediate)
        pkilint.link(check, bench.authority.root, bench.authority.intermediate)
    with bench.check("pkilint finds nothing in the CRLs") as check:
        pkilint.crl(check, files["tls.crl"])
        pkilint.crl(check, bench.authority.folder / "root.crl")
    with bench.check("openssl verifies both CRLs with their issuers' keys") as check:
        for crl, issuer in (("tls.crl", bench.authority.intermediate),
                            ("tls-root.crl", bench.authority.root)):
            output = check.run("openssl", "crl", "-inform", "DER", "-noout", "-verify",
                               "-CAfile", issuer, "-in", files[crl])
            check.require("verify OK" in output, f"{crl} does not verify: {output}")
    the_pointers_lead_somewhere(bench, files)
    ocsp_of_the_servers_own_certificate(bench)


def published_files(bench):
    """Downloads everything under its published name."""
    files = {}
    with bench.check("publishes CRLs, issuers and roots with their media types") as check:
        for path, media_type in PUBLISHED.items():
            with urllib.request.urlopen(f"{bench.authority.pki_url}/{path}", timeout=10) as answer:
                found = answer.headers["Content-Type"]
                check.require(found == media_type, f"{path} is {found}, not {media_type}")
                check.require(answer.headers["ETag"], f"{path} has no ETag")
                file = bench.folder / path.rpartition("/")[2]
                file.write_bytes(answer.read())
                files[file.name] = file
    return files


def the_pointers_lead_somewhere(bench, files):
    """The intermediate's own pointers to its issuer."""
    with bench.check("the pointers in the intermediate lead to the root and its CRL") as check:
        text = check.run("openssl", "x509", "-noout", "-text", "-in", bench.authority.intermediate)
        crl = check.find(r"URI:(http\S+\.crl)", text, "no CRL distribution point").group(1)
        issuer = check.find(r"CA Issuers - URI:(http\S+)", text, "no issuer pointer").group(1)
        check.require(fetch(crl) == files["tls-root.crl"].read_bytes(), "not the root's CRL")
        shown = bench.folder / "pointed-issuer.cer"
        shown.write_bytes(fetch(issuer))
        pem = check.run("openssl", "x509", "-inform", "DER", "-in", shown)
        check.require(pem.strip() == bench.authority.root.read_text().strip(), "not the root")


def ocsp_of_the_servers_own_certificate(bench):
    """The certificate that the server shows on its public port went down the same road."""
    own, response = bench.folder / "own.pem", bench.folder / "own.resp"
    host = bench.authority.external_url.removeprefix("https://")
    with bench.check("the server's own certificate holds and is good by OCSP") as check:
        shown = check.run("openssl", "s_client", "-connect", host, "-servername", "localhost",
                          "-verify_return_error", "-verify_hostname", "localhost", "-CAfile",
                          bench.authority.root)
        pem = check.find(r"-----BEGIN[\s\S]*?END CERTIFICATE-----\n", shown, "no certificate")
        own.write_text(pem.group(0))
        output = check.run("openssl", "ocsp", "-CAfile", bench.authority.root, "-issuer",
                           bench.authority.intermediate, "-cert", own, "-nonce", "-respout",
                           response, "-url", f"{bench.authority.pki_url}/ocsp/tls")
        check.require(f"{own}: good" in output, f"not good: {output}")
    with bench.check("pkilint finds nothing in an OCSP response and its signer") as check:
        pkilint.ocsp_response(check, response)
        text = check.run("openssl", "ocsp", "-respin", response, "-noverify", "-resp_text")
        signer = bench.folder / "responder.pem"
        signer.write_text(
            check.find(r"-----BEGIN[\s\S]*?END CERTIFICATE-----\n", text, "no signer").group(0)
        )
        pkilint.certificate(check, signer)
        pkilint.link(check, bench.authority.intermediate, signer)
    with bench.check("OCSP answers for several certificates, one of them never issued") as check:
        output = check.run("openssl", "ocsp", "-CAfile", bench.authority.root, "-issuer",
                           bench.authority.intermediate, "-cert", own, "-serial", "0x1234567890",
                           "-url", f"{bench.authority.pki_url}/ocsp/tls")
        check.require(f"{own}: good" in output, f"not good: {output}")
        check.require("0x1234567890: unknown" in output, f"not unknown: {output}")


PUBLISHED = {
    "crl/tls.crl": "application/pkix-crl",
    "crl/tls.pem": "application/x-pem-file",
    "crl/all.pem": "application/x-pem-file",
    "crl/tls-root.crl": "application/pkix-crl",
    "issuers/tls.cer": "application/pkix-cert",
    "issuers/tls-root.cer": "application/pkix-cert",
    "roots.pem": "application/x-pem-file",
}
