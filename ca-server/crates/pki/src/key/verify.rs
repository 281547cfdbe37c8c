//! Which of aws-lc-rs's algorithms verifies which signature with which key.

use aws_lc_rs::signature::{self as lc, VerificationAlgorithm};

use super::{KeyAlgorithm, SignatureAlgorithm};

/// Returns the verifier for ECDSA signatures in DER; `None` where key and signature do not fit.
///
/// Any curve goes with any of the three hashes: existing CAs sign with P-384 and SHA-256.
pub(super) fn with_der_signatures(
    key: KeyAlgorithm,
    signature: SignatureAlgorithm,
) -> Option<&'static dyn VerificationAlgorithm> {
    use KeyAlgorithm as Key;
    use SignatureAlgorithm as Signature;
    let verifier: &'static dyn VerificationAlgorithm = match (key, signature) {
        (Key::EcP256, Signature::EcdsaSha256) => &lc::ECDSA_P256_SHA256_ASN1,
        (Key::EcP256, Signature::EcdsaSha384) => &lc::ECDSA_P256_SHA384_ASN1,
        (Key::EcP256, Signature::EcdsaSha512) => &lc::ECDSA_P256_SHA512_ASN1,
        (Key::EcP384, Signature::EcdsaSha256) => &lc::ECDSA_P384_SHA256_ASN1,
        (Key::EcP384, Signature::EcdsaSha384) => &lc::ECDSA_P384_SHA384_ASN1,
        (Key::EcP384, Signature::EcdsaSha512) => &lc::ECDSA_P384_SHA512_ASN1,
        (Key::EcP521, Signature::EcdsaSha256) => &lc::ECDSA_P521_SHA256_ASN1,
        (Key::EcP521, Signature::EcdsaSha384) => &lc::ECDSA_P521_SHA384_ASN1,
        (Key::EcP521, Signature::EcdsaSha512) => &lc::ECDSA_P521_SHA512_ASN1,
        _ => return without_curve(key, signature),
    };
    Some(verifier)
}

/// Returns the verifier for ECDSA signatures `r || s`: ES256, ES384, ES512 (RFC 7518 §3.4).
pub(super) fn with_fixed_signatures(
    key: KeyAlgorithm,
    signature: SignatureAlgorithm,
) -> Option<&'static dyn VerificationAlgorithm> {
    use KeyAlgorithm as Key;
    use SignatureAlgorithm as Signature;
    let verifier: &'static dyn VerificationAlgorithm = match (key, signature) {
        (Key::EcP256, Signature::EcdsaSha256) => &lc::ECDSA_P256_SHA256_FIXED,
        (Key::EcP384, Signature::EcdsaSha384) => &lc::ECDSA_P384_SHA384_FIXED,
        (Key::EcP521, Signature::EcdsaSha512) => &lc::ECDSA_P521_SHA512_FIXED,
        _ => return without_curve(key, signature),
    };
    Some(verifier)
}

fn without_curve(
    key: KeyAlgorithm,
    signature: SignatureAlgorithm,
) -> Option<&'static dyn VerificationAlgorithm> {
    use KeyAlgorithm as Key;
    use SignatureAlgorithm as Signature;
    match (key, signature) {
        (Key::Ed25519, Signature::Ed25519) => Some(&lc::ED25519),
        (Key::Rsa { .. }, Signature::RsaSha256) => Some(&lc::RSA_PKCS1_2048_8192_SHA256),
        (Key::Rsa { .. }, Signature::RsaSha384) => Some(&lc::RSA_PKCS1_2048_8192_SHA384),
        (Key::Rsa { .. }, Signature::RsaSha512) => Some(&lc::RSA_PKCS1_2048_8192_SHA512),
        _ => None,
    }
}
