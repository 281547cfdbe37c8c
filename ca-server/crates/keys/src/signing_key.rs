//! The port behind which every private key stands.

use ca_pki::key::LongMessage;
use ca_pki::{PublicKey, SignatureAlgorithm};
use std::time::Instant;

use crate::{KeyError, Place};

/// A private key that signs and never shows itself.
///
/// Contract, held by one suite over every implementation: `sign` hashes `message` as `algorithm`
/// asks and returns an ECDSA signature in DER, an Ed25519 one raw, an RSA one PKCS#1 v1.5. It
/// returns by `deadline` whatever the device does, does not block the async runtime, and may be
/// dropped at any time without harm. `Unavailable` means nothing was signed and a later call may
/// succeed without a restart. After `Secret`, `Key` and `Device` an operator must act, but no
/// restart is needed either: the signer looks again by itself. The signature is not verified here:
/// the corridor does that.
#[async_trait::async_trait]
pub trait SigningKey: Send + Sync + std::fmt::Debug {
    /// Returns the public half.
    fn public_key(&self) -> &PublicKey;

    /// Returns how this key signs, [`PublicKey::signature_algorithm`] unless the device differs.
    fn algorithm(&self) -> SignatureAlgorithm {
        self.public_key().signature_algorithm()
    }

    /// Tells whether the key is known to be away, without asking the device: whoever is to spend
    /// something on a signature asks before. `Ok` promises nothing.
    fn check_available(&self) -> Result<(), KeyError> {
        Ok(())
    }

    /// Takes a place in the queue: whoever is to spend something on a signature does so before, and
    /// holds it until the signature is made. `Unavailable` if there are more waiting already than
    /// the device signs in time.
    fn reserve(&self) -> Result<Place, KeyError> {
        self.check_available()?;
        Ok(Place::unlimited())
    }

    /// Takes note that a signature of this key does not verify. Nothing is signed in the sessions
    /// at hand any more; new ones prove first that they sign with the right key.
    fn distrust(&self) {}

    /// Signs `message`.
    async fn sign(&self, message: &[u8], deadline: Instant) -> Result<Vec<u8>, KeyError>;

    /// Signs a message that is hashed already, as [`SigningKey::algorithm`] asks. A key that can
    /// only sign whole messages puts it together.
    async fn sign_long(
        &self,
        message: &LongMessage,
        deadline: Instant,
    ) -> Result<Vec<u8>, KeyError> {
        self.sign(&message.to_vec(), deadline).await
    }

    /// Signs `message` on the calling thread; for programs without a runtime.
    fn sign_blocking(&self, message: &[u8], deadline: Instant) -> Result<Vec<u8>, KeyError>;
}
