"""A CI job with curl: a certificate for a token, and every way in which a token is no good."""

import hashlib
import hmac
import re
import time

from harness.network import wait_for
from harness.oidc_issuer import encode, part
from harness.gitlab import GitLab, bearer, gitlab


def suite(bench):
    """Good tokens, bad ones, repeated requests, and what the log says of them."""
    with gitlab(bench) as job:
        gets_certificates(job)
        is_answered_once(job)
        is_refused(job)
        trades_its_token(job)
        grants_are_reloaded(job)
        the_log_tells(job)


def gets_certificates(job):
    """One request, one certificate."""
    with job.bench.check("gets a certificate in one request (RS256)") as check:
        held = job.certificate(check, f"DNS:shop.{job.ZONE}")
        check.run("openssl", "verify", "-x509_strict", "-CAfile", job.authority.root,
                  "-untrusted", held.chain, held.chain)
        answer = held.answer.json
        check.require(answer["requested_by"].startswith("oidc:gitlab:project_path:"), str(answer))
        check.require(answer["status"] == "valid" and answer["issuer"] == "tls", str(answer))
        location = held.answer.headers.get("location", "")
        check.require(location.endswith(held.serial), f"Location is {location}")
    with job.bench.check("gets a SPIFFE certificate (ES256)") as check:
        csr = job.csr(check, "URI:spiffe://example.test/ci/42/deploy")
        answer = job.request(check, job.issuer.token(check, "ES256"), csr)
        check.require(answer.status == 201, str(answer))
    with job.bench.check("a lifetime over the grant's is cut, with a warning") as check:
        csr = job.csr(check, f"DNS:long.{job.ZONE}")
        answer = job.request(check, job.issuer.token(check), csr, lifetime="12h")
        check.require(answer.status == 201 and answer.json["warnings"], str(answer))
        lived = moment(answer.json["not_after"]) - moment(answer.json["not_before"])
        check.require(lived <= 3600, f"it lives {lived} s")


def is_answered_once(job):
    """Idempotency-Key."""
    with job.bench.check("the same request under the same key is the same certificate") as check:
        csr = job.csr(check, f"DNS:once.{job.ZONE}")
        key = ("--header", "Idempotency-Key: pipeline-7001")
        first = job.request(check, job.issuer.token(check), csr, *key)
        second = job.request(check, job.issuer.token(check), csr, *key)
        check.require(first.status == 201 and second.status in (200, 201), f"{first} {second}")
        check.require(first.json["serial"] == second.json["serial"], "two certificates")
        other = job.csr(check, f"DNS:twice.{job.ZONE}")
        third = job.request(check, job.issuer.token(check), other, *key)
        check.require(third.status == 422, f"another request was taken: {third}")


def is_refused(job):
    """Each for a reason of its own; no certificate for any."""
    now = int(time.time())
    refused = {
        "another audience": (401, "audience", {"aud": "https://elsewhere.example.test"}),
        "an expired token": (401, "expired", {"iat": now - 900, "nbf": now - 900, "exp": now - 600}),
        "a token for later": (401, "not valid yet", {"nbf": now + 600}),
        "a token for a day": (401, "lives longer", {"exp": now + 86_400}),
        "an unlisted issuer": (401, "issuer", {"iss": "https://gitlab.elsewhere.test"}),
    }
    for label, (status, word, claims) in refused.items():
        with job.bench.check(f"is refused with {label}") as check:
            require_refusal(job, check, job.issuer.token(check, **claims), status, word)
    # Whom grants are for is not told to those for whom they are not: the log has the reason.
    others = {
        "an unprotected ref": ("ref_protected", {"ref_protected": "false"}),
        "a renamed project with another id": ("project_id", {"project_id": "4242"}),
    }
    for label, (word, claims) in others.items():
        with job.bench.check(f"is refused with {label}, and the log says why") as check:
            require_refusal(job, check, job.issuer.token(check, **claims), 403, "refused")
            answer = job.curl(check, "/api/v1/audit?kind=certificate.refused&limit=1", *job.admin())
            check.require(word in answer.body, f"{word!r} is not in {answer}")
    for label, (word, forge) in FORGERIES.items():
        with job.bench.check(f"is refused with {label}") as check:
            require_refusal(job, check, forge(job.issuer, check), 401, word)
    with job.bench.check("is refused with a token used before") as check:
        token = job.issuer.token(check)
        csr = job.csr(check, f"DNS:replay.{job.ZONE}")
        check.require(job.request(check, token, csr).status == 201, "the first use fails")
        require_refusal(job, check, token, 401, "used before")
    with job.bench.check("is refused a name outside of its grant, and told the nearest") as check:
        answer = job.request(check, job.issuer.token(check), job.csr(check, "DNS:vault.test"))
        check.require(answer.status == 403 and "release-jobs" in answer.body, str(answer))
    with job.bench.check("is refused without any token") as check:
        answer = job.post(check, "/api/v1/certificates", {"csr": "", "profile": "mtls"})
        check.require(answer.status == 401, str(answer))
        check.require("Bearer" in answer.headers.get("www-authenticate", ""), str(answer.headers))


def require_refusal(job, check, token, status, word):
    """The status, and the word that tells this reason from the others."""
    answer = job.request(check, token, job.csr(check, f"DNS:never.{GitLab.ZONE}"))
    check.require(answer.status == status, f"answered {answer}")
    check.require(word in answer.body, f"{word!r} is not in {answer}")
    check.require(answer.headers["content-type"] == "application/problem+json", answer.headers)


def unsigned(issuer, check):
    """alg none, as RFC 7518 allows and nobody may."""
    return issuer.token(check, "none")


def confused(issuer, check):
    """HS256 with the public key as the secret."""
    signing_input = f"{part({'alg': 'HS256', 'kid': 'rsa-1'})}.{part(issuer.claims())}"
    mac = hmac.new(issuer.public_key_pem(), signing_input.encode(), hashlib.sha256)
    return f"{signing_input}.{encode(mac.digest())}"


def tampered(issuer, check):
    """Other claims under the signature of a good token."""
    head, _, signature = issuer.token(check).split(".")
    return f"{head}.{part(issuer.claims(project_id='1'))}.{signature}"


def with_a_key_of_its_own(issuer, check):
    """The header brings the key along."""
    return issuer.token(check, header={"kid": "mine", "jku": "https://evil.test/jwks"})


FORGERIES = {
    "alg none": ("algorithm", unsigned),
    "HS256 over the public key": ("algorithm", confused),
    "claims that were not signed": ("signature", tampered),
    "a key that is in no key set, and a jku": ("key set", with_a_key_of_its_own),
}


def trades_its_token(job):
    """RFC 8693: an access token for the CI system's."""
    with job.bench.check("trades its token for an access token, which gets a certificate") as check:
        answer = job.curl(
            check, "/oauth2/token",
            "--data-urlencode", "grant_type=urn:ietf:params:oauth:grant-type:token-exchange",
            "--data-urlencode", "subject_token_type=urn:ietf:params:oauth:token-type:jwt",
            "--data-urlencode", f"subject_token={job.issuer.token(check)}")
        check.require(answer.status == 200, str(answer))
        check.require(answer.json["token_type"] == "Bearer", str(answer))
        token = answer.json["access_token"]
        for name in ("one", "two"):
            csr = job.csr(check, f"DNS:{name}.{job.ZONE}")
            answer = job.request(check, token, csr)
            check.require(answer.status == 201, str(answer))
    with job.bench.check("the access token does not work when it was revoked") as check:
        answer = job.curl(check, "/oauth2/revoke", "--data-urlencode", f"token={token}")
        check.require(answer.status == 200, str(answer))
        require_refusal(job, check, token, 401, "revoked")
    with job.bench.check("a client logs in with its secret, by OAuth and by JSON") as check:
        output = job.authority.command(check, "client", "add", "--id", "deployer")
        secret = check.find(r"(cas_[\w-]+)", output, "no secret in the output").group(1)
        answer = job.curl(check, "/oauth2/token", "--user", f"deployer:{secret}",
                          "--data", "grant_type=client_credentials")
        check.require(answer.status == 200 and answer.json["refresh_token"], str(answer))
        answer = job.post(check, "/api/authenticate/app",
                          {"clientId": "deployer", "clientSecret": secret})
        check.require(answer.status == 200 and answer.json["refreshToken"], str(answer))
        answer = job.post(check, "/api/authenticate/app",
                          {"clientId": "deployer", "clientSecret": "cas_wrong"})
        check.require(answer.status == 401, str(answer))


def grants_are_reloaded(job):
    """SIGHUP: all of the new configuration, or nothing."""
    config = job.authority.config_file
    before = config.read_text()
    with job.bench.check("a configuration that does not hold changes nothing") as check:
        config.write_text(before.replace('"dns:*.ci.example.test"', '"dns:a*b"'))
        job.authority.reload()
        wait_for(lambda: "configuration.refused" in events(job, check), "the refusal", 10)
        job.certificate(check, f"DNS:still.{job.ZONE}")
    with job.bench.check("a grant that is withdrawn is gone without a restart") as check:
        config.write_text(before.replace('project_id = "42", ref_protected', 'project_id = "43", ref_protected'))
        job.authority.reload()
        csr = job.csr(check, f"DNS:gone.{job.ZONE}")
        wait_for(lambda: job.request(check, job.issuer.token(check), csr).status == 403,
                 "the refusal", 10)
    with job.bench.check("policy replay tells which certificates it would refuse now") as check:
        code, output = check.run_either_way(
            job.bench.server, "policy", "replay", "--config", config, "--since", "1h")
        check.require(code == 7 and "shop.ci.example.test" in output, f"{code}: {output}")
    with job.bench.check("policy explain says why") as check:
        code, output = check.run_either_way(
            job.bench.server, "policy", "explain", "--config", config, "--oidc", "gitlab",
            "--claim", "project_id=42", "--claim", "ref_protected=true", "--profile", "mtls",
            "--identifier", f"dns:shop.{job.ZONE}")
        check.require(code == 7 and "project_id" in output, f"{code}: {output}")
        config.write_text(before)
        job.authority.reload()
        output = check.run(
            job.bench.server, "policy", "explain", "--config", config, "--oidc", "gitlab",
            "--claim", "project_id=42", "--claim", "ref_protected=true", "--profile", "mtls",
            "--identifier", f"dns:shop.{job.ZONE}")
        check.require("release-jobs" in output, output)


def the_log_tells(job):
    """Issuance, refusals, logins and failed logins are in the audit log, and it verifies."""
    with job.bench.check("issuance, refusals and logins are in the audit log") as check:
        kinds = events(job, check)
        for kind in ("certificate.issued", "certificate.refused", "login.failed",
                     "login.succeeded", "client.created", "session.revoked",
                     "configuration.loaded"):
            check.require(kind in kinds, f"no {kind}")
    with job.bench.check("a job does not read the audit log") as check:
        answer = job.curl(check, "/api/v1/audit", *bearer(job.issuer.token(check)))
        check.require(answer.status == 403, str(answer))
    with job.bench.check("the audit log holds") as check:
        job.authority.command(check, "audit", "verify")


def events(job, check):
    """The kinds of every event so far."""
    kinds, path = set(), "/api/v1/audit?limit=100"
    while path:
        answer = job.curl(check, path, *job.admin())
        check.require(answer.status == 200, str(answer))
        kinds |= {event["kind"] for event in answer.json["items"]}
        cursor = answer.json.get("next")
        path = f"/api/v1/audit?limit=100&cursor={cursor}" if cursor else None
    return kinds


def moment(text):
    """Seconds since 1970."""
    return time.mktime(time.strptime(re.sub(r"\.\d+", "", text), "%Y-%m-%dT%H:%M:%SZ"))
