//! SHA-256, as the proofs use it.

use aws_lc_rs::digest;

/// Returns the SHA-256 digest.
pub(crate) fn sha256(octets: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, octets);
    let mut output = [0; 32];
    output.copy_from_slice(digest.as_ref());
    output
}
