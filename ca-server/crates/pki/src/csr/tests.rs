//! Requests of other programs, and requests that are refused.

use proptest::prelude::*;

use super::*;
use crate::fixture::{Signer, identifier, name, openssl_with};
use crate::{KeyAlgorithm, SignatureAlgorithm};

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

/// A request signed by `signer` over the given parts of CertificationRequestInfo.
fn signed_request(signer: &Signer, subject: &[u8], attributes: &[&[u8]]) -> Vec<u8> {
    let info = asn1::sequence(&[
        &asn1::unsigned_integer(&[0]),
        subject,
        signer.public_key().spki_der(),
        &asn1::constructed(0, attributes),
    ]);
    asn1::signed(
        &info,
        signer.public_key().signature_algorithm(),
        &signer.sign(&info),
    )
}

fn extension_request(extensions: &[&[u8]]) -> Vec<u8> {
    let list = asn1::sequence(extensions);
    asn1::sequence(&[
        &asn1::oid(&rfc5912::ID_EXTENSION_REQ),
        &asn1::set_of_one(&list),
    ])
}

fn alternative_names(entries: &[&[u8]]) -> Vec<u8> {
    asn1::extension(
        &rfc5280::ID_CE_SUBJECT_ALT_NAME,
        asn1::Criticality::NonCritical,
        &asn1::sequence(entries),
    )
}

fn request_with_names(entries: &[&[u8]]) -> Result<Csr, CsrError> {
    let signer = Signer::ec(KeyAlgorithm::EcP256);
    let attribute = extension_request(&[&alternative_names(entries)]);
    Csr::parse(&signed_request(
        &signer,
        &asn1::sequence(&[]),
        &[&attribute],
    ))
}

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
fn refuses_names_that_an_order_would_refuse() {
    let entry = |number, content: &[u8]| asn1::primitive(number, content);
    for bad in [
        entry(2, b"a_b.example"),
        entry(2, b"10.0.0.1"),
        entry(2, b"a.example\0.evil.example"),
        entry(2, b""),
        entry(7, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1]),
        entry(6, b"example"),
        entry(1, b"not a mailbox"),
    ] {
        let refused = request_with_names(&[&entry(2, b"a.example"), &bad]);
        assert!(
            matches!(refused, Err(CsrError::Name(_))),
            "{bad:02x?}: {refused:?}"
        );
    }
    for bad in [
        entry(7, &[10, 0, 0]),
        entry(7, &[0; 8]),
        entry(2, b"m\xfcnchen"),
        entry(3, b"a"),
    ] {
        let refused = request_with_names(&[&bad]);
        assert_eq!(refused.map(drop), Err(CsrError::Malformed), "{bad:02x?}");
    }
    assert_eq!(request_with_names(&[]).map(drop), Err(CsrError::Malformed));
}

#[test]
fn counts_names() {
    let entries = |count: usize| -> Vec<Vec<u8>> {
        let text = |at| format!("a{at}.example");
        (0..count)
            .map(|at| asn1::primitive(2, text(at).as_bytes()))
            .collect()
    };
    let parse = |entries: &[Vec<u8>]| {
        request_with_names(&entries.iter().map(Vec::as_slice).collect::<Vec<_>>())
    };

    assert_eq!(parse(&entries(100)).map(|csr| csr.sans().len()), Ok(100));
    assert_eq!(parse(&entries(101)).map(drop), Err(CsrError::TooManyNames));
}

#[test]
fn finds_every_common_name_and_refuses_those_in_odd_string_types() {
    let signer = Signer::ec(KeyAlgorithm::EcP256);
    let common_name = |tag| {
        let oid = asn1::oid(&const_oid::db::rfc4519::COMMON_NAME);
        asn1::set_of_one(&asn1::sequence(&[&oid, &asn1::string(tag, " a.example ")]))
    };
    let several = asn1::sequence(&[&common_name(0x0c), &common_name(0x13), &common_name(0x16)]);
    let odd = asn1::sequence(&[&common_name(0x1e)]);

    let csr = Csr::parse(&signed_request(&signer, &several, &[])).expect("it is good");
    let refused = Csr::parse(&signed_request(&signer, &odd, &[]));

    assert_eq!(csr.common_names(), ["a.example"; 3]);
    assert!(matches!(refused, Err(CsrError::Name(_))), "{refused:?}");
}

#[test]
fn refuses_a_request_signed_by_another_key() {
    let template = CsrTemplate {
        subject_der: asn1::sequence(&[]),
        public_key: Signer::ec(KeyAlgorithm::EcP256).public_key(),
        sans: Vec::new(),
    };
    let info = template.to_be_signed();
    let signature = Signer::ec(KeyAlgorithm::EcP256).sign(&info);

    let refused = Csr::parse(&template.assemble(&info, &signature));

    assert_eq!(refused.map(drop), Err(CsrError::Signature));
}

#[test]
fn refuses_what_comes_twice_or_has_another_version() {
    let signer = Signer::ec(KeyAlgorithm::EcP256);
    let empty = asn1::sequence(&[]);
    let names = alternative_names(&[&asn1::primitive(2, b"a.example")]);
    let once = extension_request(&[&names]);
    let twice = extension_request(&[&names, &names]);
    let two_lists = asn1::sequence(&[
        &asn1::oid(&rfc5912::ID_EXTENSION_REQ),
        &crate::tlv::element(
            asn1::SET,
            &[&asn1::sequence(&[&names]), &asn1::sequence(&[&names])],
        ),
    ]);
    let version_1 = asn1::sequence(&[
        &asn1::unsigned_integer(&[1]),
        &empty,
        signer.public_key().spki_der(),
        &asn1::constructed(0, &[]),
    ]);
    let version_1 = asn1::signed(
        &version_1,
        SignatureAlgorithm::EcdsaSha256,
        &signer.sign(&version_1),
    );

    assert!(Csr::parse(&signed_request(&signer, &empty, &[&once])).is_ok());
    for der in [
        signed_request(&signer, &empty, &[&once, &once]),
        signed_request(&signer, &empty, &[&twice]),
        signed_request(&signer, &empty, &[&two_lists]),
        version_1,
    ] {
        assert_eq!(Csr::parse(&der).map(drop), Err(CsrError::Malformed));
    }
}

#[test]
fn reads_the_requests_of_rcgen_and_of_clients_that_leave_attributes_out() {
    let key = rcgen::KeyPair::generate().expect("rcgen makes a key");
    let params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]);
    let request = params
        .and_then(|params| params.serialize_request(&key))
        .expect("rcgen signs");
    let signer = Signer::ed25519();
    let subject = asn1::sequence(&[]);
    let info = asn1::sequence(&[
        &asn1::unsigned_integer(&[0]),
        &subject,
        signer.public_key().spki_der(),
    ]);
    let bare = asn1::signed(&info, SignatureAlgorithm::Ed25519, &signer.sign(&info));

    let sans = Csr::parse(request.der()).map(|csr| csr.sans().clone());
    assert_eq!(sans, Ok([identifier("dns:a.example")].into()));
    assert!(Csr::parse(&bare).is_ok());
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

proptest! {
    #[test]
    fn never_takes_a_request_with_a_changed_octet(at in 0_usize..1_000, change in 1_u8..=255) {
        thread_local! {
            static GOOD: Vec<u8> = {
                let signer = Signer::ec(KeyAlgorithm::EcP256);
                let names = alternative_names(&[&asn1::primitive(2, b"a.example")]);
                let attribute = extension_request(&[&names]);
                signed_request(&signer, &name("CN=a.example"), &[&attribute])
            };
        }
        let mut der = GOOD.with(Clone::clone);
        let at = at % der.len();
        der[at] ^= change;

        prop_assert!(Csr::parse(&der).is_err());
    }

    #[test]
    fn never_panics(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Csr::parse(&octets);
        let _ = Csr::parse(&asn1::sequence(&[&octets]));
    }
}
