//! Public keys: which kinds, which are weak, what they verify.

mod long_message;
mod spki;
mod verify;
mod weak;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::digest;

pub use self::long_message::LongMessage;

/// The kind of a key. RSA of any size is representable; which sizes are allowed is policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyAlgorithm {
    /// NIST P-256.
    EcP256,
    /// NIST P-384.
    EcP384,
    /// NIST P-521.
    EcP521,
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// RSA with a modulus of so many bits.
    Rsa {
        /// The modulus' length.
        bits: u32,
    },
}

/// How a signature is made (RFC 5758, RFC 8410, RFC 4055). RSA is PKCS#1 v1.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// ecdsa-with-SHA256.
    EcdsaSha256,
    /// ecdsa-with-SHA384.
    EcdsaSha384,
    /// ecdsa-with-SHA512.
    EcdsaSha512,
    /// Ed25519.
    Ed25519,
    /// sha256WithRSAEncryption.
    RsaSha256,
    /// sha384WithRSAEncryption.
    RsaSha384,
    /// sha512WithRSAEncryption.
    RsaSha512,
}

/// A public key that passed the checks of [`PublicKey::from_spki_der`]; cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    algorithm: KeyAlgorithm,
    spki_der: Arc<[u8]>,
    key_bits_start: usize,
}

/// Why a public key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// Not a SubjectPublicKeyInfo in DER.
    #[error("the public key is not valid DER")]
    Malformed,
    /// An algorithm or curve that this CA does not know.
    #[error("the key's algorithm is not supported: use EC P-256, P-384, P-521, Ed25519 or RSA")]
    Unsupported,
    /// A point that is not on its curve, or not encoded as the curve asks.
    #[error("the key's point is not on its curve")]
    OffCurve,
    /// A key that can be broken; the text says how.
    #[error("the key is weak: {0}")]
    Weak(&'static str),
}

/// A signature that does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

impl PublicKey {
    /// Parses a SubjectPublicKeyInfo and refuses weak keys.
    ///
    /// Refused: RSA below 2048 or above 8192 bits, even modulus, exponent even, below 65537 or
    /// above 33 bits, moduli with a factor below 2^16 or that fall to a short Fermat run, known-bad
    /// (ROCA) moduli; EC points off the curve, compressed or at infinity; parameters other than
    /// named curves.
    pub fn from_spki_der(unverified_der: &[u8]) -> Result<Self, PublicKeyError> {
        let (algorithm, key_bits) = spki::judge(unverified_der)?;
        Ok(Self {
            algorithm,
            spki_der: Arc::from(unverified_der),
            key_bits_start: unverified_der.len().saturating_sub(key_bits.len()),
        })
    }

    /// Builds an EC key from an uncompressed point (`04 || x || y`), as JWKs hold it.
    pub fn from_ec_point(
        curve: KeyAlgorithm,
        unverified_point: &[u8],
    ) -> Result<Self, PublicKeyError> {
        Self::from_spki_der(&spki::of_ec_point(curve, unverified_point)?)
    }

    /// Builds an RSA key from modulus and exponent, both unsigned and big-endian.
    pub fn from_rsa_components(
        unverified_modulus: &[u8],
        unverified_exponent: &[u8],
    ) -> Result<Self, PublicKeyError> {
        Self::from_spki_der(&spki::of_rsa_components(
            unverified_modulus,
            unverified_exponent,
        ))
    }

    /// Builds an Ed25519 key from its 32 octets.
    pub fn from_ed25519_bytes(unverified_key: &[u8]) -> Result<Self, PublicKeyError> {
        Self::from_spki_der(&spki::of_ed25519_bytes(unverified_key))
    }

    /// Returns the kind of key.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// Returns the SubjectPublicKeyInfo in DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// Returns the content of the subjectPublicKey BIT STRING.
    pub fn key_bits(&self) -> &[u8] {
        self.spki_der.get(self.key_bits_start..).unwrap_or_default()
    }

    /// Returns the key identifier: leftmost 160 bits of SHA-256 of the key bits (RFC 7093 §2).
    pub fn key_identifier(&self) -> [u8; 20] {
        let mut identifier = [0; 20];
        identifier
            .iter_mut()
            .zip(sha256(self.key_bits()))
            .for_each(|(to, from)| *to = from);
        identifier
    }

    /// Returns SHA-256 of the SubjectPublicKeyInfo, as `openssl pkey -pubin -outform DER | sha256`.
    pub fn fingerprint_sha256(&self) -> [u8; 32] {
        sha256(&self.spki_der)
    }

    /// Verifies `signature` (ECDSA in DER) over `message`.
    pub fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        let verifier =
            verify::with_der_signatures(self.algorithm, algorithm).ok_or(BadSignature)?;
        verifier
            .verify_sig(self.key_bits(), message, signature)
            .map_err(|_| BadSignature)
    }

    /// Verifies `signature` (ECDSA in DER) over a message that is hashed already.
    pub fn verify_long(&self, message: &LongMessage, signature: &[u8]) -> Result<(), BadSignature> {
        let Some(digest) = message.digest() else {
            return self.verify(message.algorithm(), &message.to_vec(), signature);
        };
        verify::with_der_signatures(self.algorithm, message.algorithm())
            .ok_or(BadSignature)?
            .verify_digest_sig(self.key_bits(), digest, signature)
            .map_err(|_| BadSignature)
    }

    /// Verifies `signature` as JWS has it: ECDSA is `r || s` of fixed length (RFC 7518 §3.4) and
    /// the hash must be the curve's own; everything else is as in [`Self::verify`].
    pub fn verify_fixed(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        let verifier =
            verify::with_fixed_signatures(self.algorithm, algorithm).ok_or(BadSignature)?;
        verifier
            .verify_sig(self.key_bits(), message, signature)
            .map_err(|_| BadSignature)
    }

    /// Returns whether a holder of this key can sign with `algorithm`.
    pub fn fits(&self, algorithm: SignatureAlgorithm) -> bool {
        verify::with_der_signatures(self.algorithm, algorithm).is_some()
    }

    /// Returns the algorithm with which this key's holder signs certificates: P-256 with SHA-256,
    /// P-384 with SHA-384, P-521 with SHA-512, RSA with SHA-256.
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        match self.algorithm {
            KeyAlgorithm::EcP256 => SignatureAlgorithm::EcdsaSha256,
            KeyAlgorithm::EcP384 => SignatureAlgorithm::EcdsaSha384,
            KeyAlgorithm::EcP521 => SignatureAlgorithm::EcdsaSha512,
            KeyAlgorithm::Ed25519 => SignatureAlgorithm::Ed25519,
            KeyAlgorithm::Rsa { .. } => SignatureAlgorithm::RsaSha256,
        }
    }
}

impl SignatureAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 7] = [
        Self::EcdsaSha256,
        Self::EcdsaSha384,
        Self::EcdsaSha512,
        Self::Ed25519,
        Self::RsaSha256,
        Self::RsaSha384,
        Self::RsaSha512,
    ];
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.algorithm)
    }
}

impl fmt::Display for KeyAlgorithm {
    /// Writes the name that configurations use: `ec-p256`, `ed25519`, `rsa-3072`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EcP256 => f.write_str("ec-p256"),
            Self::EcP384 => f.write_str("ec-p384"),
            Self::EcP521 => f.write_str("ec-p521"),
            Self::Ed25519 => f.write_str("ed25519"),
            Self::Rsa { bits } => write!(f, "rsa-{bits}"),
        }
    }
}

impl FromStr for KeyAlgorithm {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "ec-p256" => Ok(Self::EcP256),
            "ec-p384" => Ok(Self::EcP384),
            "ec-p521" => Ok(Self::EcP521),
            "ed25519" => Ok(Self::Ed25519),
            "rsa-2048" => Ok(Self::Rsa { bits: 2048 }),
            "rsa-3072" => Ok(Self::Rsa { bits: 3072 }),
            "rsa-4096" => Ok(Self::Rsa { bits: 4096 }),
            "rsa-8192" => Ok(Self::Rsa { bits: 8192 }),
            _ => Err(PublicKeyError::Unsupported),
        }
    }
}

/// Returns SHA-256 of `octets`.
pub(crate) fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    let digest = digest::digest(&digest::SHA256, octets);
    hash.iter_mut()
        .zip(digest.as_ref())
        .for_each(|(to, from)| *to = *from);
    hash
}

#[cfg(test)]
mod tests;
