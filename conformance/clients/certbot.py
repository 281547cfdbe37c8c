"""certbot: http-01, dns-01 with a wildcard, renewal, every way to revoke, accounts, EAB."""

from pathlib import Path

from harness.bench import Issued
from harness.network import free_port
from judges import verdict


def suite(bench):
    """Walks through the life of an account and its certificates."""
    certbot = Certbot(bench, bench.folder / "one")
    with bench.check("registers an account with a contact") as check:
        certbot.run(check, "register", "--agree-tos", "--no-eff-email", "--email", "a@example.test")
    gets_certificates(bench, certbot)
    is_told_why_a_challenge_failed(bench, certbot)
    renews_and_revokes(bench, certbot)
    revokes_with_the_certificates_key(bench, certbot)
    binds_an_external_account(bench)
    with bench.check("changes the account's contact") as check:
        certbot.run(check, "update_account", "--no-eff-email", "--email", "b@example.test")
        shown = certbot.run(check, "show_account")
        check.require("b@example.test" in shown, f"the contact is another: {shown}")
    with bench.check("deactivates the account") as check:
        certbot.run(check, "unregister")


def gets_certificates(bench, certbot):
    """Every challenge type that certbot has, both kinds of keys."""
    with bench.check("gets a certificate for two names by http-01") as check:
        certbot.run(check, "certonly", *certbot.http_01(), "-d", bench.host("web"),
                    "-d", bench.host("www"))
    verdict.accepted(bench, "http-01", certbot.issued(bench.host("web")))
    name = bench.host("wild")
    with bench.check("gets a certificate for *.x and x by dns-01") as check:
        certbot.run(check, "certonly", *certbot.dns_01(), "-d", f"*.{name}", "-d", name,
                    "--cert-name", "wild")
    verdict.accepted(bench, "dns-01", certbot.issued("wild"))
    with bench.check("gets a certificate for an RSA key") as check:
        certbot.run(check, "certonly", *certbot.http_01(), "-d", bench.host("rsa"),
                    "--key-type", "rsa", "--rsa-key-size", "3072")
    verdict.accepted(bench, "RSA", certbot.issued(bench.host("rsa")))


def is_told_why_a_challenge_failed(bench, certbot):
    """The reason reaches the user in words: nobody listens, or the record is not there."""
    with bench.check("is told that nobody answers at the name") as check:
        output = certbot.refused(check, "certonly", "--standalone", "--http-01-address",
                                 bench.address, "--http-01-port", free_port(bench.address),
                                 "-d", bench.host("silent"))
        check.find(r"Type: +connection\n", output, "another problem")
    with bench.check("is told that a TXT record is missing") as check:
        output = certbot.refused(check, "certonly", "--manual", "--preferred-challenges", "dns",
                                 "--manual-auth-hook", "true", "-d", bench.host("missing"))
        check.find(r"Type: +(dns|unauthorized)\n", output, "another problem")


def renews_and_revokes(bench, certbot):
    """Renewal as a timer runs it, then revocation by the account's key."""
    name = bench.host("web")
    with bench.check("renews everything it has") as check:
        before = certbot.issued(name).leaf.read_text()
        certbot.run(check, "renew", "--force-renewal", "--no-random-sleep-on-renew")
        check.require(certbot.issued(name).leaf.read_text() != before, "the certificate is the same")
    verdict.accepted(bench, "renewed", certbot.issued(name))
    with bench.check("revokes with the account's key") as check:
        certbot.run(check, "revoke", "--cert-name", name, "--reason", "keycompromise",
                    "--no-delete-after-revoke")
    verdict.revoked(bench, "revoked by its account", certbot.issued(name), "keyCompromise")


def revokes_with_the_certificates_key(bench, certbot):
    """Whoever holds the certificate's key may revoke it, without an account (RFC 8555 §7.6)."""
    issued = certbot.issued("wild")
    with bench.check("revokes with the certificate's key, without an account") as check:
        stranger = Certbot(bench, bench.folder / "stranger")
        stranger.run(check, "revoke", "--cert-path", issued.leaf, "--key-path", issued.key,
                     "--reason", "superseded", "--no-delete-after-revoke")
    verdict.revoked(bench, "revoked by its key", issued, "superseded")


def binds_an_external_account(bench):
    """A directory that requires a binding refuses who has none."""
    name = bench.host("bound")
    with bench.check("is refused where an external account is required") as check:
        certbot = Certbot(bench, bench.folder / "unbound", "closed")
        output = certbot.refused(check, "certonly", *certbot.http_01(), *NO_EMAIL, "-d", name)
        check.require("external account" in output.lower(), f"for another reason: {output}")
    with bench.check("gets a certificate with an external account") as check:
        certbot = Certbot(bench, bench.folder / "bound", "closed")
        kid, mac = bench.authority.external_account(check, "closed")
        certbot.run(check, "certonly", *certbot.http_01(), *NO_EMAIL, "-d", name,
                    "--eab-kid", kid, "--eab-hmac-key", mac)


class Certbot:
    """certbot with a configuration folder of its own."""

    def __init__(self, bench, folder, directory="default", program="certbot"):
        self.bench = bench
        self.program = program
        self.folder = folder
        self.directory = bench.authority.directory(directory)
        self.environment = {
            "REQUESTS_CA_BUNDLE": bench.authority.root,
            "NAME_SERVER": bench.nameserver.host,
            "NAME_SERVER_PORT": bench.nameserver.port,
            "NAME_SERVER_KEY": bench.nameserver.key_file,
        }

    def run(self, check, command, *options):
        """Runs a certbot command that must succeed."""
        return check.run(*self._command(command, options), env=self.environment)

    def refused(self, check, command, *options):
        """Runs a certbot command that must fail."""
        return check.refused(*self._command(command, options), env=self.environment)

    def http_01(self):
        """Options for the built-in web server."""
        return ("--standalone", "--http-01-address", self.bench.address,
                "--http-01-port", self.bench.authority.http_port)

    def dns_01(self):
        """Options for hooks that send dynamic updates."""
        record = '"_acme-challenge.$CERTBOT_DOMAIN" "$CERTBOT_VALIDATION"'
        return ("--manual", "--preferred-challenges", "dns",
                "--manual-auth-hook", f"{DNS_HOOK} add {record}",
                "--manual-cleanup-hook", f"{DNS_HOOK} delete {record}")

    def issued(self, name):
        """The files under a certificate's name."""
        live = self.folder / "config/live" / name
        return Issued(*(live / file for file in ("cert.pem", "chain.pem", "privkey.pem")))

    def _command(self, command, options):
        folders = [f"--{name}-dir={self.folder / name}" for name in ("config", "work", "logs")]
        return (self.program, command, "--non-interactive", "--server", self.directory,
                *folders, *options)


NO_EMAIL = ("--agree-tos", "--register-unsafely-without-email")
DNS_HOOK = Path(__file__).resolve().parent.parent / "harness/dns-hook"
