"""A certificate for both ends of mutual TLS, for the suites that check peers."""

from clients.certbot import NO_EMAIL, Certbot


def client_certificate(bench, check, host):
    """Gets a certificate from the directory whose profile is for servers and clients."""
    certbot = Certbot(bench, bench.folder / f"certbot-{host}", "mutual")
    certbot.run(check, "certonly", *certbot.http_01(), *NO_EMAIL, "-d", bench.host(host))
    return certbot, certbot.issued(bench.host(host))


def full_chain(issued):
    """The file that servers and clients show: the leaf, then its issuer."""
    return issued.leaf.with_name("fullchain.pem")
