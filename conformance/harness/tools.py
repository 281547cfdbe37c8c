"""What must be installed. Nothing is skipped: a missing tool ends the run."""

import os
import shutil
from pathlib import Path

VENV = Path(__file__).resolve().parents[2] / "target/conformance-venv"

PROGRAMS = (
    "acme-tiny", "certbot", "certtool", "chromium", "curl", "dehydrated", "jq", "kubectl",
    "lego", "nginx", "named", "nsupdate", "ocsptool", "openssl", "rsyslogd",
    "tsig-keygen",
)
FROM_PIP = (
    "certbot", "envoy", "schemathesis", "lint_crl", "lint_ocsp_response", "lint_pkix_cert",
    "lint_pkix_signer_signee_cert_chain",
)


FOR_MANY_SERVERS = ("haproxy", "ip", "named", "nsupdate", "openssl", "tsig-keygen", "unshare")


def missing_tools():
    """The names of the tools that are not there."""
    return missing_of(PROGRAMS) + [name for name in FROM_PIP if not (VENV / "bin" / name).exists()]


def missing_for_many_servers():
    """The names of the tools that are not there, of those for servers in namespaces."""
    return missing_of(FOR_MANY_SERVERS)


def missing_of(programs):
    """Those that are not there."""
    # Debian keeps servers in sbin, which is not on everybody's path.
    os.environ["PATH"] += os.pathsep + os.pathsep.join(("/usr/local/sbin", "/usr/sbin", "/sbin"))
    return [name for name in programs if not shutil.which(name)]
