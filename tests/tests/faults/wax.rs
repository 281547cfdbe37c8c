//! A seal for audit logs, good enough to tell its own signatures from others.

use aws_lc_rs::digest::{SHA256, digest};
use ca_issuance::audit::chain::{Judgement, Seal, SealError};

/// Seals with a hash.
pub(crate) struct Wax;

impl Seal for Wax {
    fn key(&self) -> String {
        "wax".to_owned()
    }

    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(digest(&SHA256, octets).as_ref().to_vec())
    }

    fn judge(&self, _key: &str, octets: &[u8], signature: &[u8]) -> Judgement {
        match digest(&SHA256, octets).as_ref() == signature {
            true => Judgement::Vouches,
            false => Judgement::Forged,
        }
    }
}
