"""A CI system: signs tokens for its jobs, and is known to the CA with one grant."""

import json
import secrets
import time
from string import Template

from harness.oidc_issuer import encode, part


class Pipelines:
    """Tokens like those of GitLab, RS256, with the key set in a file."""

    PROVIDER = "ci"
    ISSUER = "https://ci.example.test"
    AUDIENCE = "https://ca.example.test"
    # In no name server's zone: whatever is issued for it was not proven by a challenge.
    ZONE = "pipelines.invalid"

    def __init__(self, check, folder):
        self.folder = folder
        folder.mkdir()
        self.key = folder / "issuer.key"
        self.key_set = folder / "jwks.json"
        check.run("openssl", "genrsa", "-out", self.key, "2048")
        output = check.run("openssl", "rsa", "-in", self.key, "-noout", "-modulus")
        modulus = check.find(r"^Modulus=([0-9A-F]+)$", output, "no modulus").group(1)
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one",
               "n": encode(bytes.fromhex(modulus)), "e": "AQAB"}
        self.key_set.write_text(json.dumps({"keys": [key]}))

    def token(self, check, project="42"):
        """A token of a job of this project."""
        now = int(time.time())
        claims = {"iss": self.ISSUER, "aud": self.AUDIENCE, "sub": f"project:{project}",
                  "iat": now, "nbf": now, "exp": now + 300, "jti": secrets.token_hex(8),
                  "project_id": project}
        header = {"alg": "RS256", "typ": "JWT", "kid": "one"}
        signed = f"{part(header)}.{part(claims)}"
        message = self.folder / f"{claims['jti']}.txt"
        message.write_text(signed)
        signature = message.with_suffix(".sig")
        check.run("openssl", "dgst", "-sha256", "-sign", self.key, "-out", signature, message)
        return f"{signed}.{encode(signature.read_bytes())}"

    def configuration(self):
        """What the CA is told of it."""
        values = {"PROVIDER": self.PROVIDER, "ISSUER": self.ISSUER, "AUDIENCE": self.AUDIENCE,
                  "KEY_SET": self.key_set, "ZONE": self.ZONE}
        return Template(CONFIGURATION).substitute(values)


CONFIGURATION = """
[[oidc]]
name = "$PROVIDER"
issuer = "$ISSUER"
audience = "$AUDIENCE"
jwks_file = "$KEY_SET"
algorithms = ["RS256"]

[[grant]]
name = "pipelines"
who = { oidc = "$PROVIDER", claims = { project_id = "42" } }
profiles = ["tls-server"]
identifiers = ["dns:*.$ZONE"]
max_lifetime = "1h"

[[acme]]
name = "pipelines"
profiles = ["tls-server"]
default_profile = "tls-server"
external_account = "required"
challenges = []
allow = ["dns:**"]
"""
