//! Certificates that are read, or refused.

use super::*;

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
