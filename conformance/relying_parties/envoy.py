"""Envoy: lets a SPIFFE client in by its URI, and refuses it by CRL when it is revoked."""

import json

from harness.network import answers, fetch, free_port, wait_for
from harness.processes import run_to_end
from harness.tools import VENV
from harness.gitlab import gitlab


def suite(bench):
    """One listener with mutual TLS, restarted with the CRLs of after the revocation."""
    with gitlab(bench) as job:
        with bench.check("server and client get certificates for a token each") as check:
            server = job.certificate(check, f"DNS:mesh.{job.ZONE}")
            client = job.certificate(check, "URI:spiffe://example.test/ci/42/deploy")
            other = job.certificate(check, f"DNS:other.{job.ZONE}")
        with bench.check("Envoy lets the SPIFFE client in, and nobody else") as check:
            with Envoy(job, check, server) as envoy:
                check.require(envoy.visit(client) == "200", f"answered {envoy.visit(client)}")
                check.require(envoy.visit(other) != "200", "let in without a SPIFFE name")
                check.require(envoy.visit(None) != "200", "let in without a certificate")
        with bench.check("Envoy refuses the client by CRL after its revocation") as check:
            answer = job.post(check, f"/api/v1/certificates/{client.serial}/revoke",
                              {"reason": "superseded"}, *job.admin())
            check.require(answer.status == 200, str(answer))
            wait_for(lambda: is_listed(job, check, client.serial), "the entry in the CRL", 5)
            with Envoy(job, check, server) as envoy:
                check.require(envoy.visit(client) != "200", "the revoked client was let in")


class Envoy:
    """A running Envoy with the CRLs of this moment."""

    def __init__(self, job, check, held):
        self.job = job
        self.port, self.admin = free_port(), free_port()
        (job.folder / "all.pem").write_bytes(fetch(f"{job.authority.pki_url}/crl/all.pem"))
        config = job.folder / "envoy.json"
        config.write_text(json.dumps(self._configuration(held)))
        self._process = check.start(VENV / "bin/envoy", "-c", config, "--disable-hot-restart",
                                    "--concurrency", "1", "-l", "warning")

    def __enter__(self):
        wait_for(lambda: answers(f"http://127.0.0.1:{self.admin}/ready"), "Envoy", 30)
        return self

    def __exit__(self, *_):
        self._process.stop()

    def visit(self, held):
        """The HTTP status that curl gets with this certificate."""
        shown = held.curl_options() if held else ()
        return run_to_end((
            "curl", "--silent", "--max-time", "5", "--cacert", self.job.authority.root,
            "--resolve", f"mesh.{self.job.ZONE}:{self.port}:127.0.0.1", "--output", "/dev/null",
            "--write-out", "%{http_code}", *shown, f"https://mesh.{self.job.ZONE}:{self.port}/",
        ))[1]

    def _configuration(self, held):
        spiffe = {"san_type": "URI", "matcher": {"prefix": "spiffe://example.test/ci/42/"}}
        tls = {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "require_client_certificate": True,
            "common_tls_context": {
                "tls_certificates": [{"certificate_chain": {"filename": str(held.chain)},
                                      "private_key": {"filename": str(held.key)}}],
                "validation_context": {
                    "trusted_ca": {"filename": str(self.job.authority.root)},
                    "crl": {"filename": str(self.job.folder / "all.pem")},
                    "match_typed_subject_alt_names": [spiffe],
                },
            },
        }
        answer = {"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "direct_response": {"status": 200}}]}
        manager = {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "mesh",
            "route_config": {"virtual_hosts": [answer]},
            "http_filters": [{"name": "router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
        }
        return {
            "admin": {"address": address(self.admin)},
            "static_resources": {"listeners": [{
                "address": address(self.port),
                "filter_chains": [{
                    "filters": [{"name": "http", "typed_config": manager}],
                    "transport_socket": {"name": "tls", "typed_config": tls},
                }],
            }]},
        }


def address(port):
    """A loopback socket, as Envoy writes it."""
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def is_listed(job, check, serial):
    """Whether the published CRL lists the serial."""
    file = job.folder / "tls.crl"
    file.write_bytes(fetch(f"{job.authority.pki_url}/crl/tls.crl"))
    listing = check.run("openssl", "crl", "-inform", "DER", "-noout", "-text", "-in", file)
    return serial.upper().lstrip("0") in listing.replace("0x", "")
