"""lego: all three challenges, EC and RSA keys, renewal, revocation, EAB, an address as a name."""

from harness.bench import Issued
from judges import verdict


def suite(bench):
    """Walks through the challenges, then through a certificate's life."""
    lego = Lego(bench, bench.folder / "ec")
    gets_certificates(bench, lego)
    renews_and_revokes(bench, lego)
    binds_an_external_account(bench)
    with bench.check("is told that an address is not a DNS name") as check:
        # lego 4.9 sends addresses as dns identifiers.
        output = lego.refused(check, "run", *lego.http_01(), "-d", bench.address)
        check.find(r"acme:error:(rejectedIdentifier|malformed|unsupportedIdentifier)", output,
                   "refused for another reason")


def gets_certificates(bench, lego):
    """Each challenge with its own name."""
    with bench.check("gets a certificate by http-01") as check:
        lego.run(check, "run", *lego.http_01(), "-d", bench.host("http"))
    verdict.accepted(bench, "http-01", lego.issued(bench.host("http")))
    with bench.check("gets a certificate by tls-alpn-01") as check:
        lego.run(check, "run", *lego.tls_alpn_01(), "-d", bench.host("alpn"))
    verdict.accepted(bench, "tls-alpn-01", lego.issued(bench.host("alpn")))
    with bench.check("gets a certificate for *.x and x by dns-01, RSA keys") as check:
        rsa = Lego(bench, bench.folder / "rsa", "--key-type", "rsa2048")
        name = bench.host("wild")
        rsa.run(check, "run", *rsa.dns_01(), "-d", name, "-d", f"*.{name}")
    verdict.accepted(bench, "dns-01, RSA", rsa.issued(name))
    with bench.check("gets a certificate for a P-384 key") as check:
        p384 = Lego(bench, bench.folder / "p384", "--key-type", "ec384")
        p384.run(check, "run", *p384.http_01(), "-d", bench.host("p384"))
    verdict.accepted(bench, "P-384", p384.issued(bench.host("p384")))


def renews_and_revokes(bench, lego):
    """Renewal with a new key, then revocation by the account."""
    name = bench.host("http")
    with bench.check("renews") as check:
        before = lego.issued(name).leaf.read_text()
        lego.run(check, "renew", *lego.http_01(), "-d", name, after=["--no-random-sleep"])
        check.require(lego.issued(name).leaf.read_text() != before, "the certificate is the same")
    verdict.accepted(bench, "renewed", lego.issued(name))
    for host, code, reason in (("http", "4", "superseded"), ("alpn", "0", "unspecified")):
        with bench.check(f"revokes ({reason})") as check:
            lego.run(check, "revoke", "-d", bench.host(host), after=["--keep", "--reason", code])
        verdict.revoked(bench, "revoked", lego.issued(bench.host(host)), reason)


def binds_an_external_account(bench):
    """A directory that requires a binding refuses who has none."""
    name = bench.host("bound")
    with bench.check("is refused where an external account is required") as check:
        unbound = Lego(bench, bench.folder / "unbound", directory="closed")
        output = unbound.refused(check, "run", *unbound.http_01(), "-d", name)
        check.require("External Account Binding" in output, f"for another reason: {output}")
    with bench.check("gets a certificate with an external account") as check:
        kid, mac = bench.authority.external_account(check, "closed")
        bound = Lego(bench, bench.folder / "bound", "--eab", "--kid", kid, "--hmac", mac,
                     directory="closed")
        bound.run(check, "run", *bound.http_01(), "-d", name)


class Lego:
    """lego with a folder of its own."""

    def __init__(self, bench, folder, *options, directory="default"):
        self.bench = bench
        self.folder = folder
        self.options = ("--path", folder, "--server", bench.authority.directory(directory),
                        "--accept-tos", "--email", "ops@example.test", *options)
        self.environment = {
            "LEGO_CA_CERTIFICATES": bench.authority.root,
            "RFC2136_NAMESERVER": bench.nameserver.endpoint,
            "RFC2136_TSIG_ALGORITHM": "hmac-sha256.",
            "RFC2136_TSIG_KEY": bench.nameserver.KEY_NAME,
            "RFC2136_TSIG_SECRET": bench.nameserver.secret,
            "RFC2136_PROPAGATION_TIMEOUT": "5",
            "RFC2136_POLLING_INTERVAL": "1",
            "RFC2136_SEQUENCE_INTERVAL": "1",
            "RFC2136_TTL": "1",
        }

    def run(self, check, command, *options, after=()):
        """Runs a lego command that must succeed; options come before it, `after` behind it."""
        return check.run("lego", *self.options, *options, command, *after, env=self.environment)

    def refused(self, check, command, *options):
        """Runs a lego command that must fail."""
        return check.refused("lego", *self.options, *options, command, env=self.environment)

    def http_01(self):
        """Options for the built-in web server."""
        return ("--http", "--http.port", f"{self.bench.address}:{self.bench.authority.http_port}")

    def tls_alpn_01(self):
        """Options for the built-in TLS server."""
        return ("--tls", "--tls.port",
                f"{self.bench.address}:{self.bench.authority.tls_alpn_port}")

    def dns_01(self):
        """Options for dynamic updates; lego only waits for name servers on port 53."""
        return ("--dns", "rfc2136", "--dns.disable-cp",
                "--dns.resolvers", self.bench.nameserver.endpoint)

    def issued(self, name):
        """The files under a certificate's first name."""
        return issued(self.folder / "certificates", name)


def issued(folder, name):
    """The files that lego leaves under a certificate's first name; its bundle taken apart."""
    stem = folder / name
    bundle = stem.with_name(f"{name}.crt")
    leaf = stem.with_name(f"{name}.leaf.pem")
    first, end, _ = bundle.read_text().partition(END_CERTIFICATE)
    leaf.write_text(first + end)
    return Issued(leaf, stem.with_name(f"{name}.issuer.crt"), stem.with_name(f"{name}.key"))



END_CERTIFICATE = "-----END CERTIFICATE-----\n"
