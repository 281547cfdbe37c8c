"""acme-tiny: 200 lines of Python, RSA account key, nonces by GET, an empty subject."""

from harness.bench import Issued
from harness.network import serving_files
from judges import verdict


def suite(bench):
    """One certificate for a CSR that openssl made."""
    folder, name = bench.folder, bench.host("web")
    account, key, request = (folder / file for file in ("account.key", "web.key", "web.csr"))
    challenges = folder / "web/.well-known/acme-challenge"
    challenges.mkdir(parents=True)
    with bench.check("gets a certificate for a CSR by openssl") as check:
        check.run("openssl", "genrsa", "-traditional", "-out", account, "2048")
        check.run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", request,
                  "-subj", "/", "-addext", f"subjectAltName=DNS:{name}")
        with serving_files(folder / "web", bench.address, bench.authority.http_port):
            output = check.run(
                "acme-tiny", "--quiet", "--disable-check", "--account-key", account, "--csr",
                request, "--acme-dir", challenges, "--directory-url", bench.authority.directory(),
                env={"SSL_CERT_FILE": bench.authority.root},
            )
        certificates = output.split(END_CERTIFICATE)
        check.require(len(certificates) == 3, f"not a chain of two: {output}")
        (folder / "leaf.pem").write_text(certificates[0] + END_CERTIFICATE)
        (folder / "chain.pem").write_text(certificates[1].lstrip() + END_CERTIFICATE)
    verdict.accepted(bench, "http-01", Issued(folder / "leaf.pem", folder / "chain.pem", key))


END_CERTIFICATE = "-----END CERTIFICATE-----\n"
