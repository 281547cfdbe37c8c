//! Certificates as openssl sees them, and certificates that are refused.

use proptest::prelude::*;

use super::*;
use crate::KeyAlgorithm;
use crate::authority;
use crate::fixture::{
    Pki, Signer, identifier, name, openssl, shown_by_openssl, subordinate_request, validity,
};

/// What an error is expected to say, and the change of a template that provokes it.
type Change = (&'static str, fn(&mut Template));

fn leaf_key() -> PublicKey {
    Signer::ec(KeyAlgorithm::EcP256).public_key()
}

/// Changes the usual leaf and issues it.
fn leaf(pki: &Pki, change: impl FnOnce(&mut Template)) -> Certificate {
    let mut template = pki.leaf(&leaf_key());
    change(&mut template);
    pki.issuer_key.issue(&template)
}

#[test]
fn openssl_accepts_the_chain_for_every_kind_of_leaf() {
    let pki = Pki::new();
    for signer in [
        Signer::ec(KeyAlgorithm::EcP256),
        Signer::ec(KeyAlgorithm::EcP384),
        Signer::ec(KeyAlgorithm::EcP521),
        Signer::ed25519(),
        Signer::rsa(),
    ] {
        let leaf = pki.issuer_key.issue(&pki.leaf(&signer.public_key()));

        let said = pki.verified_by_openssl(&leaf, "sslserver");

        assert_eq!(
            said,
            "leaf.pem: OK\n",
            "{}",
            signer.public_key().algorithm()
        );
        assert_eq!(leaf.verify_issued_by(&pki.issuer), Ok(()));
    }
}

#[test]
fn openssl_shows_the_extensions_of_a_leaf() {
    let pki = Pki::new();

    let shown = shown_by_openssl(&leaf(&pki, |_| {}));

    for expected in [
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "X509v3 Extended Key Usage: \n                TLS Web Server Authentication\n",
        "X509v3 Subject Alternative Name: critical\n                \
         DNS:a.example.internal, IP Address:10.0.0.1\n",
        "X509v3 Subject Key Identifier: \n",
        "X509v3 Authority Key Identifier: \n",
        "Full Name:\n                  URI:http://ca.example.internal/crl/tls.crl\n",
        "OCSP - URI:http://ca.example.internal/ocsp/tls\n",
        "CA Issuers - URI:http://ca.example.internal/issuers/tls.cer\n",
    ] {
        assert!(shown.contains(expected), "{expected:?} is not in\n{shown}");
    }
    assert!(!shown.contains("Basic Constraints"), "{shown}");
}

#[test]
fn openssl_accepts_a_client_that_has_groups_and_no_alternative_names() {
    let pki = Pki::new();
    let groups = ["system:masters".to_owned(), "m\u{fc}nchen".to_owned()];

    let client = leaf(&pki, |it| {
        it.subject_der = member_name(Some("anna"), &groups).expect("it is sound");
        it.sans.clear();
        it.extended_key_usage = vec![ExtendedKeyUsage::ClientAuth];
    });

    assert_eq!(
        pki.verified_by_openssl(&client, "sslclient"),
        "leaf.pem: OK\n"
    );
    let shown = shown_by_openssl(&client);
    // RFC 2253 shows the last attribute first.
    for expected in [
        "Subject: CN=anna,O=m\\C3\\BCnchen,O=system:masters\n",
        "X509v3 Extended Key Usage: \n                TLS Web Client Authentication\n",
    ] {
        assert!(shown.contains(expected), "{expected:?} is not in\n{shown}");
    }
    assert!(!shown.contains("Alternative Name"), "{shown}");
}

#[test]
fn openssl_reads_what_a_ci_system_says() {
    let pki = Pki::new();
    let folder = tempfile::tempdir().expect("a temporary folder");

    let job = leaf(&pki, |it| {
        it.ci_claims = CiClaimKind::ALL
            .map(|kind| CiClaim {
                kind,
                value: format!("{kind:?} \u{fc}"),
            })
            .to_vec();
    });
    std::fs::write(folder.path().join("leaf.der"), job.der()).expect("it is written");
    let parsed = openssl(folder.path(), "asn1parse -inform DER -in leaf.der");

    assert_eq!(pki.verified_by_openssl(&job, "sslserver"), "leaf.pem: OK\n");
    for kind in CiClaimKind::ALL {
        let value = asn1::string(asn1::UTF8_STRING, &format!("{kind:?} \u{fc}"));
        let value: String = value.iter().map(|octet| format!("{octet:02X}")).collect();
        let oid = format!("OBJECT            :{}\n", kind.dotted());
        let (_, after) = parsed
            .split_once(&oid)
            .unwrap_or_else(|| panic!("{parsed}"));
        let next = after.lines().next().unwrap_or_default();
        assert!(next.contains("OCTET STRING"), "not critical: {next}");
        assert!(next.ends_with(&format!("[HEX DUMP]:{value}")), "{next}");
    }
}

#[test]
fn refuses_to_say_the_same_of_a_ci_job_twice_or_of_a_ca() {
    let pki = Pki::new();
    let claim = CiClaim {
        kind: CiClaimKind::Issuer,
        value: "https://gitlab.example".to_owned(),
    };
    let mut twice = pki.leaf(&leaf_key());
    twice.ci_claims = vec![claim.clone(), claim.clone()];
    let mut authority = authority::subordinate(
        &pki.root,
        subordinate_request(&Signer::ec(KeyAlgorithm::EcP256)),
    );
    authority.ci_claims = vec![claim];

    assert!(twice.to_be_signed().is_err());
    assert!(authority.to_be_signed().is_err());
}

#[test]
fn openssl_shows_the_extensions_of_cas() {
    let pki = Pki::new();
    let key = Signer::ec(KeyAlgorithm::EcP256);
    let mut request = subordinate_request(&key);
    request.name_constraints = Some(NameConstraints {
        permitted: Subtrees {
            dns: vec!["example.internal".to_owned()],
            ip: vec![("10.0.0.0".parse().expect("it is an address"), 8)],
            ..Subtrees::default()
        },
        excluded: Subtrees {
            dns: vec!["secret.example.internal".to_owned()],
            ..Subtrees::default()
        },
    });
    let constrained = pki
        .root_key
        .issue(&authority::subordinate(&pki.root, request));

    let root = shown_by_openssl(&pki.root);
    let subordinate = shown_by_openssl(&constrained);

    for expected in [
        "X509v3 Basic Constraints: critical\n                CA:TRUE\n",
        "CRL Sign",
    ] {
        assert!(root.contains(expected), "{expected:?} is not in\n{root}");
    }
    assert!(
        !root.contains("Extended Key Usage") && !root.contains("Authority Key"),
        "{root}"
    );
    for expected in [
        "CA:TRUE, pathlen:0",
        "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n",
        "X509v3 Name Constraints: critical\n                Permitted:\n                  \
         DNS:example.internal\n                  IP:10.0.0.0/255.0.0.0\n                \
         Excluded:\n                  DNS:secret.example.internal",
    ] {
        assert!(
            subordinate.contains(expected),
            "{expected:?} is not in\n{subordinate}"
        );
    }
}

#[test]
fn gives_key_encipherment_to_rsa_servers_only() {
    let pki = Pki::new();
    let rsa = Signer::rsa().public_key();
    let usage = |change: fn(&mut Template)| {
        let issued = leaf(&pki, |template| {
            template.public_key = rsa.clone();
            change(template);
        });
        issued.extensions().key_usage.clone()
    };

    let both = [KeyUsage::DigitalSignature, KeyUsage::KeyEncipherment];
    assert_eq!(usage(|_| {}), Some(both.into()));
    assert_eq!(
        usage(|template| template.extended_key_usage = vec![ExtendedKeyUsage::ClientAuth]),
        Some([KeyUsage::DigitalSignature].into())
    );
}

#[test]
fn a_name_in_the_subject_makes_the_alternative_names_uncritical() {
    let pki = Pki::new();
    let dns = "a.example.internal".parse().expect("it is a name");

    let issued = leaf(&pki, |template| {
        template.subject_der = name_with_common_name(&dns)
    });

    let shown = shown_by_openssl(&issued);
    assert!(
        shown.contains("X509v3 Subject Alternative Name: \n"),
        "{shown}"
    );
    assert_eq!(issued.subject_text(), "CN=a.example.internal");
    assert_eq!(
        pki.verified_by_openssl(&issued, "sslserver"),
        "leaf.pem: OK\n"
    );
}

#[test]
fn says_that_revocation_data_is_not_needed_or_must_be_stapled() {
    let pki = Pki::new();

    let without = shown_by_openssl(&leaf(&pki, |template| {
        template.crl_urls.clear();
        template.ocsp_urls.clear();
        template.no_revocation_available = true;
    }));
    let stapled = shown_by_openssl(&leaf(&pki, |template| template.must_staple = true));

    let is_named = without.contains("No Revocation Available") || without.contains("2.5.29.56");
    assert!(is_named, "{without}");
    assert!(
        !without.contains("CRL Distribution") && !without.contains("OCSP"),
        "{without}"
    );
    assert!(
        stapled.contains("TLS Feature: \n                status_request"),
        "{stapled}"
    );
}

#[test]
fn openssl_knows_a_responder() {
    let pki = Pki::new();

    let responder = leaf(&pki, |template| {
        template.role = Role::OcspResponder;
        template.subject_der = name("CN=Example OCSP Responder");
        template.sans.clear();
        template.extended_key_usage.clear();
        template.crl_urls.clear();
        template.ocsp_urls.clear();
        template.issuer_urls.clear();
    });

    let shown = shown_by_openssl(&responder);
    assert!(shown.contains("OCSP No Check"), "{shown}");
    assert!(shown.contains("OCSP Signing"), "{shown}");
    assert_eq!(
        pki.verified_by_openssl(&responder, "ocsphelper"),
        "leaf.pem: OK\n"
    );
    assert_eq!(
        responder.extensions().extended_key_usage,
        [ExtendedKeyUsage::OcspSigning]
    );
}

#[test]
fn copies_the_issuers_name_byte_for_byte() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    openssl(
        folder.path(),
        "ecparam -name prime256v1 -genkey -noout -out ca.key",
    );
    let configuration = "[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=ext\n\
        string_mask=nombstr\n[dn]\n0.OU=First\n1.OU=Second\n+CN=M\u{fc}ller\nO=Example\n\
        [ext]\nbasicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n\
        subjectKeyIdentifier=hash\n";
    std::fs::write(folder.path().join("ca.cnf"), configuration).expect("it is written");
    let said = openssl(
        folder.path(),
        "req -x509 -new -key ca.key -config ca.cnf -days 3650 -out ca.pem -multivalue-rdn",
    );
    let pem = std::fs::read_to_string(folder.path().join("ca.pem")).expect(&said);
    let foreign = Certificate::parse_pem_chain(&pem)
        .expect("openssl's CA is read")
        .remove(0);
    openssl(
        folder.path(),
        "pkcs8 -topk8 -nocrypt -in ca.key -outform DER -out ca.p8",
    );
    let key = std::fs::read(folder.path().join("ca.p8")).expect("openssl wrote it");
    let key = aws_lc_rs::signature::EcdsaKeyPair::from_pkcs8(
        &aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1_SIGNING,
        &key,
    );
    let signer = Signer::Ec(key.expect("aws-lc reads it"), KeyAlgorithm::EcP256);
    let mut template = Pki::new().leaf(&leaf_key());
    template.issuer_der = foreign.subject_der().to_vec();
    template.authority_key_identifier = Some(foreign.key_identifier());
    template.validity = foreign.validity();

    let issued = signer.issue(&template);

    std::fs::write(folder.path().join("leaf.pem"), issued.pem()).expect("it is written");
    let said = openssl(folder.path(), "verify -x509_strict -CAfile ca.pem leaf.pem");
    assert_eq!(said, "leaf.pem: OK\n");
    assert_eq!(issued.verify_issued_by(&foreign), Ok(()));
}

#[test]
fn reads_back_everything_that_the_template_says() {
    let pki = Pki::new();
    let key = leaf_key();
    let template = pki.leaf(&key);

    let issued = pki.issuer_key.issue(&template);

    assert_eq!(issued.serial(), &template.serial);
    assert_eq!(issued.issuer_der(), template.issuer_der);
    assert_eq!(issued.subject_der(), template.subject_der);
    assert_eq!(issued.validity(), template.validity);
    assert_eq!(issued.public_key(), &key);
    let extensions = issued.extensions();
    assert_eq!(extensions.sans, template.sans.into_iter().collect());
    assert_eq!(extensions.extended_key_usage, template.extended_key_usage);
    assert_eq!(
        extensions.subject_key_identifier.as_deref(),
        Some(&key.key_identifier()[..])
    );
    assert_eq!(
        extensions.authority_key_identifier,
        Some(pki.issuer.key_identifier())
    );
    assert_eq!(extensions.authority, None);
    assert!(extensions.unknown_critical.is_empty());
    assert_eq!(
        Certificate::parse_pem_chain(&issued.pem()),
        Ok(vec![issued])
    );
}

#[test]
fn refuses_templates_that_contradict_themselves() {
    let pki = Pki::new();
    let changes: [Change; 10] = [
        ("ends before", |it| {
            it.validity = validity("2027-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
        }),
        ("no revocation data", |it| it.no_revocation_available = true),
        ("neither a subject", |it| it.sans.clear()),
        ("stapling", |it| {
            it.must_staple = true;
            it.ocsp_urls.clear();
        }),
        ("self-signed root", |it| it.authority_key_identifier = None),
        ("CA has no subject alternative", |it| {
            it.role = Role::Authority {
                path_length: PathLength::Unlimited,
                name_constraints: None,
            };
        }),
        ("CA has a subject", |it| {
            it.role = Role::Authority {
                path_length: PathLength::Unlimited,
                name_constraints: None,
            };
            it.sans.clear();
        }),
        ("role of a responder", |it| {
            it.extended_key_usage.push(ExtendedKeyUsage::OcspSigning)
        }),
        ("not checked for revocation", |it| {
            it.role = Role::OcspResponder
        }),
        ("not an object identifier", |it| {
            it.extended_key_usage = vec![ExtendedKeyUsage::Other("serverauth".to_owned())];
        }),
    ];
    for (expected, change) in changes {
        let mut template = pki.leaf(&leaf_key());
        change(&mut template);

        match template.to_be_signed() {
            Err(CertificateError::Template(why)) => assert!(why.contains(expected), "{why}"),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn computes_the_renewal_identifier_of_the_rfc() {
    let pki = Pki::new();
    let issued = leaf(&pki, |template| {
        template.serial = Serial::parse_hex("8765432101020304").expect("it is a number");
        template.authority_key_identifier =
            Some(b"i\x88[k\x87F@A\xe1\xb3{\x84{\xa0\xae,\xde\x01\xc8\xd4".to_vec());
    });

    // RFC 9773 §4.1 has this key identifier; the serial there begins with the same octets.
    let renewal_id = issued.renewal_id().expect("it names its issuer's key");
    assert!(
        renewal_id.starts_with("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"),
        "{renewal_id}"
    );
}

#[test]
fn refuses_bytes_that_are_not_a_certificate() {
    let der = Pki::new().root.der().to_vec();
    let after = [der.as_slice(), &[0]].concat();
    let too_long = asn1::sequence(&[&vec![0; 65 * 1024]]);
    for bad in [&der[..der.len() - 1], &after, &too_long, b"", b"0\x00"] {
        assert_eq!(Certificate::parse(bad), Err(CertificateError::Malformed));
    }
}

#[test]
fn refuses_a_certificate_whose_algorithms_differ() {
    let pki = Pki::new();
    let tbs = pki
        .leaf(&leaf_key())
        .to_be_signed()
        .expect("the template holds");
    let signature = pki.issuer_key.sign(&tbs);

    let assembled = Certificate::assemble(&tbs, SignatureAlgorithm::EcdsaSha384, &signature);

    assert_eq!(assembled, Err(CertificateError::Malformed));
}

#[test]
fn reads_certificates_of_others_and_names_unknown_critical_extensions() {
    let key = rcgen::KeyPair::generate().expect("rcgen makes a key");
    let mut params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).expect("a name");
    let mut extension = rcgen::CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
    extension.set_criticality(true);
    params.custom_extensions.push(extension);

    let read = Certificate::parse(params.self_signed(&key).expect("rcgen signs").der());

    let extensions = read
        .map(|it| it.extensions().clone())
        .expect("rcgen's certificate is read");
    assert_eq!(extensions.unknown_critical, ["1.2.3.4"]);
    assert_eq!(extensions.sans, [identifier("dns:a.example")].into());
}

#[test]
fn knows_purposes_by_name_and_number() {
    for name in [
        "serverAuth",
        "clientAuth",
        "OCSPSigning",
        "1.3.6.1.4.1.311.20.2.2",
    ] {
        let purpose = ExtendedKeyUsage::parse(name).expect("it is a purpose");
        assert_eq!(purpose.to_string(), name);
    }
    assert_eq!(
        ExtendedKeyUsage::parse("1.3.6.1.5.5.7.3.1"),
        Some(ExtendedKeyUsage::ServerAuth)
    );
    assert_eq!(ExtendedKeyUsage::parse("server"), None);
}

proptest! {
    #[test]
    fn never_panics_and_never_verifies_with_a_changed_octet(at in any::<usize>(), change in 1_u8..=255) {
        thread_local! {
            static PKI: (Pki, Vec<u8>) = {
                let pki = Pki::new();
                let der = leaf(&pki, |_| {}).der().to_vec();
                (pki, der)
            };
        }
        PKI.with(|(pki, good)| {
            let mut der = good.clone();
            let at = at % der.len();
            der[at] ^= change;

            let verified = Certificate::parse(&der).and_then(|it| it.verify_issued_by(&pki.issuer));

            prop_assert!(verified.is_err());
            Ok(())
        })?;
    }

    #[test]
    fn never_panics_on_noise(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Certificate::parse(&octets);
        let _ = Certificate::parse(&asn1::sequence(&[&asn1::sequence(&[&octets])]));
        let _ = PublicKey::from_spki_der(&octets);
        let _ = name::to_text(&octets);
    }
}
