"""certbot from PyPI: addresses, profiles and renewal information, which Debian's does not know."""

from clients.certbot import NO_EMAIL, Certbot
from harness.tools import VENV
from judges import verdict


def suite(bench):
    """What it adds to Debian's certbot."""
    certbot = Certbot(bench, bench.folder / "one", program=VENV / "bin/certbot")
    with bench.check("gets a certificate for an address and a name") as check:
        certbot.run(check, "certonly", *certbot.http_01(), *NO_EMAIL, "--cert-name", "address",
                    "--ip-address", bench.address, "-d", bench.host("address"))
        shown = check.run("openssl", "x509", "-noout", "-ext", "subjectAltName", "-in",
                          certbot.issued("address").leaf)
        check.require(f"IP Address:{bench.address}" in shown, f"the address is missing: {shown}")
    verdict.accepted(bench, "address", certbot.issued("address"))
    chooses_a_profile(bench, certbot)
    renews_when_it_is_told_to(bench, certbot)


def chooses_a_profile(bench, certbot):
    """A profile of the directory by its name, and one that does not exist."""
    with bench.check("gets a certificate of the profile it asks for") as check:
        certbot.run(check, "certonly", *certbot.http_01(), "--cert-name", "profile",
                    "--required-profile", "mtls", "-d", bench.host("profile"))
        shown = check.run("openssl", "x509", "-noout", "-ext", "extendedKeyUsage", "-in",
                          certbot.issued("profile").leaf)
        check.require("Client Authentication" in shown, f"not the profile mtls: {shown}")
    with bench.check("is refused a profile that does not exist") as check:
        output = certbot.refused(check, "certonly", *certbot.http_01(), "--cert-name", "none",
                                 "--required-profile", "none", "-d", bench.host("none"))
        check.find("profile", output.lower(), "refused for another reason")


def renews_when_it_is_told_to(bench, certbot):
    """RFC 9773: not at once, but when the certificate was revoked."""
    with bench.check("does not renew a fresh certificate") as check:
        before = certbot.issued("profile").leaf.read_text()
        output = certbot.run(check, "renew", "--no-random-sleep-on-renew", "--cert-name", "profile")
        check.require(certbot.issued("profile").leaf.read_text() == before, f"renewed: {output}")
    with bench.check("renews a revoked certificate unasked") as check:
        before = certbot.issued("address").leaf.read_text()
        certbot.run(check, "revoke", "--cert-name", "address", "--reason", "superseded",
                    "--no-delete-after-revoke")
        output = certbot.run(check, "renew", "--no-random-sleep-on-renew", "--cert-name", "address")
        check.require(certbot.issued("address").leaf.read_text() != before, f"not so: {output}")
