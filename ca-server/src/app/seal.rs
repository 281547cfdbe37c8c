//! The keys that seal the audit log: the one that signs now, and those that signed before.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use ca_acme::AcmeStore;
use ca_issuance::Entropy;
use ca_issuance::audit::chain::{Judgement, Seal, SealError};
use ca_issuance::world::SystemEntropy;
use ca_keys::{KeyError, KeyUri, Opener, SignerOptions, SigningKey};
use ca_pki::{PublicKey, hex, pem};
use ca_store::Store;

use crate::app::Absence;
use crate::config::{AuditSection, Config, ConfigError};
use crate::error::Error;

/// Opens the configured key with its predecessors, or the secret that the database keeps.
pub(crate) async fn open(
    config: &Config,
    store: &Store,
    absence: Absence,
) -> Result<Arc<dyn Seal>, Error> {
    let secret = from_the_database(store).await?;
    if config.audit.key.is_none() {
        tracing::warn!("no [audit] key: whoever may write to the database could forge checkpoints");
        return Ok(Arc::new(SecretSeal(secret)));
    }
    let former = former_keys(config)?;
    let opener = Arc::new(Opener::new(key_uri(config)?, SignerOptions::default()));
    let opening = Arc::clone(&opener);
    let opened = tokio::task::spawn_blocking(move || opening.open()).await;
    let key = match (
        opened.map_err(|error| Error::Runtime(error.into()))?,
        absence,
    ) {
        (Ok(key), _) => OnceLock::from(key),
        (Err(reason), Absence::Awaited) if reason.may_pass() => {
            tracing::error!(%reason, "the audit log is not sealed until its key is there");
            OnceLock::new()
        }
        (Err(reason), _) => return Err(unusable(reason)),
    };
    Ok(Arc::new(KeyRing {
        opener,
        key,
        former,
        secret,
        secret_vouches: match config.audit.trusts_the_database() {
            true => Judgement::Vouches,
            false => Judgement::Superseded,
        },
    }))
}

/// Reads where `[audit] key` is.
pub(crate) fn key_uri(config: &Config) -> Result<KeyUri, Error> {
    let Some(text) = &config.audit.key else {
        let fault = "audit.key is not set: it says where the key is".to_owned();
        return Err(Error::Config(ConfigError::Faults(vec![fault])));
    };
    KeyUri::parse(text, &config.base).map_err(unusable)
}

/// Says that the audit key cannot be used.
pub(crate) fn unusable(source: KeyError) -> Error {
    Error::Key {
        issuer: "[audit]".to_owned(),
        source,
    }
}

fn former_keys(config: &Config) -> Result<Vec<PublicKey>, Error> {
    let files = config.audit.former_key_files();
    files
        .map(|file| former_key(&config.path(Path::new(file))))
        .collect()
}

fn former_key(file: &Path) -> Result<PublicKey, Error> {
    let text = std::fs::read_to_string(file).map_err(|source| Error::File {
        path: file.to_owned(),
        source,
    })?;
    let refused = |reason: String| {
        let fault = format!("audit.former_keys: {}: {reason}", file.display());
        Error::Config(ConfigError::Faults(vec![fault]))
    };
    let blocks = pem::decode_all(PUBLIC_KEY, &text).map_err(|error| refused(error.to_string()))?;
    let [der] = blocks.as_slice() else {
        return Err(refused("more than one public key".to_owned()));
    };
    PublicKey::from_spki_der(der).map_err(|error| refused(error.to_string()))
}

async fn from_the_database(store: &Store) -> Result<hmac::Key, Error> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| Error::Store(error);
    let mut fresh = [0; 32];
    SystemEntropy::default()
        .fill(&mut fresh)
        .map_err(|error| failed(Box::new(error)))?;
    let secret = store.shared_secret("audit-seal", fresh).await;
    let secret = secret.map_err(|error| failed(Box::new(error)))?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &secret))
}

/// Signs with a key outside of the database; knows the keys that did so before.
struct KeyRing {
    opener: Arc<Opener>,
    /// Empty while its token has been away since the start.
    key: OnceLock<Arc<dyn SigningKey>>,
    former: Vec<PublicKey>,
    secret: hmac::Key,
    secret_vouches: Judgement,
}

impl KeyRing {
    /// Looks for a key that was not there before: blocks, and only whoever signs.
    fn signing_key(&self) -> Result<&Arc<dyn SigningKey>, SealError> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let opened = self.opener.open();
        let opened = opened.map_err(|reason| SealError(unusable(reason).in_full()))?;
        Ok(self.key.get_or_init(|| opened))
    }
}

impl Seal for KeyRing {
    /// Nobody asks before a signature was made.
    fn key(&self) -> String {
        let key = self.key.get();
        key.map(|key| name(key.public_key())).unwrap_or_default()
    }

    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SealError> {
        let deadline = Instant::now() + PATIENCE;
        self.signing_key()?
            .sign_blocking(octets, deadline)
            .map_err(|error| SealError(error.to_string()))
    }

    fn judge(&self, key: &str, octets: &[u8], signature: &[u8]) -> Judgement {
        let signing = self.key.get();
        let signing = signing.map(|key| (key.public_key(), key.algorithm()));
        let former = self
            .former
            .iter()
            .map(|one| (one, one.signature_algorithm()));
        let signed = signing
            .into_iter()
            .chain(former)
            .filter(|(public, _)| key.is_empty() || key == name(public))
            .any(|(public, algorithm)| public.verify(algorithm, octets, signature).is_ok());
        if signed {
            return Judgement::Vouches;
        }
        let by_secret = key.is_empty() || key == AuditSection::DATABASE;
        match by_secret && hmac::verify(&self.secret, octets, signature).is_ok() {
            true => self.secret_vouches,
            false => Judgement::Forged,
        }
    }
}

/// Authenticates with a secret that the servers share.
struct SecretSeal(hmac::Key);

impl Seal for SecretSeal {
    fn key(&self) -> String {
        AuditSection::DATABASE.to_owned()
    }

    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(hmac::sign(&self.0, octets).as_ref().to_vec())
    }

    fn judge(&self, _key: &str, octets: &[u8], signature: &[u8]) -> Judgement {
        match hmac::verify(&self.0, octets, signature) {
            Ok(()) => Judgement::Vouches,
            Err(_) => Judgement::Forged,
        }
    }
}

/// Names a key as checkpoints do: the beginning of its fingerprint.
fn name(key: &PublicKey) -> String {
    let fingerprint = key.fingerprint_sha256();
    let (beginning, _) = fingerprint.split_at(NAME_OCTETS);
    hex::lower(beginning)
}

/// The label of a SubjectPublicKeyInfo (RFC 7468 §13).
pub(crate) const PUBLIC_KEY: &str = "PUBLIC KEY";

const NAME_OCTETS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(5);
