//! Messages of many megabytes, hashed once for signing and for checking the signature.

use std::sync::Arc;

use aws_lc_rs::digest::{self, Context, Digest};

use super::SignatureAlgorithm;

/// A message in pieces, with its digest where the algorithm signs one.
#[derive(Clone, Debug)]
pub struct LongMessage {
    algorithm: SignatureAlgorithm,
    pieces: Vec<Arc<Vec<u8>>>,
    digest: Option<Digest>,
}

impl LongMessage {
    /// Takes the pieces and hashes them as `algorithm` asks.
    pub fn new(algorithm: SignatureAlgorithm, pieces: Vec<Arc<Vec<u8>>>) -> Self {
        let digest = algorithm.digest().map(|hash| {
            let mut context = Context::new(hash);
            pieces.iter().for_each(|piece| context.update(piece));
            context.finish()
        });
        Self {
            algorithm,
            pieces,
            digest,
        }
    }

    /// Returns how it will be signed.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// Returns the digest that is signed; `None` for Ed25519, which signs the message itself.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Returns the message in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        let pieces: Vec<&[u8]> = self.pieces.iter().map(|piece| piece.as_slice()).collect();
        pieces.concat()
    }
}

impl SignatureAlgorithm {
    /// Returns the hash whose value is signed; `None` where the message itself is.
    fn digest(self) -> Option<&'static digest::Algorithm> {
        match self {
            Self::EcdsaSha256 | Self::RsaSha256 => Some(&digest::SHA256),
            Self::EcdsaSha384 | Self::RsaSha384 => Some(&digest::SHA384),
            Self::EcdsaSha512 | Self::RsaSha512 => Some(&digest::SHA512),
            Self::Ed25519 => None,
        }
    }
}
