//! Keys that are taken, keys that are refused, and what they verify.

mod rsa;

use super::*;
use crate::asn1;
use crate::fixture::{Signer, openssl};

fn every_kind() -> Vec<Signer> {
    vec![
        Signer::ec(KeyAlgorithm::EcP256),
        Signer::ec(KeyAlgorithm::EcP384),
        Signer::ec(KeyAlgorithm::EcP521),
        Signer::ed25519(),
        Signer::rsa(),
    ]
}

#[test]
fn every_kind_of_key_verifies_its_own_signatures_only() {
    for signer in every_kind() {
        let key = signer.public_key();
        let signature = signer.sign(b"message");

        for algorithm in SignatureAlgorithm::ALL {
            let is_own = algorithm == key.signature_algorithm();
            assert_eq!(
                key.verify(algorithm, b"message", &signature).is_ok(),
                is_own,
                "{algorithm:?}"
            );
        }
        assert_eq!(
            key.verify(key.signature_algorithm(), b"massage", &signature),
            Err(BadSignature)
        );
    }
}

#[test]
fn openssl_signatures_verify_with_every_pair_of_curve_and_hash() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("message"), b"message").expect("it is written");
    let hashes = [
        ("sha256", SignatureAlgorithm::EcdsaSha256),
        ("sha384", SignatureAlgorithm::EcdsaSha384),
        ("sha512", SignatureAlgorithm::EcdsaSha512),
    ];
    for curve in ["prime256v1", "secp384r1", "secp521r1"] {
        openssl(
            folder.path(),
            &format!("ecparam -name {curve} -genkey -noout -out key.pem"),
        );
        openssl(
            folder.path(),
            "pkey -in key.pem -pubout -outform DER -out key.der",
        );
        let spki = std::fs::read(folder.path().join("key.der")).expect("openssl wrote it");
        let key = PublicKey::from_spki_der(&spki).expect("openssl's key is good");
        for (hash, algorithm) in hashes {
            openssl(
                folder.path(),
                &format!("dgst -{hash} -sign key.pem -out signature message"),
            );
            let signature = std::fs::read(folder.path().join("signature")).expect("it signed");

            assert_eq!(
                key.verify(algorithm, b"message", &signature),
                Ok(()),
                "{curve} {hash}"
            );
        }
    }
}

#[test]
fn takes_the_keys_of_openssl_and_knows_their_identifiers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (arguments, algorithm) in [
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
            KeyAlgorithm::EcP256,
        ),
        ("-algorithm ED25519", KeyAlgorithm::Ed25519),
        (
            "-algorithm RSA -pkeyopt rsa_keygen_bits:3072",
            KeyAlgorithm::Rsa { bits: 3_072 },
        ),
    ] {
        openssl(folder.path(), &format!("genpkey {arguments} -out key.pem"));
        openssl(
            folder.path(),
            "pkey -in key.pem -pubout -outform DER -out key.der",
        );
        let spki = std::fs::read(folder.path().join("key.der")).expect("openssl wrote it");

        let key = PublicKey::from_spki_der(&spki).expect("openssl's key is good");

        assert_eq!(key.algorithm(), algorithm);
        assert_eq!(key.spki_der(), spki);
        assert_eq!(key.key_identifier(), sha256(key.key_bits())[..20]);
        assert!(spki.ends_with(key.key_bits()));
        let digest = openssl(folder.path(), "dgst -sha256 -r key.der");
        let hex: String = key
            .fingerprint_sha256()
            .iter()
            .map(|it| format!("{it:02x}"))
            .collect();
        assert!(digest.starts_with(&hex), "{digest}");
    }
}

#[test]
fn verifies_fixed_signatures_with_the_curves_own_hash_only() {
    let signing = [
        (
            &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            KeyAlgorithm::EcP256,
        ),
        (
            &aws_lc_rs::signature::ECDSA_P384_SHA384_FIXED_SIGNING,
            KeyAlgorithm::EcP384,
        ),
        (
            &aws_lc_rs::signature::ECDSA_P521_SHA512_FIXED_SIGNING,
            KeyAlgorithm::EcP521,
        ),
    ];
    for (algorithm, curve) in signing {
        use aws_lc_rs::signature::{EcdsaKeyPair, KeyPair};
        let pair = EcdsaKeyPair::generate(algorithm).expect("aws-lc makes a key");
        let key = PublicKey::from_ec_point(curve, pair.public_key().as_ref()).expect("it is good");
        let random = aws_lc_rs::rand::SystemRandom::new();
        let signature = pair.sign(&random, b"message").expect("aws-lc signs");
        let own = key.signature_algorithm();

        assert_eq!(
            key.verify_fixed(own, b"message", signature.as_ref()),
            Ok(())
        );
        assert_eq!(
            key.verify(own, b"message", signature.as_ref()),
            Err(BadSignature)
        );
        for other in SignatureAlgorithm::ALL.into_iter().filter(|it| *it != own) {
            assert!(
                key.verify_fixed(other, b"message", signature.as_ref())
                    .is_err()
            );
        }
    }
}

#[test]
fn refuses_points_off_the_curve_compressed_or_at_infinity() {
    let good = Signer::ec(KeyAlgorithm::EcP256)
        .public_key()
        .key_bits()
        .to_vec();
    let mut off = good.clone();
    *off.last_mut().expect("a point has octets") ^= 1;
    let mut hybrid = good.clone();
    hybrid[0] = 0x06;
    let mut compressed = good[..33].to_vec();
    compressed[0] = 0x02 | good[64] & 1;
    let mut padded = good.clone();
    padded.push(0);
    for point in [off, hybrid, compressed, padded, vec![0x00], vec![]] {
        assert_eq!(
            PublicKey::from_ec_point(KeyAlgorithm::EcP256, &point),
            Err(PublicKeyError::OffCurve)
        );
    }
    assert_eq!(
        PublicKey::from_ec_point(KeyAlgorithm::EcP384, &good),
        Err(PublicKeyError::OffCurve)
    );
}

#[test]
fn refuses_curves_and_algorithms_that_are_not_known() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for arguments in [
        "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit",
        "-algorithm X25519",
        "-algorithm ED448",
        "-algorithm RSA-PSS",
    ] {
        openssl(folder.path(), &format!("genpkey {arguments} -out key.pem"));
        openssl(
            folder.path(),
            "pkey -in key.pem -pubout -outform DER -out key.der",
        );
        let spki = std::fs::read(folder.path().join("key.der")).expect("openssl wrote it");

        let key = PublicKey::from_spki_der(&spki);

        assert_eq!(key, Err(PublicKeyError::Unsupported), "{arguments}");
    }
}

#[test]
fn refuses_der_that_is_damaged_or_goes_on() {
    let good = Signer::ec(KeyAlgorithm::EcP256)
        .public_key()
        .spki_der()
        .to_vec();
    let after = [good.as_slice(), &[0]].concat();
    let mut unused_bits = good.clone();
    unused_bits[26 - 1] = 1;
    let ed25519_with_null = asn1::sequence(&[
        &asn1::sequence(&[
            &asn1::oid(&const_oid::db::rfc8410::ID_ED_25519),
            &asn1::null(),
        ]),
        &asn1::bit_string(&[9; 32]),
    ]);
    for der in [
        &good[..good.len() - 1],
        &after,
        &unused_bits,
        &ed25519_with_null,
        b"",
        b"\x30\x00",
    ] {
        assert_eq!(
            PublicKey::from_spki_der(der),
            Err(PublicKeyError::Malformed),
            "{der:02x?}"
        );
    }
}

#[test]
fn refuses_ed25519_points_of_small_order() {
    let identity = {
        let mut key = [0_u8; 32];
        key[0] = 1;
        key
    };
    let mut with_sign = identity;
    with_sign[31] |= 0x80;

    for key in [[0; 32], identity, with_sign] {
        assert!(PublicKey::from_ed25519_bytes(&key).is_err());
    }
}

#[test]
fn prints_and_parses_algorithm_names() {
    for name in [
        "ec-p256", "ec-p384", "ec-p521", "ed25519", "rsa-2048", "rsa-4096",
    ] {
        let parsed: Result<KeyAlgorithm, _> = name.parse();
        assert_eq!(parsed.map(|it| it.to_string()).as_deref(), Ok(name));
    }
}
