"""A CA with a CI system beside it: jobs show tokens, grants say what they may have."""

import contextlib
import json
import uuid
from dataclasses import dataclass
from pathlib import Path

from harness.authority import Authority
from harness.bench import Bench
from harness.oidc_issuer import OidcIssuer


@dataclass(frozen=True)
class Answer:
    """What curl got."""

    status: int
    headers: dict
    body: str

    @property
    def json(self):
        """The body as JSON."""
        return json.loads(self.body)

    def __str__(self):
        return f"{self.status} {self.body[:300]}"


@contextlib.contextmanager
def gitlab(bench, more=""):
    """Starts an issuer of tokens and a CA that knows it, for one suite."""
    issuer = OidcIssuer(bench.folder / "gitlab", None)
    with contextlib.ExitStack() as world:
        with bench.check("a CI system and a CA that knows it start") as check:
            world.enter_context(issuer.started(check))
            authority = Authority(bench.server, bench.folder / "ca",
                                  more=lambda ca: configuration(ca, issuer) + more)
            issuer.audience = world.enter_context(authority.started(check)).external_url
        yield GitLab(bench, authority, issuer)


class GitLab:
    """What a job has: curl, openssl, the root, and tokens."""

    ZONE = "ci.example.test"

    def __init__(self, bench, authority, issuer):
        self.bench = bench
        self.authority = authority
        self.issuer = issuer
        self.folder = bench.folder

    def url(self, path):
        """A URL below the CA's."""
        return f"{self.authority.external_url}{path}"

    def curl(self, check, path, *options):
        """One request; returns the answer whatever its status."""
        headers = self.folder / f"{uuid.uuid4().hex}.headers"
        output = check.run(
            "curl", "--silent", "--show-error", "--max-time", "20", "--cacert",
            self.authority.root, "--dump-header", headers, "--write-out", "\n%{http_code}",
            *options, self.url(path))
        body, status = output.rsplit("\n", 1)
        lines = [line.split(": ", 1) for line in headers.read_text().splitlines() if ": " in line]
        answer = Answer(int(status), {name.lower(): value for name, value in lines}, body)
        check.require(answer.status < 500, f"the server failed: {answer}")
        return answer

    def post(self, check, path, body, *options):
        """POSTs JSON."""
        return self.curl(check, path, "--header", "Content-Type: application/json",
                         "--data", json.dumps(body), *options)

    def request(self, check, token, csr, *options, **members):
        """Asks for a certificate with a token as the bearer."""
        body = {"csr": csr.read_text(), "profile": "mtls"} | members
        return self.post(check, "/api/v1/certificates", body, *bearer(token), *options)

    def csr(self, check, *sans, subject="/"):
        """A fresh P-256 key and a request for these names; returns the request's file."""
        stem = self.folder / uuid.uuid4().hex
        names = ("-addext", f"subjectAltName={','.join(sans)}") if sans else ()
        check.run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:prime256v1", "-nodes", "-subj", subject, *names,
                  "-keyout", stem.with_suffix(".key"), "-out", stem.with_suffix(".csr"))
        return stem.with_suffix(".csr")

    def certificate(self, check, *sans, subject="/", profile="mtls", **claims):
        """Gets a certificate; returns it with the files that clients show."""
        csr = self.csr(check, *sans, subject=subject)
        answer = self.request(check, self.issuer.token(check, **claims), csr, profile=profile)
        check.require(answer.status == 201, f"no certificate: {answer}")
        return Held.of(answer, csr)

    def admin(self):
        """curl's options for the admin token that quickstart wrote."""
        return bearer((self.authority.folder / "admin-token").read_text().strip())


@dataclass(frozen=True)
class Held:
    """A certificate, its chain and its key in files."""

    serial: str
    chain: Path
    key: Path
    answer: Answer

    @classmethod
    def of(cls, answer, csr):
        """Writes what an answer holds beside the key."""
        chain = csr.with_suffix(".pem")
        chain.write_text(answer.json["certificate"] + answer.json["chain"])
        return cls(answer.json["serial"], chain, csr.with_suffix(".key"), answer)

    def curl_options(self):
        """Shows the certificate."""
        return "--cert", self.chain, "--key", self.key


def bearer(token):
    """curl's option for a bearer token."""
    return "--header", f"Authorization: Bearer {token}"


def configuration(authority, issuer):
    """The provider, and the grant of protected branches of one project."""
    return f"""
[[oidc]]
name = "gitlab"
issuer = "{issuer.issuer}"
audience = "{authority.external_url}"
jwks_url = "{issuer.key_set_url}"
jwks_ca = "{issuer.roots}"
algorithms = ["RS256", "ES256"]
single_use = true
kind = "gitlab"

[[grant]]
name = "release-jobs"
who = {{ oidc = "gitlab", claims = {{ project_id = "42", ref_protected = "true" }} }}
profiles = ["tls-server", "mtls"]
identifiers = ["dns:*.{GitLab.ZONE}", "uri:spiffe://example.test/ci/42/*"]
max_lifetime = "1h"

[[grant]]
name = "people"
who = {{ oidc = "gitlab", claims = {{ project_id = "42", user_login = "dana" }} }}
profiles = ["client"]
identifiers = ["email:*@example.test"]
subject = {{ common_name = "{{user_login}}", organizations = ["deployers", "readers"] }}
"""
