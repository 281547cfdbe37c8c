//! Secrets that are handed out once. What is kept of one is its hash.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_issuance::Entropy;
use ca_issuance::world::NoEntropy;
use ca_pki::hex;
use secrecy::SecretString;

use crate::store::SecretHash;

/// Draws a secret of 256 bits behind a prefix that tells people and scanners what leaked.
pub(crate) fn draw(prefix: &str, entropy: &dyn Entropy) -> Result<SecretString, NoEntropy> {
    let mut octets = [0; 32];
    entropy.fill(&mut octets)?;
    let text = format!("{prefix}{}", URL_SAFE_NO_PAD.encode(octets));
    Ok(SecretString::from(text))
}

/// Draws an id of 128 bits: nobody guesses it, but it is no secret. In hex, for ids are typed at
/// command lines, where base64url's `-` would begin an option.
pub(crate) fn draw_id(entropy: &dyn Entropy) -> Result<String, NoEntropy> {
    let mut octets = [0; 16];
    entropy.fill(&mut octets)?;
    Ok(hex::lower(&octets))
}

/// Returns what is kept of a secret. With 256 bits of chance in it, one round of SHA-256 does.
pub(crate) fn hash(text: &str) -> SecretHash {
    sha256(text.as_bytes())
}

/// Returns SHA-256.
pub(crate) fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, octets).as_ref());
    hash
}
