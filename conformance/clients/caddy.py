"""Caddy: sends empty members, answers challenges itself, staples OCSP."""

from harness.network import wait_for
from harness.processes import run_to_end


def suite(bench):
    """A web server that gets its certificate by itself."""
    (bench.folder / "Caddyfile").write_text(CONFIGURATION.format(
        bench=bench, ca=bench.authority, name=bench.host("web")
    ))
    with bench.check("gets a certificate and serves with it") as check:
        caddy = check.start("caddy", "run", "--config", bench.folder / "Caddyfile",
                            env={"HOME": bench.folder, "XDG_DATA_HOME": bench.folder,
                                 "XDG_CONFIG_HOME": bench.folder})
        wait_for(lambda: run_to_end(visit(bench))[0] == 0, "a page under the CA's root", 60)
    with bench.check("staples an OCSP answer"):
        wait_for(lambda: is_stapled(bench), "a stapled answer", 20)
    caddy.stop()


def visit(bench):
    """curl, which trusts the CA's root only."""
    port = bench.authority.tls_alpn_port
    return ("curl", "--silent", "--show-error", "--fail", "--max-time", "5", "--cacert",
            bench.authority.root, "--resolve", f"{bench.host('web')}:{port}:{bench.address}",
            f"https://{bench.host('web')}:{port}/")


def is_stapled(bench):
    """Whether a handshake brings an OCSP answer."""
    output = run_to_end((
        "openssl", "s_client", "-connect", f"{bench.address}:{bench.authority.tls_alpn_port}",
        "-servername", bench.host("web"), "-status", "-CAfile", bench.authority.root,
    ))[1]
    return "Cert Status: good" in output


CONFIGURATION = """
{{
    admin off
    default_bind {bench.address}
    http_port {ca.http_port}
    https_port {ca.tls_alpn_port}
    skip_install_trust
    acme_ca {ca.external_url}/acme/default/directory
    acme_ca_root {ca.root}
}}
{name} {{
    respond "welcome"
}}
"""
