//! The key that seals the audit log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use ca_acme::AcmeStore;
use ca_issuance::Entropy;
use ca_issuance::audit::chain::{Seal, SealError};
use ca_issuance::world::SystemEntropy;
use ca_keys::{KeyUri, SignerOptions, SigningKey};
use ca_store::Store;

use crate::config::Config;
use crate::error::Error;

/// Opens the configured key, or the secret that the database keeps.
pub(crate) async fn open(config: &Config, store: &Store) -> Result<Arc<dyn Seal>, Error> {
    let Some(uri) = &config.audit.key else {
        tracing::warn!("no [audit] key: whoever may write to the database could forge checkpoints");
        return from_the_database(store).await;
    };
    let failed = |source| Error::Key {
        issuer: "[audit]".to_owned(),
        source,
    };
    let uri = KeyUri::parse(uri, &config.base).map_err(failed)?;
    let opened =
        tokio::task::spawn_blocking(move || ca_keys::open(&uri, &SignerOptions::default())).await;
    let key = opened
        .map_err(|error| Error::Runtime(error.into()))?
        .map_err(failed)?;
    Ok(Arc::new(KeySeal(key)))
}

async fn from_the_database(store: &Store) -> Result<Arc<dyn Seal>, Error> {
    let mut fresh = [0; 32];
    SystemEntropy::default()
        .fill(&mut fresh)
        .map_err(|error| Error::Store(Box::new(error)))?;
    let secret = store
        .shared_secret("audit-seal", fresh)
        .await
        .map_err(|error| Error::Store(Box::new(error)))?;
    Ok(Arc::new(SecretSeal(hmac::Key::new(
        hmac::HMAC_SHA256,
        &secret,
    ))))
}

/// Signs with a key outside of the database.
struct KeySeal(Arc<dyn SigningKey>);

impl Seal for KeySeal {
    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SealError> {
        let deadline = Instant::now() + PATIENCE;
        self.0
            .sign_blocking(octets, deadline)
            .map_err(|error| SealError(error.to_string()))
    }

    fn verify(&self, octets: &[u8], signature: &[u8]) -> bool {
        self.0
            .public_key()
            .verify(self.0.algorithm(), octets, signature)
            .is_ok()
    }
}

/// Authenticates with a secret that the servers share.
struct SecretSeal(hmac::Key);

impl Seal for SecretSeal {
    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(hmac::sign(&self.0, octets).as_ref().to_vec())
    }

    fn verify(&self, octets: &[u8], signature: &[u8]) -> bool {
        hmac::verify(&self.0, octets, signature).is_ok()
    }
}

const PATIENCE: Duration = Duration::from_secs(5);
