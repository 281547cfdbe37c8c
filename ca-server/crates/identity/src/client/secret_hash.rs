//! Hashes of client secrets: Argon2id (RFC 9106), computed a few at a time beside the async threads.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task;

use crate::Error;

/// Where hashes are computed: so many at once, so many waiting, and no more.
pub(crate) struct HashingDesk {
    places: Arc<Semaphore>,
    slots: Arc<Semaphore>,
}

/// The right to compute one hash.
pub(crate) struct Turn {
    _place: OwnedSemaphorePermit,
    _slot: OwnedSemaphorePermit,
}

impl HashingDesk {
    pub(crate) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(PLACES)),
            slots: Arc::new(Semaphore::new(SLOTS)),
        }
    }

    /// Waits for a turn; [`Error::Unavailable`] if too many wait already.
    pub(crate) async fn turn(&self) -> Result<Turn, Error> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(busy)?;
        let slot = Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .map_err(busy)?;
        Ok(Turn {
            _place: place,
            _slot: slot,
        })
    }
}

impl Turn {
    /// Computes on a blocking thread. The turn lasts until that is done, whoever still waits.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let done = task::spawn_blocking(move || {
            let _turn = self;
            work()
        });
        done.await.map_err(busy)
    }
}

/// Hashes a secret.
pub(super) fn hash_blocking(secret: &SecretString, salt: &[u8; 16]) -> Result<String, Error> {
    let hash = hasher()?
        .hash_password_with_salt(secret.expose_secret().as_bytes(), salt)
        .map_err(|error| Error::Inconsistent(format!("a secret cannot be hashed: {error}")))?;
    Ok(hash.to_string())
}

/// Compares a secret with a hash, in a time that tells nothing.
pub(super) fn verify_blocking(unverified_secret: &str, hash: &str) -> Result<bool, Error> {
    let unreadable = |error| Error::Inconsistent(format!("a secret's hash: {error}"));
    let hash = PasswordHash::new(hash).map_err(|error| unreadable(error.to_string()))?;
    match hasher()?.verify_password(unverified_secret.as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(unreadable(error.to_string())),
    }
}

/// 19 MiB, two passes, one lane: the least that OWASP asks for, a third of RFC 9106's second
/// choice. Our secrets are 256 bits of chance, which no hash must protect from guessing; what
/// counts is that a burst of logins leaves the server's memory alone ([`SLOTS`] times 19 MiB).
fn hasher() -> Result<Argon2<'static>, Error> {
    let params = Params::new(19 * 1024, 2, 1, Some(32))
        .map_err(|error| Error::Inconsistent(format!("Argon2id's parameters: {error}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn busy(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Unavailable {
        retry_after: Duration::from_secs(1),
        source: Box::new(source),
    }
}

const SLOTS: usize = 2;
/// At some 20 ms a hash, the last one waits for less than a second.
const PLACES: usize = 64;

/// What the secret of a client that does not exist is compared with: the same work, never equal
/// (nobody knows what was hashed).
pub(super) const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$IA5sLlZr3U26qWS0+8gJog$veyOw+R4mMdceV7/txw5PKg7h2pkpt4LPkLDGcJMMN8";
