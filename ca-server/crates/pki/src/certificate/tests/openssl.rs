//! Certificates as openssl sees them.

use super::*;

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
