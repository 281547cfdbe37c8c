"""An OpenID Connect issuer as CI systems have one: signs tokens with openssl, serves its key set over HTTPS."""

import base64
import contextlib
import http.server
import json
import re
import ssl
import threading
import time
import uuid


class OidcIssuer:
    """One issuer with an RSA and an EC key; what a token says is each test's own choice."""

    def __init__(self, folder, audience):
        self.folder = folder
        self.audience = audience
        self.roots = folder / "web-root.pem"
        self.fetches = 0
        self._server = None

    @contextlib.contextmanager
    def started(self, check):
        """Makes the keys and serves the key set at a port of its own until the end."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._make_keys(check)
        self._key_set = json.dumps({"keys": [self._rsa_jwk(check), self._ec_jwk(check)]}).encode()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "web.pem", self.folder / "web.key")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    @property
    def issuer(self):
        """The claim iss."""
        return f"https://localhost:{self._server.server_address[1]}"

    @property
    def key_set_url(self):
        """Where the key set is."""
        return f"{self.issuer}/jwks"

    def token(self, check, algorithm="RS256", header=None, **claims):
        """A signed token with these claims over the usual ones; None takes a claim away."""
        head = {"alg": algorithm, "typ": "JWT", "kid": self._key_of(algorithm)} | (header or {})
        signing_input = f"{part(head)}.{part(self.claims(**claims))}"
        return f"{signing_input}.{self._signature(check, algorithm, signing_input)}"

    def claims(self, **claims):
        """What a GitLab job's token says."""
        now = int(time.time())
        usual = {
            "iss": self.issuer, "aud": self.audience, "iat": now, "nbf": now - 5,
            "exp": now + 300, "jti": str(uuid.uuid4()),
            "sub": "project_path:platform/shop:ref_type:branch:ref:main",
            "namespace_path": "platform", "project_id": "42", "project_path": "platform/shop",
            "ref": "main", "ref_type": "branch", "ref_protected": "true", "pipeline_id": "7001",
            "job_id": "9001", "sha": "4f5c1d0e5b7a4a1f9f5d3c2b1a0918273645f0ab",
            "runner_environment": "self-hosted", "user_login": "dana",
            "pipeline_source": "push", "project_visibility": "internal",
        }
        return {name: value for name, value in (usual | claims).items() if value is not None}

    def public_key_pem(self):
        """The RSA key's public half: what HMAC confusion is tried with."""
        return (self.folder / "rsa.pub").read_bytes()

    def sign(self, check, algorithm, signing_input):
        """A signature as JWS writes it."""
        return self._signature(check, algorithm, signing_input)

    def _key_of(self, algorithm):
        return "ec-1" if algorithm.startswith("ES") else "rsa-1"

    def _signature(self, check, algorithm, signing_input):
        if algorithm == "none":
            return ""
        key = self.folder / ("ec.key" if algorithm.startswith("ES") else "rsa.key")
        unique = uuid.uuid4().hex
        plain, signed = self.folder / f"{unique}.in", self.folder / f"{unique}.sig"
        plain.write_text(signing_input)
        check.run("openssl", "dgst", "-sha256", "-sign", key, "-out", signed, plain)
        signature = signed.read_bytes()
        if algorithm.startswith("ES"):
            signature = raw_ecdsa(signature)
        return encode(signature)

    def _make_keys(self, check):
        check.run("openssl", "genrsa", "-out", self.folder / "rsa.key", "2048")
        check.run("openssl", "rsa", "-in", self.folder / "rsa.key", "-pubout",
                  "-out", self.folder / "rsa.pub")
        check.run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout",
                  "-out", self.folder / "ec.key")
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        check.run("openssl", "req", "-x509", *curve, "-days", "2", "-subj", "/CN=Web Root",
                  "-keyout", self.folder / "web-root.key", "-out", self.roots)
        check.run("openssl", "req", "-x509", *curve, "-days", "2", "-subj", "/CN=localhost",
                  "-addext", "subjectAltName=DNS:localhost", "-addext",
                  "basicConstraints=critical,CA:FALSE", "-CA", self.roots, "-CAkey",
                  self.folder / "web-root.key", "-keyout", self.folder / "web.key",
                  "-out", self.folder / "web.pem")

    def _rsa_jwk(self, check):
        output = check.run("openssl", "rsa", "-in", self.folder / "rsa.key", "-noout", "-modulus")
        modulus = check.find(r"Modulus=([0-9A-F]+)", output, "no modulus").group(1)
        return {"kty": "RSA", "kid": "rsa-1", "use": "sig", "alg": "RS256",
                "n": encode(bytes.fromhex(modulus)), "e": "AQAB"}

    def _ec_jwk(self, check):
        text = check.run("openssl", "ec", "-in", self.folder / "ec.key", "-noout", "-text")
        block = check.find(r"pub:\s*((?:[0-9a-f]{2}[:\s]*)+)", text, "no public key").group(1)
        point = bytes.fromhex(re.sub(r"[:\s]", "", block))
        return {"kty": "EC", "crv": "P-256", "kid": "ec-1", "use": "sig",
                "x": encode(point[1:33]), "y": encode(point[33:65])}

    def _handler(self):
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Answers with the key set and with nothing else."""

            def do_GET(self):
                """GET /jwks."""
                issuer.fetches += self.path == "/jwks"
                body = issuer._key_set if self.path == "/jwks" else b"{}"
                self.send_response(200 if self.path == "/jwks" else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Requests are counted, not told."""

        return Handler


def part(value):
    """A part of a JWS."""
    return encode(json.dumps(value, separators=(",", ":")).encode())


def encode(octets):
    """base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def raw_ecdsa(der):
    """r and s, 32 octets each, from the DER that openssl writes."""
    position = 2
    numbers = []
    for _ in range(2):
        length = der[position + 1]
        number = der[position + 2:position + 2 + length].lstrip(b"\0")
        numbers.append(number.rjust(32, b"\0"))
        position += 2 + length
    return b"".join(numbers)
