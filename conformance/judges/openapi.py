"""schemathesis and a browser on the API's own description."""

import re

from harness.gitlab import gitlab
from harness.tools import VENV


def suite(bench):
    """Thousands of requests from the document; the page that renders it."""
    with gitlab(bench, "\n[api]\nrequests_per_minute = 1000000\nburst = 1000000\n") as job:
        with bench.check("the description is OpenAPI 3.1 and names every way to be known") as check:
            answer = job.curl(check, "/api/v1/openapi.json")
            check.require(answer.status == 200, str(answer))
            check.require(answer.json["openapi"].startswith("3.1"), answer.json["openapi"])
            schemes = {scheme["type"] for scheme in
                       answer.json["components"]["securitySchemes"].values()}
            check.require({"http", "mutualTLS"} <= schemes, str(schemes))
        for who, options in (("an admin", job.admin()), ("nobody", ())):
            with bench.check(f"schemathesis finds nothing as {who}") as check:
                schemathesis(job, check, options)
        the_page_renders(job)


def schemathesis(job, check, options):
    """No 5xx, no undocumented status, no answer that breaks its schema."""
    output = check.run(
        VENV / "bin/schemathesis", "run", job.url("/api/v1/openapi.json"),
        "--tls-verify", job.authority.root, "--checks",
        "not_a_server_error,status_code_conformance,content_type_conformance,"
        "response_headers_conformance,response_schema_conformance",
        "--max-examples", "25", "--seed", "8", "--request-timeout", "20",
        # Two threads that parse Python at once can fail in CPython 3.11 itself ("AST constructor
        # recursion depth mismatch").
        "--workers", "1",
        *(("-H", options[1]) if options else ()),
        cwd=job.folder, within=300)
    check.find(r"Test cases:|passed", output, "no summary")


def the_page_renders(job):
    """Chromium, with every host but the CA's out of reach."""
    with job.bench.check("the documentation page renders in a browser, fetching nothing elsewhere") as check:
        host = re.sub(r"^https://", "", job.authority.external_url).split(":")[0]
        output = check.run(
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
            "--ignore-certificate-errors", "--virtual-time-budget=20000",
            f"--user-data-dir={job.folder / 'chromium'}",
            f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {host}",
            job.url("/api/v1/docs"), env={"HOME": job.folder}, within=120)
        check.require("/api/v1/certificates" in output, "the routes are not on the page")
        check.require("/oauth2/token" in output, "the token endpoint is not on the page")
