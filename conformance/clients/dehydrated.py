"""dehydrated: a shell script that never asks twice; here the server restarts in its midst."""

import dataclasses

from harness.authority import Authority
from harness.bench import Issued
from harness.network import serving_files, wait_for
from judges import verdict


def suite(bench):
    """Uses a server of its own, because it restarts it."""
    bench = dataclasses.replace(
        bench, authority=Authority(bench.server, bench.folder / "ca", bench.nameserver)
    )
    with bench.check("a server of its own stays up") as check:
        check.quiet_if_passed = True
        with bench.authority.started(check):
            issues_across_a_restart(bench)


def issues_across_a_restart(bench):
    """The hook stands still between two of dehydrated's requests; the server comes back."""
    folder, name = bench.folder, bench.host("web")
    (folder / "challenges").mkdir()
    (folder / "hook").write_text(HOOK.format(folder=folder))
    (folder / "hook").chmod(0o755)
    (folder / "config").write_text(CONFIG.format(folder=folder, ca=bench.authority))
    web_root = folder / "web"
    (web_root / ".well-known").mkdir(parents=True)
    (web_root / ".well-known/acme-challenge").symlink_to(folder / "challenges")

    with bench.check("registers an account") as check:
        check.run(*command(folder, "--register", "--accept-terms"))
    with bench.check("gets a certificate while the server restarts in between") as check, \
            serving_files(web_root, bench.address, bench.authority.http_port):
        client = check.start(*command(folder, "--cron", "--domain", name))
        try:
            wait_for((folder / "standing-still").exists, "dehydrated's challenge", 60)
            bench.authority.stop()
            bench.authority.serve(check)
            (folder / "go-on").touch()
            code = client.wait()
        finally:
            client.stop()
        check.require(code == 0, f"dehydrated ended with {code}")
    issued = Issued(*(folder / "certs" / name / file
                      for file in ("cert.pem", "chain.pem", "privkey.pem")))
    verdict.accepted(bench, "http-01", issued)
    with bench.check("revokes") as check:
        check.run(*command(folder, "--revoke", issued.leaf.resolve()))
    # dehydrated moves what it revoked aside.
    kept = folder / "revoked.pem"
    kept.write_text(next(issued.leaf.parent.glob("cert-*.pem-revoked")).read_text())
    chain = next(issued.leaf.parent.glob("chain-*.pem"))
    verdict.revoked(bench, "revoked", Issued(kept, chain, issued.key), "unspecified")


def command(folder, *options):
    """dehydrated with its own configuration."""
    return ("dehydrated", "--config", folder / "config", *options)


CONFIG = """
BASEDIR={folder}
WELLKNOWN={folder}/challenges
HOOK={folder}/hook
CA={ca.external_url}/acme/default/directory
CURL_OPTS="--cacert {ca.root}"
CONTACT_EMAIL=ops@example.test
KEY_ALGO=secp384r1
"""

HOOK = """#!/bin/sh
[ "$1" = deploy_challenge ] || exit 0
touch {folder}/standing-still
while ! [ -e {folder}/go-on ]; do sleep 0.1; done
"""
