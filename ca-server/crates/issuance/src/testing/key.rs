//! A key that fails when told to.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ca_keys::{KeyError, SigningKey, SoftwareKey};
use ca_pki::key::LongMessage;
use ca_pki::{KeyAlgorithm, PublicKey};

/// How a key fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// It signs.
    None,
    /// Its token is away.
    Away,
    /// Its token is away, and that is known.
    KnownAway,
    /// Its signatures do not verify.
    WrongSignature,
}

/// A software key with a switch.
#[derive(Debug)]
pub struct FaultyKey {
    key: SoftwareKey,
    fault: Mutex<KeyFault>,
    distrusted: AtomicBool,
}

impl FaultyKey {
    /// Chooses how it fails from now on.
    pub fn set(&self, fault: KeyFault) {
        *self
            .fault
            .lock()
            .expect("no test panics with the lock held") = fault;
    }

    /// Returns whether a signature of it was found wrong.
    pub fn is_distrusted(&self) -> bool {
        self.distrusted.load(Ordering::SeqCst)
    }

    fn fault(&self) -> KeyFault {
        *self
            .fault
            .lock()
            .expect("no test panics with the lock held")
    }
}

impl Default for FaultyKey {
    fn default() -> Self {
        Self {
            key: SoftwareKey::generate(KeyAlgorithm::EcP256).expect("a key is made"),
            fault: Mutex::new(KeyFault::None),
            distrusted: AtomicBool::new(false),
        }
    }
}

#[async_trait]
impl SigningKey for FaultyKey {
    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn check_available(&self) -> Result<(), KeyError> {
        match self.fault() {
            KeyFault::KnownAway => Err(AWAY),
            KeyFault::None | KeyFault::Away | KeyFault::WrongSignature => Ok(()),
        }
    }

    fn distrust(&self) {
        self.distrusted.store(true, Ordering::SeqCst);
    }

    async fn sign(&self, message: &[u8], deadline: Instant) -> Result<Vec<u8>, KeyError> {
        self.sign_blocking(message, deadline)
    }

    /// From the digest, as the keys that it stands for: a benchmark must not hash a list twice.
    async fn sign_long(
        &self,
        message: &LongMessage,
        deadline: Instant,
    ) -> Result<Vec<u8>, KeyError> {
        match self.fault() {
            KeyFault::None => self.key.sign_long(message, deadline).await,
            KeyFault::Away | KeyFault::KnownAway => Err(AWAY),
            KeyFault::WrongSignature => self.key.sign(b"something else", deadline).await,
        }
    }

    fn sign_blocking(&self, message: &[u8], deadline: Instant) -> Result<Vec<u8>, KeyError> {
        match self.fault() {
            KeyFault::None => self.key.sign_blocking(message, deadline),
            KeyFault::Away | KeyFault::KnownAway => Err(AWAY),
            KeyFault::WrongSignature => self.key.sign_blocking(b"something else", deadline),
        }
    }
}

const AWAY: KeyError = KeyError::Unavailable {
    retry_after: Duration::from_secs(3),
};
