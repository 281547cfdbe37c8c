"""uacme: nonces by GET, looks for its account first, takes roots from the system only."""

from harness.bench import Issued
from harness.network import serving_files
from judges import verdict

SYSTEM_STORE = "/etc/ssl/certs/ca-certificates.crt"


def suite(bench):
    """Runs it in a mount namespace where the system's roots are ours: needs user namespaces."""
    folder, name = bench.folder, bench.host("web")
    challenges = folder / "web/.well-known/acme-challenge"
    challenges.mkdir(parents=True)
    (folder / "hook").write_text(HOOK.format(challenges=challenges))
    (folder / "hook").chmod(0o755)
    with bench.check("registers an account") as check:
        check.run(*command(bench, "new", "ops@example.test"))
    with bench.check("gets a certificate by http-01") as check, \
            serving_files(folder / "web", bench.address, bench.authority.http_port):
        check.run(*command(bench, "--hook", folder / "hook", "--type", "EC", "issue", name))
    bundle = (folder / "uacme" / name / "cert.pem").read_text().split(END_CERTIFICATE)
    (folder / "leaf.pem").write_text(bundle[0] + END_CERTIFICATE)
    (folder / "chain.pem").write_text(bundle[1].lstrip() + END_CERTIFICATE)
    issued = Issued(folder / "leaf.pem", folder / "chain.pem",
                    folder / "uacme/private" / name / "key.pem")
    verdict.accepted(bench, "http-01", issued)
    with bench.check("rolls the account's key over") as check:
        check.run(*command(bench, "newkey"))
    with bench.check("revokes") as check:
        check.run(*command(bench, "--reason", "4", "revoke", folder / "uacme" / name / "cert.pem"))
    verdict.revoked(bench, "revoked", issued, "superseded")
    with bench.check("deactivates the account") as check:
        check.run(*command(bench, "deactivate"))


def command(bench, *options):
    """uacme where the system's roots are the CA's root."""
    return ("unshare", "--map-root-user", "--mount", "sh", "-c",
            f'mount --bind "$0" {SYSTEM_STORE} && exec uacme "$@"', bench.authority.root,
            "--yes", "--verbose", "--confdir", bench.folder / "uacme",
            "--acme-url", bench.authority.directory(), *options)


HOOK = """#!/bin/sh
# uacme calls: begin|done|failed TYPE IDENTIFIER TOKEN AUTHORIZATION
[ "$1" = begin ] || exit 0
[ "$2" = http-01 ] || exit 1
printf %s "$5" >"{challenges}/$4"
"""
END_CERTIFICATE = "-----END CERTIFICATE-----\n"
