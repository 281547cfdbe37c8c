//! What ACME clients send: JWS envelopes (RFC 8555 §6.2) and ARI identifiers (RFC 9773 §4.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_acme::renewal_info::RenewalId;
use ca_acme::testing::open_jws;
use serde_json::json;

use crate::text;

/// A JWS: as the bytes are, and with the bytes as header, payload and signature.
pub fn jws(unverified: &[u8]) {
    let _ = open_jws(unverified);
    let mut parts = unverified.splitn(3, |octet| *octet == 0);
    let mut part = || URL_SAFE_NO_PAD.encode(parts.next().unwrap_or_default());
    let envelope = json!({"protected": part(), "payload": part(), "signature": part()});
    if let Ok(verified) = open_jws(envelope.to_string().as_bytes()) {
        assert!(
            verified.thumbprint.len() == 43,
            "a key that verified has a SHA-256 thumbprint"
        );
    }
}

/// The name of a certificate in an ARI request: each has one text.
pub fn ari_id(unverified: &[u8]) {
    let Some(unverified) = text(unverified) else {
        return;
    };
    if let Ok(id) = RenewalId::parse(unverified) {
        assert_eq!(id.text(), unverified, "a certificate has one name");
    }
}
