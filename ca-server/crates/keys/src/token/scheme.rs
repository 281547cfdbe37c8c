//! How a token signs: what it is given, and what becomes of its answer.
//!
//! Messages are hashed here, not in the token: tokens often know only the bare mechanisms, and a
//! hash in process is quicker than a second trip.

use aws_lc_rs::digest;
use ca_pki::{PublicKey, SignatureAlgorithm};
use cryptoki::mechanism::Mechanism;
use der::asn1::UintRef;
use der::{Encode, Sequence};

use crate::KeyError;

/// A signature algorithm as PKCS#11 does it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scheme {
    /// CKM_ECDSA over a digest; the answer is r and s side by side.
    Ecdsa(&'static digest::Algorithm),
    /// CKM_RSA_PKCS over a DigestInfo, which begins with these bytes.
    RsaPkcs1(&'static digest::Algorithm, &'static [u8]),
}

impl Scheme {
    /// Returns how the holder of this key signs in a token.
    pub(super) fn of(public: &PublicKey) -> Result<Self, KeyError> {
        match public.signature_algorithm() {
            SignatureAlgorithm::EcdsaSha256 => Ok(Self::Ecdsa(&digest::SHA256)),
            SignatureAlgorithm::EcdsaSha384 => Ok(Self::Ecdsa(&digest::SHA384)),
            SignatureAlgorithm::EcdsaSha512 => Ok(Self::Ecdsa(&digest::SHA512)),
            SignatureAlgorithm::RsaSha256 => Ok(Self::RsaPkcs1(&digest::SHA256, SHA256_INFO)),
            SignatureAlgorithm::RsaSha384 => Ok(Self::RsaPkcs1(&digest::SHA384, SHA384_INFO)),
            SignatureAlgorithm::RsaSha512 => Ok(Self::RsaPkcs1(&digest::SHA512, SHA512_INFO)),
            SignatureAlgorithm::Ed25519 => Err(KeyError::Key(
                "Ed25519 keys are not used in tokens: take ec-p384 or ec-p256".into(),
            )),
        }
    }

    /// Returns what the token is asked to do.
    pub(super) fn mechanism(self) -> Mechanism<'static> {
        match self {
            Self::Ecdsa(_) => Mechanism::Ecdsa,
            Self::RsaPkcs1(..) => Mechanism::RsaPkcs,
        }
    }

    /// Returns what the token is asked to sign.
    pub(super) fn input(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ecdsa(hash) | Self::RsaPkcs1(hash, _) => {
                self.input_of(&digest::digest(hash, message))
            }
        }
    }

    /// Returns what the token is asked to sign for a message with this digest.
    pub(super) fn input_of(self, digest: &digest::Digest) -> Vec<u8> {
        match self {
            Self::Ecdsa(_) => digest.as_ref().to_vec(),
            Self::RsaPkcs1(_, info) => [info, digest.as_ref()].concat(),
        }
    }

    /// Returns the token's answer in the form that certificates carry.
    pub(super) fn signature(self, raw: &[u8]) -> Result<Vec<u8>, KeyError> {
        match self {
            Self::RsaPkcs1(..) => Ok(raw.to_vec()),
            Self::Ecdsa(_) => ecdsa_der(raw)
                .ok_or_else(|| KeyError::Device("the token's signature is malformed".into())),
        }
    }
}

/// Puts r and s into an ECDSA-Sig-Value (RFC 3279 §2.2.3).
fn ecdsa_der(raw: &[u8]) -> Option<Vec<u8>> {
    if raw.is_empty() || !raw.len().is_multiple_of(2) {
        return None;
    }
    let (r, s) = raw.split_at(raw.len() / 2);
    let value = EcdsaSigValue {
        r: UintRef::new(r).ok()?,
        s: UintRef::new(s).ok()?,
    };
    value.to_der().ok()
}

/// ECDSA-Sig-Value (RFC 3279 §2.2.3).
#[derive(Sequence)]
struct EcdsaSigValue<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

// DigestInfo up to the digest itself (RFC 8017 §9.2, note 1).
const SHA256_INFO: &[u8] =
    b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
const SHA384_INFO: &[u8] =
    b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30";
const SHA512_INFO: &[u8] =
    b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_r_and_s_as_short_positive_integers() {
        for (raw, der) in [
            (
                &[0x00, 0x01, 0x00, 0x80][..],
                &[0x30, 0x07, 2, 1, 1, 2, 2, 0, 0x80][..],
            ),
            (&[0x7f, 0xff], &[0x30, 0x07, 2, 1, 0x7f, 2, 2, 0, 0xff]),
            (&[0x00, 0x00], &[0x30, 0x06, 2, 1, 0, 2, 1, 0]),
        ] {
            assert_eq!(ecdsa_der(raw).as_deref(), Some(der));
        }
    }

    #[test]
    fn refuses_an_answer_that_does_not_split_into_r_and_s() {
        for raw in [&[][..], &[1, 2, 3]] {
            assert_eq!(ecdsa_der(raw), None);
        }
    }
}
