"""nginx: asks for client certificates, refuses revoked ones by CRL, staples OCSP."""

import os
import re

from harness.network import fetch, free_port, wait_for
from harness.processes import run_to_end
from relying_parties.client_certificate import client_certificate, full_chain


def suite(bench):
    """curl comes with a certificate, then with the same one revoked."""
    with bench.check("server and client get certificates for mutual TLS") as check:
        _, server = client_certificate(bench, check, "server")
        certbot, client = client_certificate(bench, check, "client")
    port = free_port()
    write_configuration(bench, server, port)
    refresh_crls(bench)
    with bench.check("nginx starts with the CRLs of both CAs") as check:
        nginx = check.start("nginx", "-p", bench.folder, "-c", bench.folder / "nginx.conf")
        wait_for(lambda: visit(bench, port)[0] == 0, "an answer of nginx", 20)
    try:
        peers_are_judged(bench, port, nginx, certbot, client)
    finally:
        nginx.stop()


def peers_are_judged(bench, port, nginx, certbot, client):
    """No certificate, a good one, a revoked one."""
    with bench.check("refuses a client without a certificate") as check:
        check.require(visit(bench, port)[1].startswith("400"), "not refused")
    with bench.check("lets a client in by its certificate") as check:
        answer = visit(bench, port, client)[1]
        check.require(answer.startswith("200"), f"not let in: {answer}")
    with bench.check("staples the OCSP answer that it fetched by GET"):
        wait_for(lambda: is_stapled(bench, port), "a stapled answer", 20)
    with bench.check("refuses the revoked client by the published CRLs") as check:
        certbot.run(check, "revoke", "--cert-name", bench.host("client"),
                    "--reason", "cessationofoperation", "--no-delete-after-revoke")
        serial = check.run("openssl", "x509", "-noout", "-serial", "-in", client.leaf)
        wait_for(lambda: is_listed(bench, check, serial), "the entry in the CRL", 5)
        check.run("nginx", "-p", bench.folder, "-c", bench.folder / "nginx.conf", "-s", "reload")
        wait_for(lambda: visit(bench, port, client)[1].startswith("400"), "the refusal", 10)


def visit(bench, port, client=None):
    """curl's exit code, and the HTTP status that nginx answers with."""
    shown = ("--cert", full_chain(client), "--key", client.key) if client else ()
    return run_to_end((
        "curl", "--silent", "--max-time", "5", "--cacert", bench.authority.root, "--resolve",
        f"{bench.host('server')}:{port}:127.0.0.1", "--output", "/dev/null", "--write-out",
        "%{http_code}", *shown, f"https://{bench.host('server')}:{port}/",
    ))


def is_stapled(bench, port):
    """Whether a handshake brings an OCSP answer; the first one only makes nginx ask."""
    output = run_to_end((
        "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername",
        bench.host("server"), "-status", "-CAfile", bench.authority.root,
    ))[1]
    return "OCSP Response Status: successful" in output and "Cert Status: good" in output


def refresh_crls(bench):
    """Does what a relying party's timer does."""
    (bench.folder / "all.pem").write_bytes(fetch(f"{bench.authority.pki_url}/crl/all.pem"))


def is_listed(bench, check, serial):
    """Whether the freshly fetched bundle lists the serial; another server may be ahead."""
    refresh_crls(bench)
    bundle = (bench.folder / "all.pem").read_text()
    # openssl crl reads only the first of a bundle.
    lists = re.findall(r"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", bundle, re.DOTALL)
    one = bench.folder / "one.pem"
    listings = []
    for crl in lists:
        one.write_text(crl)
        listings.append(check.run("openssl", "crl", "-noout", "-text", "-in", one))
    return any(serial.strip().removeprefix("serial=") in listing for listing in listings)


def write_configuration(bench, server, port):
    """Everything nginx writes goes into the suite's folder."""
    (bench.folder / "nginx.conf").write_text(CONFIGURATION.format(
        folder=bench.folder,
        user="user root;" if os.getuid() == 0 else "",
        port=port,
        chain=full_chain(server),
        key=server.key,
        root=bench.authority.root,
    ))
    (bench.folder / "index.html").write_text("welcome\n")


CONFIGURATION = """
daemon off;
worker_processes 1;
{user}
pid {folder}/nginx.pid;
error_log stderr info;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/temp-body;
    proxy_temp_path {folder}/temp-proxy;
    fastcgi_temp_path {folder}/temp-fastcgi;
    uwsgi_temp_path {folder}/temp-uwsgi;
    scgi_temp_path {folder}/temp-scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        root {folder};
        ssl_certificate {chain};
        ssl_certificate_key {key};
        ssl_client_certificate {root};
        ssl_trusted_certificate {root};
        ssl_verify_client on;
        ssl_verify_depth 2;
        ssl_crl {folder}/all.pem;
        ssl_stapling on;
        ssl_stapling_verify on;
    }}
}}
"""
