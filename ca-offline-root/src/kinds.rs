//! The kinds of ceremony. Each shows what it will do, has it confirmed, signs, and closes.

pub(crate) mod crl;
pub(crate) mod cross_sign;
pub(crate) mod intermediate;
pub(crate) mod rollover;
pub(crate) mod root;

use ca_pki::{KeyAlgorithm, PublicKey, Validity};

use crate::Error;

/// What the file of the transcript's signature ends in.
pub(crate) const SUFFIX: &str = ".sig";

/// Returns a validity for those present.
fn validity_text(validity: Validity) -> String {
    let days = validity.lifetime().as_secs() / (24 * 3600);
    format!(
        "{} to {} ({days} days)",
        validity.not_before, validity.not_after
    )
}

/// Refuses a key that no CA below this root should have.
fn require_authority_key(key: &PublicKey) -> Result<(), String> {
    match key.algorithm() {
        KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 => Ok(()),
        KeyAlgorithm::Rsa { bits } if bits >= 3072 => Ok(()),
        other @ (KeyAlgorithm::EcP521 | KeyAlgorithm::Ed25519 | KeyAlgorithm::Rsa { .. }) => Err(
            format!("its key is {other}; a CA has ec-p384, ec-p256 or rsa with 3072 bits or more"),
        ),
    }
}

/// Returns the URL as a list; only `http` works for revocation data, as fetching it over `https`
/// would need it first (RFC 5280 §8).
fn http_urls(key: &str, url: Option<&String>) -> Result<Vec<String>, Error> {
    let Some(url) = url else {
        return Ok(Vec::new());
    };
    let host = url.strip_prefix("http://").unwrap_or_default();
    let is_clean = url.bytes().all(|byte| byte.is_ascii_graphic());
    if host.is_empty() || host.starts_with('/') || !is_clean {
        return Err(Error::Ceremony(format!(
            "{key} = {url:?} is not an http:// URL"
        )));
    }
    Ok(vec![url.clone()])
}

/// Returns an optional URL for those present.
fn url_text(url: Option<&String>) -> String {
    url.cloned().unwrap_or_else(|| "none".to_owned())
}
