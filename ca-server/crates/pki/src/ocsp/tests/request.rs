//! Requests that are read, or refused.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;
use crate::tlv;

#[test]
fn finds_the_cert_id_of_a_request_that_says_nothing_else() {
    let scene = Scene::new();
    let lone = scene.request("-no_nonce -serial 1");
    let cert_id = OcspRequest::parse(&lone).expect("it is read").cert_ids[0]
        .der
        .clone();

    let serial = Serial::parse_hex("01").expect("it is a serial");
    assert_eq!(lone, request_for(&scene.ca, &serial));
    assert_eq!(OcspRequest::lone_cert_id(&lone), Some(&cert_id[..]));
    let mut followed = lone.clone();
    followed.push(0);
    for other in [
        scene.request("-serial 1"),
        scene.request("-no_nonce -serial 1 -serial 2"),
        request_with_extensions(&[]),
        lone[..lone.len() - 1].to_vec(),
        followed,
        Vec::new(),
    ] {
        assert_eq!(OcspRequest::lone_cert_id(&other), None);
    }
}

#[test]
fn takes_nonces_of_1_to_128_octets_only() {
    for (length, accepted) in [(0, false), (1, true), (32, true), (128, true), (129, false)] {
        let nonce = tlv::element(tlv::OCTET_STRING, &[&vec![5; length]]);

        let parsed = OcspRequest::parse(&request_with_extensions(&[(NONCE, false, &nonce)]));

        assert_eq!(parsed.is_ok(), accepted, "{length}");
        if let Ok(request) = parsed {
            assert_eq!(request.nonce, Some(vec![5; length]));
        }
    }
    let bare = request_with_extensions(&[(NONCE, false, &[5; 16])]);
    assert!(
        OcspRequest::parse(&bare).is_err(),
        "the inner OCTET STRING is missing"
    );
    let nonce: &[u8] = &[tlv::OCTET_STRING, 1, 5];
    let twice = request_with_extensions(&[(NONCE, false, nonce), (NONCE, false, nonce)]);
    assert!(OcspRequest::parse(&twice).is_err(), "two nonces");
}

#[test]
fn refuses_unknown_extensions_only_if_they_are_critical() {
    let acceptable_responses: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x30\x01\x04";

    let passed_over = request_with_extensions(&[(acceptable_responses, false, &[0x30, 0])]);
    let refused = request_with_extensions(&[(acceptable_responses, true, &[0x30, 0])]);

    assert!(OcspRequest::parse(&passed_over).is_ok());
    assert!(OcspRequest::parse(&refused).is_err());
}

#[test]
fn a_number_that_cannot_be_a_serial_is_no_serial() {
    for number in [&[0][..], &[0x80], &[0x7f; 21]] {
        let request = OcspRequest::parse(&request_with(&[cert_id(number)], &[]));

        assert_eq!(
            request.expect("it is well formed").cert_ids[0].serial,
            None,
            "{number:02x?}"
        );
    }
}

#[test]
fn refuses_no_certificates_and_too_many() {
    let of = |count: usize| OcspRequest::parse(&request_with(&vec![cert_id(&[1]); count], &[]));

    assert!(of(0).is_err());
    assert!(of(OcspRequest::MAX_CERT_IDS).is_ok());
    assert!(of(OcspRequest::MAX_CERT_IDS + 1).is_err());
}

#[test]
fn refuses_what_is_not_a_request() {
    let whole = REQUEST_WITHOUT_PARAMETERS;
    let mut followed = whole.to_vec();
    followed.push(0);
    let mut short_hash = cert_id(&[1]);
    let at = short_hash
        .iter()
        .position(|octet| *octet == 0x14)
        .expect("a hash of 20 octets");
    short_hash.remove(at + 1);
    short_hash[at] = 0x13;
    short_hash[1] -= 1;

    for (what, der) in [
        ("trailing octets", followed),
        ("cut off", whole[..whole.len() - 1].to_vec()),
        ("nothing", Vec::new()),
        ("text", b"hello".to_vec()),
        ("a SHA-1 of 19 octets", request_with(&[short_hash], &[])),
        ("too long", vec![0x30; OcspRequest::MAX_BYTES + 1]),
    ] {
        assert_eq!(
            OcspRequest::parse(&der).err(),
            Some(MalformedRequest),
            "{what}"
        );
    }
}

#[test]
fn reads_the_path_of_a_get_however_it_was_encoded() {
    // Chosen so that its base64 has `+`, `/` and padding.
    let der = request_with_extensions(&[(NONCE, false, b"\x04\x06\xfb\xef\xbe\xff\xff\xff")]);
    let base64 = STANDARD.encode(&der);
    assert!(
        base64.contains('+') && base64.contains('/') && base64.ends_with('='),
        "{base64}"
    );
    let escaped: String = der_escaped(&base64);

    for path in [
        base64.clone(),
        base64
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D"),
        base64.replace('/', "%2f"),
        base64.replace('+', "%20"),
        base64.trim_end_matches('=').to_owned(),
        URL_SAFE_NO_PAD.encode(&der),
        escaped,
    ] {
        let request = OcspRequest::from_get_path(&path).expect(&path);

        assert_eq!(
            request.nonce.as_deref(),
            Some(&b"\xfb\xef\xbe\xff\xff\xff"[..])
        );
    }
    for path in ["", "%", "%2", "%zz", "MFAw*", &"A".repeat(100_000)] {
        assert!(OcspRequest::from_get_path(path).is_err(), "{path:.20}");
    }
}

proptest! {
    #[test]
    fn never_panics_on_a_damaged_request(
        (at, octet, cut) in (any::<prop::sample::Index>(), any::<u8>(), any::<prop::sample::Index>())
    ) {
        let mut der = request_with_extensions(&[(NONCE, true, &[4, 2, 5, 5])]);
        let position = at.index(der.len());
        der[position] = octet;
        let _ = OcspRequest::parse(&der);
        let _ = OcspRequest::from_get_path(&STANDARD.encode(&der));
        der.truncate(cut.index(der.len()));
        let _ = OcspRequest::parse(&der);
    }

    #[test]
    fn never_panics_on_any_path(path in "[%+/=A-Za-z0-9_-]{0,80}") {
        let _ = OcspRequest::from_get_path(&path);
    }
}

fn cert_id(number: &[u8]) -> Vec<u8> {
    let algorithm = b"\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00";
    let hash = tlv::element(tlv::OCTET_STRING, &[&[0xaa; 20]]);
    let serial = tlv::element(tlv::INTEGER, &[number]);
    tlv::element(tlv::SEQUENCE, &[algorithm, &hash, &hash, &serial])
}

fn request_with(cert_ids: &[Vec<u8>], tail: &[u8]) -> Vec<u8> {
    let requests: Vec<u8> = cert_ids
        .iter()
        .flat_map(|id| tlv::element(tlv::SEQUENCE, &[id]))
        .collect();
    let list = tlv::element(tlv::SEQUENCE, &[&requests]);
    tlv::element(
        tlv::SEQUENCE,
        &[&tlv::element(tlv::SEQUENCE, &[&list, tail])],
    )
}

/// A request for one certificate with these extensions: object identifier, critical, value.
fn request_with_extensions(extensions: &[(&[u8], bool, &[u8])]) -> Vec<u8> {
    let extension = |(oid, critical, value): &(&[u8], bool, &[u8])| {
        let flag: &[u8] = if *critical {
            &[tlv::BOOLEAN, 1, 0xff]
        } else {
            &[]
        };
        let oid = tlv::element(tlv::OBJECT_IDENTIFIER, &[oid]);
        tlv::element(
            tlv::SEQUENCE,
            &[&oid, flag, &tlv::element(tlv::OCTET_STRING, &[value])],
        )
    };
    let list: Vec<u8> = extensions.iter().flat_map(extension).collect();
    let wrapped = tlv::element(tlv::context(2), &[&tlv::element(tlv::SEQUENCE, &[&list])]);
    request_with(&[cert_id(&[1])], &wrapped)
}

fn der_escaped(text: &str) -> String {
    text.bytes().map(|octet| format!("%{octet:02x}")).collect()
}

const NONCE: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x30\x01\x02";
