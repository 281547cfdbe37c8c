//! A key that remembers all that it ever signed, as no server does.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ca_keys::{KeyError, SigningKey, SoftwareKey};
use ca_pki::crl::{self, Crl};
use ca_pki::{Certificate, KeyAlgorithm, PublicKey};

/// A software key that outlives every server, with its signatures in order.
#[derive(Debug)]
pub(crate) struct WitnessKey {
    key: SoftwareKey,
    away: AtomicBool,
    signed: Mutex<Vec<Signed>>,
}

/// Something that was signed.
#[derive(Clone, Debug)]
pub(crate) enum Signed {
    /// A certificate, whether anybody has it or not.
    Certificate(Box<Certificate>),
    /// A CRL, published or not.
    Crl(Box<Crl>),
}

impl WitnessKey {
    pub(crate) fn generate() -> Self {
        Self {
            key: SoftwareKey::generate(KeyAlgorithm::EcP256).unwrap(),
            away: AtomicBool::new(false),
            signed: Mutex::default(),
        }
    }

    /// Signs nothing more.
    pub(crate) fn go_away(&self) {
        self.away.store(true, Ordering::SeqCst);
    }

    /// Signs again.
    pub(crate) fn come_back(&self) {
        self.away.store(false, Ordering::SeqCst);
    }

    /// Returns everything that was signed, in order.
    pub(crate) fn signed(&self) -> Vec<Signed> {
        self.signed.lock().unwrap().clone()
    }

    fn read(&self, message: &[u8], signature: &[u8]) -> Signed {
        match Certificate::assemble(message, self.algorithm(), signature) {
            Ok(certificate) => Signed::Certificate(Box::new(certificate)),
            Err(_) => {
                let crl = crl::assemble(message, self.algorithm(), signature);
                Signed::Crl(Box::new(Crl::parse(&crl).unwrap()))
            }
        }
    }
}

#[async_trait]
impl SigningKey for WitnessKey {
    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    async fn sign(&self, message: &[u8], deadline: Instant) -> Result<Vec<u8>, KeyError> {
        self.sign_blocking(message, deadline)
    }

    fn sign_blocking(&self, message: &[u8], deadline: Instant) -> Result<Vec<u8>, KeyError> {
        if self.away.load(Ordering::SeqCst) {
            let retry_after = Duration::from_secs(1);
            return Err(KeyError::Unavailable { retry_after });
        }
        let signature = self.key.sign_blocking(message, deadline)?;
        let signed = self.read(message, &signature);
        self.signed.lock().unwrap().push(signed);
        Ok(signature)
    }
}
