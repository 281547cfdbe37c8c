"""Another intermediate for quickstart's CA: its key where and of what kind a suite wants it."""

import json
import time


def replace(check, authority, key, curve):
    """Makes the key at a URI, has the root certify it, and puts both into the configuration."""
    request = authority.folder / "new-tls.csr"
    certificate = authority.folder / "new-tls.pem"
    authority.command(check, "issuer", "request", "--name=tls", "--key", key, "--out", request,
                      "--subject=CN=Another Issuing CA", f"--algorithm=ec-{curve}")
    settings = authority.folder / "new-tls.cnf"
    settings.write_text(EXTENSIONS.format(pki=authority.pki_url))
    check.run("openssl", "x509", "-req", "-in", request, "-CA", authority.root,
              "-CAkey", authority.folder / "root.key", "-sha384", "-days", "300",
              "-set_serial", f"0x10{time.time_ns():016x}", "-extfile", settings,
              "-out", certificate)
    authority.replace('"file:tls.key"', json.dumps(key))
    authority.command(check, "issuer", "install", "--name=tls", "--certificate", certificate,
                      "--root", authority.root)


EXTENSIONS = """basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign, digitalSignature
extendedKeyUsage = serverAuth, clientAuth, OCSPSigning
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
crlDistributionPoints = URI:{pki}/crl/root.crl
authorityInfoAccess = caIssuers;URI:{pki}/issuers/root.cer
"""
