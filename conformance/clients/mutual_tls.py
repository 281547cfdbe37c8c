"""A service with the certificate it has: renews by it, and is out at once when it is revoked."""

import http.client
import json
import ssl

from harness.gitlab import Held, gitlab


def suite(bench):
    """curl renews; one connection lives through a revocation."""
    with gitlab(bench) as job:
        renews(job)
        is_out_when_revoked(job)


def renews(job):
    """Same names, new key, the grant asked again."""
    with job.bench.check("curl --cert renews with a new key") as check:
        held = job.certificate(check, f"DNS:renew.{job.ZONE}")
        csr = job.csr(check, f"DNS:renew.{job.ZONE}")
        answer = job.post(check, "/api/v1/certificates/renew", {"csr": csr.read_text()},
                          *held.curl_options())
        check.require(answer.status == 201, str(answer))
        check.require(answer.json["serial"] != held.serial, "the same certificate")
        old, new = held.answer.json, answer.json
        for name in ("identifiers", "profile", "issuer"):
            check.require(old[name] == new[name], f"{name}: {old[name]} became {new[name]}")
        check.run("openssl", "verify", "-x509_strict", "-CAfile", job.authority.root,
                  "-untrusted", Held.of(answer, csr).chain, csr.with_suffix(".pem"))
    with job.bench.check("the same key, other names and a bearer alone are refused") as check:
        same_key = held.key.with_suffix(".again")
        check.run("openssl", "req", "-new", "-key", held.key, "-subj", "/", "-addext",
                  f"subjectAltName=DNS:renew.{job.ZONE}", "-out", same_key)
        others = job.csr(check, f"DNS:other.{job.ZONE}")
        for csr in (same_key, others):
            answer = job.post(check, "/api/v1/certificates/renew", {"csr": csr.read_text()},
                              *held.curl_options())
            check.require(400 <= answer.status < 500, str(answer))
        answer = job.post(check, "/api/v1/certificates/renew", {"csr": others.read_text()})
        check.require(answer.status == 401, str(answer))


def is_out_when_revoked(job):
    """The next request on the connection that is open already."""
    with job.bench.check("a revoked certificate is out at its next request, same connection") as check:
        held = job.certificate(check, f"DNS:out.{job.ZONE}")
        connection = open_connection(job, held)
        status, _ = ask(connection, "GET", "/api/v1/whoami")
        check.require(status == 200, f"whoami answered {status}")
        socket = connection.sock
        status, body = ask(connection, "POST", f"/api/v1/certificates/{held.serial}/revoke",
                           {"reason": "keyCompromise"})
        check.require(status == 200, f"revocation answered {status}: {body}")
        status, body = ask(connection, "GET", "/api/v1/whoami")
        check.require(connection.sock is socket, "it was another connection")
        check.require(status in (401, 403), f"answered {status}: {body}")
        connection.close()


def open_connection(job, held):
    """One TLS connection that shows the certificate."""
    context = ssl.create_default_context(cafile=str(job.authority.root))
    context.load_cert_chain(held.chain, held.key)
    host = job.authority.external_url.removeprefix("https://")
    return http.client.HTTPSConnection(host, context=context, timeout=20)


def ask(connection, method, path, body=None):
    """One request; returns status and body."""
    headers = {"Content-Type": "application/json"} if body is not None else {}
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()
