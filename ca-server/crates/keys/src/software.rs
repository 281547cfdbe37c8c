//! Keys in this process: from a file, or made for the process' own life.

mod file;
mod pair;
mod pem;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ca_pki::key::LongMessage;
use ca_pki::{KeyAlgorithm, PublicKey};
use secrecy::SecretString;
use zeroize::Zeroizing;

use self::pair::KeyPair;
use crate::meters::{Meters, Outcome};
use crate::{FileUri, KeyError, SigningKey};

/// A private key in this process' memory.
///
/// EC and Ed25519 sign on the calling task, in about a tenth of a millisecond. RSA takes
/// milliseconds and signs on the runtime's blocking threads.
#[derive(Debug)]
pub struct SoftwareKey {
    pair: Arc<KeyPair>,
    public: PublicKey,
    meters: Meters,
}

impl SoftwareKey {
    /// Makes a new key, in memory only.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        Self::from_pair(KeyPair::generate(algorithm)?)
    }

    /// Reads an unencrypted PKCS#8 `PrivateKeyInfo`.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::from_pair(KeyPair::from_pkcs8(der)?)
    }

    /// Reads PKCS#8 PEM, encrypted exactly if a passphrase is given.
    pub fn from_pkcs8_pem(pem: &str, passphrase: Option<&SecretString>) -> Result<Self, KeyError> {
        Self::from_pkcs8_der(&pem::decode(pem, passphrase)?)
    }

    /// Reads a key file; an unencrypted one must be closed to everyone but its owner.
    pub fn read(path: &Path, passphrase: Option<&SecretString>) -> Result<Self, KeyError> {
        let file = file::read(path)?;
        let key = Self::from_pkcs8_pem(&file.pem, passphrase).map_err(|error| error.at(path))?;
        if passphrase.is_none() {
            file.require_owner_only(path)?;
        }
        Ok(Self {
            meters: Meters::named(&path.display().to_string()),
            ..key
        })
    }

    /// Opens the file that a URI names, with the passphrase that it points to.
    pub(crate) fn open(uri: &FileUri) -> Result<Self, KeyError> {
        let passphrase = uri
            .passphrase
            .as_ref()
            .map(|source| source.read())
            .transpose()?;
        Self::read(&uri.path, passphrase.as_ref())
    }

    /// Makes a key and the file that a URI names; never overwrites one.
    pub(crate) fn generate_at(uri: &FileUri, algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        let passphrase = uri
            .passphrase
            .as_ref()
            .map(|source| source.read())
            .transpose()?;
        let key = Self::generate(algorithm)?;
        key.write_new(&uri.path, passphrase.as_ref())?;
        Self::read(&uri.path, passphrase.as_ref())
    }

    /// Writes the key to a new file that only its owner can read.
    ///
    /// Durable when it returns. The file appears whole or not at all, and never replaces another:
    /// a crash leaves at most a temporary file beside it, which nobody reads.
    pub fn write_new(
        &self,
        path: &Path,
        passphrase: Option<&SecretString>,
    ) -> Result<(), KeyError> {
        file::write_new(path, self.to_pkcs8_pem(passphrase)?.as_bytes())
    }

    /// Returns the private key as PKCS#8 PEM, encrypted if a passphrase is given.
    pub fn to_pkcs8_pem(
        &self,
        passphrase: Option<&SecretString>,
    ) -> Result<Zeroizing<String>, KeyError> {
        pem::encode(&self.to_pkcs8_der()?, passphrase)
    }

    /// Returns the private key itself, unencrypted: for a TLS library that signs by itself.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.pair.to_pkcs8()
    }

    fn from_pair(pair: KeyPair) -> Result<Self, KeyError> {
        let public = PublicKey::from_spki_der(&pair.spki_der()?)
            .map_err(|error| KeyError::Key(error.to_string()))?;
        Ok(Self {
            pair: Arc::new(pair),
            public,
            meters: Meters::named("memory"),
        })
    }

    fn metered(
        &self,
        started: Instant,
        result: Result<Vec<u8>, KeyError>,
    ) -> Result<Vec<u8>, KeyError> {
        self.meters
            .answered(Outcome::of(&result), started.elapsed());
        result
    }
}

#[async_trait::async_trait]
impl SigningKey for SoftwareKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    async fn sign(&self, message: &[u8], deadline: Instant) -> Result<Vec<u8>, KeyError> {
        match &*self.pair {
            KeyPair::Ecdsa(_) | KeyPair::Ed25519(_) => self.sign_blocking(message, deadline),
            KeyPair::Rsa(_) => {
                let started = Instant::now();
                let result = sign_elsewhere(&self.pair, message, deadline).await;
                self.metered(started, result)
            }
        }
    }

    async fn sign_long(
        &self,
        message: &LongMessage,
        deadline: Instant,
    ) -> Result<Vec<u8>, KeyError> {
        let started = Instant::now();
        if deadline <= started {
            return self.metered(started, Err(KeyError::DeadlineExceeded));
        }
        let signed = message
            .digest()
            .and_then(|digest| self.pair.sign_digest(digest));
        match signed {
            Some(result) => self.metered(started, result),
            None => self.sign(&message.to_vec(), deadline).await,
        }
    }

    fn sign_blocking(&self, message: &[u8], deadline: Instant) -> Result<Vec<u8>, KeyError> {
        let started = Instant::now();
        let result = if deadline <= started {
            Err(KeyError::DeadlineExceeded)
        } else {
            self.pair.sign(message)
        };
        self.metered(started, result)
    }
}

/// Signs on a blocking thread, so that a long RSA signature holds up no other task.
async fn sign_elsewhere(
    pair: &Arc<KeyPair>,
    message: &[u8],
    deadline: Instant,
) -> Result<Vec<u8>, KeyError> {
    if deadline <= Instant::now() {
        return Err(KeyError::DeadlineExceeded);
    }
    let (pair, message) = (Arc::clone(pair), message.to_vec());
    let signing = tokio::task::spawn_blocking(move || pair.sign(&message));
    match tokio::time::timeout_at(deadline.into(), signing).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(KeyError::Device("the signing thread was stopped".into())),
        Err(_) => Err(KeyError::DeadlineExceeded),
    }
}
