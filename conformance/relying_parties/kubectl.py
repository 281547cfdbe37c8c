"""kubectl with an issued client certificate, at an mTLS endpoint that prints user and groups."""

import http.server
import json
import ssl
import threading

from harness.gitlab import gitlab


def suite(bench):
    """The user is CN, the groups are O, as kube-apiserver reads them."""
    with gitlab(bench) as job:
        with bench.check("a person gets a client certificate by the grant's subject") as check:
            held = job.certificate(check, subject="/", profile="client")
            text = check.run("openssl", "x509", "-noout", "-subject", "-nameopt", "RFC2253", "-in",
                             held.chain)
            check.require("CN=dana" in text and "O=deployers" in text and "O=readers" in text, text)
        with bench.check("kubectl reaches the endpoint, which prints user and groups") as check:
            server = job.certificate(check, f"DNS:cluster.{job.ZONE}", profile="mtls")
            with Cluster(job, server) as cluster:
                config = write_kubeconfig(job, cluster, held)
                output = check.run("kubectl", "--kubeconfig", config, "get", "--raw", "/whoami",
                                   env={"HOME": bench.folder})
                seen = json.loads(output)
                check.require(seen == {"user": "dana", "groups": ["deployers", "readers"]}, output)


class Cluster:
    """An endpoint that lets in who shows a certificate of the root's, and says who that is."""

    def __init__(self, job, held):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(job.authority.root))
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(held.chain, held.key)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), WhoAmI)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class WhoAmI(http.server.BaseHTTPRequestHandler):
    """GET: the common name and the organizations of the peer."""

    def do_GET(self):
        """Answers as JSON."""
        parts = [pair for rdn in self.connection.getpeercert()["subject"] for pair in rdn]
        user = next(value for name, value in parts if name == "commonName")
        groups = sorted(value for name, value in parts if name == "organizationName")
        body = json.dumps({"user": user, "groups": groups}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """kubectl's own log tells."""


def write_kubeconfig(job, cluster, held):
    """As the user guide describes it."""
    file = job.folder / "kubeconfig"
    file.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "ci",
        "clusters": [{"name": "ci", "cluster": {
            "server": f"https://127.0.0.1:{cluster.port}",
            "tls-server-name": f"cluster.{job.ZONE}",
            "certificate-authority": str(job.authority.root)}}],
        "users": [{"name": "dana", "user": {
            "client-certificate": str(held.chain), "client-key": str(held.key)}}],
        "contexts": [{"name": "ci", "context": {"cluster": "ci", "user": "dana"}}],
    }))
    return file
