//! Requests that openssl makes, and requests that it reads.

use super::*;
use crate::fixture::openssl_with;

/// Lets openssl make a key and a request from a configuration's `[req]` and extension lines.
fn openssl_request(key: &[&str], extensions: &str, more: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let configuration = format!(
        "[req]\ndistinguished_name=dn\nprompt=no\nstring_mask=utf8only\nreq_extensions=ext\n\
         [dn]\nO=Acme\nCN=a.example.internal\n[ext]\n{extensions}\n"
    );
    std::fs::write(folder.path().join("req.cnf"), configuration).expect("it is written");
    let make_key = [&["genpkey", "-out", "key.pem"], key].concat();
    openssl_with(folder.path(), &make_key);
    let request = [
        "req", "-new", "-config", "req.cnf", "-key", "key.pem", "-outform", "DER",
    ];
    let said = openssl_with(
        folder.path(),
        &[&request[..], &["-out", "csr.der"], more].concat(),
    );
    std::fs::read(folder.path().join("csr.der")).unwrap_or_else(|_| panic!("{said}"))
}

const P256: [&str; 4] = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

#[test]
fn reads_requests_of_openssl_with_every_kind_of_key() {
    let keys: [&[&str]; 5] = [
        &P256,
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
        &["-algorithm", "ED25519"],
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    ];
    for key in keys {
        let der = openssl_request(
            key,
            "subjectAltName=DNS:A.example.internal,DNS:a.example.internal,IP:10.0.0.1,IP:::1,\
             URI:spiffe://example.internal/a,email:a@example.internal\ntlsfeature=status_request",
            &[],
        );

        let csr = Csr::parse(&der).expect("openssl's request is good");

        let names: Vec<String> = csr.sans().iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            [
                "dns:a.example.internal",
                "ip:10.0.0.1",
                "ip:::1",
                "uri:spiffe://example.internal/a",
                "email:a@example.internal"
            ]
        );
        assert_eq!(csr.common_names(), ["a.example.internal"]);
        assert_eq!(
            crate::name::to_text(csr.subject_der()),
            "O=Acme,CN=a.example.internal"
        );
        assert!(csr.must_staple());
        assert_eq!(csr.der(), der);
        let pem = crate::pem::encode("NEW CERTIFICATE REQUEST", &der);
        assert_eq!(Csr::parse_pem(&pem).map(|it| it.der().to_vec()), Ok(der));
    }
}

#[test]
fn takes_any_hash_of_the_sha2_family_and_ignores_extensions_it_does_not_grant() {
    let wishes =
        "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n1.2.3.4=DER:0500";
    for hash in ["-sha256", "-sha384", "-sha512"] {
        let csr = Csr::parse(&openssl_request(&P256, wishes, &[hash])).expect("it is good");

        assert!(csr.sans().is_empty());
        assert!(!csr.must_staple());
    }
}

#[test]
fn refuses_old_hashes_and_pss() {
    let rsa = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
    let names = "subjectAltName=DNS:a.example.internal";
    for more in [
        &["-sha1"][..],
        &["-md5"],
        &["-sha256", "-sigopt", "rsa_padding_mode:pss"],
    ] {
        let der = openssl_request(&rsa, names, more);

        assert_eq!(
            Csr::parse(&der).map(drop),
            Err(CsrError::SignatureAlgorithm),
            "{more:?}"
        );
    }
}

#[test]
fn refuses_alternative_names_of_other_types() {
    for names in ["otherName:1.2.3.4;UTF8:a", "RID:1.2.3.4"] {
        let der = openssl_request(&P256, &format!("subjectAltName={names}"), &[]);

        assert_eq!(
            Csr::parse(&der).map(drop),
            Err(CsrError::SanType),
            "{names}"
        );
    }
    let directory_name = asn1::constructed(4, &[&name("CN=a")]);
    assert_eq!(
        request_with_names(&[&directory_name]).map(drop),
        Err(CsrError::SanType)
    );
}

#[test]
fn openssl_verifies_the_requests_that_are_built_here() {
    for signer in [
        Signer::ec(KeyAlgorithm::EcP384),
        Signer::rsa(),
        Signer::ed25519(),
    ] {
        let template = CsrTemplate {
            subject_der: name("CN=Example Issuing CA,O=Example"),
            public_key: signer.public_key(),
            sans: vec![identifier("dns:ca.example.internal")],
        };
        let info = template.to_be_signed();
        let der = template.assemble(&info, &signer.sign(&info));
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("csr.der"), &der).expect("it is written");

        let said = openssl_with(
            folder.path(),
            &[
                "req", "-in", "csr.der", "-inform", "DER", "-verify", "-text", "-noout",
            ],
        );

        assert!(said.contains("verify OK"), "{said}");
        assert!(said.contains("DNS:ca.example.internal"), "{said}");
        assert!(Csr::parse(&der).is_ok());
    }
}
