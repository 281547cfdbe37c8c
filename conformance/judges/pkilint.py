"""pkilint: the rules of RFC 5280 and RFC 6960, everything from NOTICE up."""

import json

from harness.tools import VENV


def finds_nothing_in(check, authority, issued):
    """The leaf, and the leaf under its issuer."""
    certificate(check, issued.leaf)
    link(check, authority.intermediate, issued.leaf)


def finds_nothing_in_the_revocation(check, issued):
    """The CRL that lists the leaf and the OCSP response about it, as openssl left them."""
    crl(check, issued.leaf.with_suffix(".crl"))
    ocsp_response(check, issued.leaf.with_suffix(".resp"))


def certificate(check, file):
    """A certificate of any kind."""
    lint(check, "lint_pkix_cert", file)


def link(check, issuer, subject):
    """A certificate against its issuer's."""
    lint(check, "lint_pkix_signer_signee_cert_chain", issuer, subject)


def crl(check, file):
    """A CRL, DER or PEM."""
    lint(check, "lint_crl", "-t", "CRL", "-p", "PKIX", file)


def ocsp_response(check, file):
    """An OCSP response, DER."""
    lint(check, "lint_ocsp_response", "--document-format", "DER", file)


def lint(check, linter, *arguments):
    """Fails with what the linter found."""
    # The exit code counts findings, so the output tells a failure of the linter itself.
    _, output = check.run_either_way(
        VENV / "bin" / linter, "lint", "-s", "NOTICE", "-f", "JSON", *arguments
    )
    try:
        results = json.loads(output)["results"]
    except ValueError:
        raise ValueError(f"{linter} ended without a result: {output}") from None
    findings = [
        f"{finding['code']} {finding['message']} at {result['node_path']}"
        for result in results
        for finding in result["finding_descriptions"]
        if not is_a_wildcard(finding)
    ]
    check.require(not findings, f"{linter} finds {'; '.join(findings)}")


def is_a_wildcard(finding):
    """RFC 5280 §4.2.1.6 leaves the meaning of `*.x` open, RFC 9525 §6.3 gives it one."""
    return (finding["code"] == "pkix.invalid_domain_name_syntax"
            and finding["message"].startswith('Invalid domain name syntax: "*.'))
