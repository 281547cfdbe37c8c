"""One function a measurement; each returns figures by the name of the target's row.

A figure is a number in the row's unit, and the baseline that was measured beside it in the same
run, in the same unit: what the machine or another program can do.
"""

import contextlib
import json
import socket
import ssl
import time
from pathlib import Path

from harness.network import fetch, free_port, wait_for
from measuring.site import CLIENT_CORE, SERVER_CORE, site

ORDERS = 3000
ISSUANCES = 12000
FETCHES = 120_000


def orders_p256(check, server, folder):
    """16 connections, P-256 everywhere, SQLite; the memory before and after."""
    with site(check, server, folder) as ca:
        bound = ca.limits()["signers"][0]["orders_per_sec"]
        idle = memory(ca.process_id)
        told = ca.orders(ORDERS)
        return order_figures("orders P-256", told, bound) | {
            "memory idle": (idle["VmRSS"] / 1024, None),
            "memory peak": (memory(ca.process_id)["VmHWM"] / 1024, None),
        }


def orders_p384(check, server, folder):
    """The issuer's key on P-384, in a file."""
    with site(check, server, folder, "p384") as ca:
        bound = ca.limits()["signers"][0]["orders_per_sec"]
        return order_figures("orders P-384", ca.orders(ORDERS), bound)


def orders_postgres(check, server, folder):
    """On PostgreSQL, which has the server's core, too; the server's own CPU."""
    with site(check, server, folder, on_postgres=True) as ca:
        bound = ca.limits()["signers"][0]["orders_per_sec"]
        return order_figures("orders PostgreSQL", ca.orders(ORDERS), bound)


def orders_softhsm(check, server, folder):
    """The issuer's key on P-384, in SoftHSM."""
    with site(check, server, folder, "p384", token=True) as ca:
        bound = ca.limits()["signers"][0]["orders_per_sec"]
        return order_figures("orders SoftHSM P-384", ca.orders(ORDERS), bound)


def order_latency(check, server, folder):
    """Open loop at 25 a second."""
    with site(check, server, folder) as ca:
        ca.orders(200)
        told = ca.orders(500, "--rate=25")
        return {"order p99 at 25/s": (told["latency_ms"]["order"]["p99"], None)}


def json_p256(check, server, folder):
    """64 connections, P-256."""
    with site(check, server, folder) as ca:
        bound = ca.limits()["signers"][0]["json_issuance_per_sec"]
        return json_figures("JSON P-256", ca.certificates(ISSUANCES), bound)


def json_p384(check, server, folder):
    """The issuer's key on P-384, in a file."""
    with site(check, server, folder, "p384") as ca:
        bound = ca.limits()["signers"][0]["json_issuance_per_sec"]
        return json_figures("JSON P-384", ca.certificates(ISSUANCES), bound)


def json_softhsm(check, server, folder):
    """SoftHSM, P-384, against its bare signatures; newNonce meanwhile."""
    with site(check, server, folder, "p384", token=True) as ca:
        signer = ca.limits()["signers"][0]
        bare = max(signer["signatures_per_sec"], signer["signatures_per_sec_side_by_side"])
        nonce = f"{ca.authority.external_url}/acme/default/new-nonce"
        told = ca.certificates(ISSUANCES // 3)
        probed = ca.certificates(ISSUANCES // 3, "--probe", nonce)
        return json_figures("JSON SoftHSM P-384", told, bare) | {
            "newNonce p99, signer saturated": (probed["latency_ms"]["probe"]["p99"], None),
        }


def ocsp(check, server, folder):
    """Cached answers by GET and POST against nginx, then fresh ones against the bare signer.

    The load tool is not fast enough to fill such servers, so the ratio is of CPU a request.
    """
    with site(check, server, folder) as ca:
        known = serials(ca, 6000)
        bare = ca.limits()["signers"][0]["signatures_per_sec"]
        url = f"{ca.authority.pki_url}/ocsp/tls"
        ask = ("--url", url, "--issuer", ca.authority.intermediate, "--serials", known)
        cold = ca.load("ocsp", *ask, "--requests=6000", "--connections=64")
        with nginx(check, folder) as (file, pid):
            static = cpu_of(ca.load("fetch", "--url", file, "--requests", FETCHES, pid=pid))
        figures = {"OCSP cold": (cold["per_sec"], bare)}
        for method in ("get", "post"):
            told = ca.load("ocsp", *ask, "--requests", FETCHES, f"--method={method}")
            figures[f"OCSP {method.upper()} CPU"] = (cpu_of(told), static)
        return figures


def start(check, server, folder):
    """From exec to the first TLS handshake, with an empty store."""
    with site(check, server, folder) as ca:
        ca.authority.stop()
        times = [first_handshake(check, ca) for _ in range(5)]
        return {"start, empty store": (sorted(times)[2], None)}


def order_figures(name, told, bound):
    """CPU an order, and orders a second against what the machine allows."""
    return {f"{name}, CPU": (told["server"]["cpu_ms_each"], None),
            f"{name}, rate": (told["per_sec"], bound)}


def json_figures(name, told, bound):
    """Issuance a second against what the machine allows."""
    return {f"{name}, CPU": (told["server"]["cpu_ms_each"], None),
            f"{name}, rate": (told["per_sec"], bound)}


def cpu_of(told):
    """Microseconds a request."""
    return told["server"]["cpu_ms_each"] * 1000


def serials(ca, count):
    """A file with the serials of new certificates."""
    ca.certificates(count)
    output = ca.check.run(ca.authority.server, "audit", "export", "--kind", "certificate.issued",
                          "--config", ca.authority.config_file)
    found = [json.loads(line)["subject"] for line in output.splitlines() if line.startswith("{")]
    file = ca.folder / "serials"
    file.write_text("\n".join(found))
    return file


@contextlib.contextmanager
def nginx(check, folder):
    """A static file of an OCSP answer's size, by one worker on the server's core."""
    place = folder / "nginx"
    place.mkdir()
    (place / "answer").write_bytes(b"x" * 1500)
    port, pid = free_port(), place / "pid"
    settings = place / "nginx.conf"
    settings.write_text(NGINX.format(place=place, port=port, user="user root;"))
    server = check.start(*SERVER_CORE, "nginx", "-c", settings, "-p", place)
    try:
        url = f"http://127.0.0.1:{port}/answer"
        wait_for(lambda: reachable(url), "nginx", 10)
        children = Path(f"/proc/{pid.read_text().strip()}/task/{pid.read_text().strip()}/children")
        yield url, children.read_text().split()[0]
    finally:
        server.stop()


def reachable(url):
    """Whether it can be fetched."""
    try:
        return bool(fetch(url))
    except OSError:
        return False


def first_handshake(check, ca):
    """Milliseconds."""
    port = int(ca.authority.external_url.rsplit(":", 1)[1])
    trust = ssl.create_default_context(cafile=str(ca.authority.root))
    begun = time.monotonic()
    server = check.start(*SERVER_CORE, ca.authority.server, "serve", "--config",
                         ca.authority.config_file)
    try:
        while time.monotonic() - begun < 20:
            try:
                with socket.create_connection(("127.0.0.1", port), 5) as plain:
                    with trust.wrap_socket(plain, server_hostname="localhost"):
                        return (time.monotonic() - begun) * 1000
            except OSError:
                time.sleep(0.0005)
        raise TimeoutError("the server does not answer")
    finally:
        server.stop()


def memory(process_id):
    """KiB, as /proc tells."""
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) for line in lines
            if line.startswith(("VmRSS", "VmHWM"))}


ROWS = {row.__name__.replace("_", "-"): row for row in (
    orders_p256, orders_p384, orders_postgres, orders_softhsm, order_latency, json_p256, json_p384,
    json_softhsm, ocsp, start)}

NGINX = """{user}
daemon off;
worker_processes 1;
pid {place}/pid;
error_log {place}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 10000000;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    server {{ listen 127.0.0.1:{port}; root {place}; }}
}}
"""
