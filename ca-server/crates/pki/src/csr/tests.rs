//! Requests of other programs, and requests that are refused.

mod openssl;

use proptest::prelude::*;

use super::*;
use crate::fixture::{Signer, identifier, name};
use crate::{KeyAlgorithm, SignatureAlgorithm};

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
