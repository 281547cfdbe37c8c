//! The ACME service: what every operation needs at hand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_identity::Access;
use ca_issuance::Corridor;
use ca_pki::Timestamp;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::challenge::Running;
use crate::directory::Directory;
use crate::known_keys::KnownKeys;
use crate::limits::{Limiter, Limits};
use crate::nonce::Nonces;
use crate::urls::Urls;
use crate::{AcmeStore, Error, Problem, Validator};

/// The ACME service. Operations are `impl` blocks beside the noun that they are about.
pub struct Acme {
    pub(crate) store: Arc<dyn AcmeStore>,
    pub(crate) corridor: Arc<Corridor>,
    pub(crate) access: Arc<Access>,
    pub(crate) validator: Arc<dyn Validator>,
    pub(crate) tasks: TaskTracker,
    pub(crate) urls: Urls,
    pub(crate) nonces: Nonces,
    pub(crate) known_keys: KnownKeys,
    pub(crate) limiter: Limiter,
    pub(crate) running: Running,
    pub(crate) answer_wait: Duration,
    directories: BTreeMap<String, Arc<Directory>>,
}

/// What an [`Acme`] is made of.
pub struct AcmeParts {
    /// What remembers.
    pub store: Arc<dyn AcmeStore>,
    /// The road to signatures and revocations; its clock and entropy are used here too.
    pub corridor: Arc<Corridor>,
    /// What knows whose grants give what.
    pub access: Arc<Access>,
    /// What asks the outside world.
    pub validator: Arc<dyn Validator>,
    /// Where work runs that must outlive its request.
    pub tasks: TaskTracker,
    /// The URL under which clients reach the server.
    pub external_url: Url,
    /// The directories as configured.
    pub directories: Vec<Directory>,
    /// How much addresses and accounts may ask for.
    pub limits: Limits,
}

impl Acme {
    /// Joins the parts; reads (or first makes) the nonce key that all servers share.
    pub async fn new(parts: AcmeParts) -> Result<Self, Error> {
        let mut fresh = [0; 32];
        parts.corridor.entropy().fill(&mut fresh)?;
        let nonce_key = parts.store.shared_secret("acme-nonce", fresh).await?;
        Ok(Self {
            store: parts.store,
            corridor: parts.corridor,
            access: parts.access,
            validator: parts.validator,
            tasks: parts.tasks,
            urls: Urls::new(&parts.external_url),
            nonces: Nonces::new(&nonce_key),
            known_keys: KnownKeys::new(),
            limiter: Limiter::new(parts.limits),
            running: Running::default(),
            answer_wait: ANSWER_WAIT,
            directories: parts
                .directories
                .into_iter()
                .map(|directory| (directory.name.clone(), Arc::new(directory)))
                .collect(),
        })
    }

    /// Replaces how long the answer to a challenge is held back for its result.
    #[must_use]
    pub fn with_answer_wait(mut self, answer_wait: Duration) -> Self {
        self.answer_wait = answer_wait;
        self
    }

    /// Returns the URL builder.
    pub fn urls(&self) -> &Urls {
        &self.urls
    }

    /// Returns the directory of this name; 404 where there is none.
    pub fn directory(&self, name: &str) -> Result<&Arc<Directory>, Error> {
        self.directories.get(name).ok_or_else(|| {
            Problem::malformed("there is no such directory")
                .with_status(404)
                .into()
        })
    }

    pub(crate) fn directories(&self) -> impl Iterator<Item = &Directory> {
        self.directories.values().map(|directory| &**directory)
    }

    /// Returns a fresh nonce for a response (RFC 8555 §6.5).
    pub fn fresh_nonce(&self) -> Result<String, Error> {
        Ok(self
            .nonces
            .issue(self.now(), self.corridor.entropy().as_ref())?)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.corridor.clock().now()
    }

    /// Draws an id that cannot be guessed: the time in seconds (4 octets), then 128 random bits,
    /// base64url.
    ///
    /// Ids that are made together begin alike and so stand together in the store's indexes: a
    /// commit then writes few pages of a large index instead of one for each row.
    pub(crate) fn fresh_id(&self) -> Result<String, Error> {
        let mut octets = [0; 20];
        let (time, random) = octets.split_at_mut(4);
        let now = u32::try_from(self.now().unix_secs()).unwrap_or_default();
        time.copy_from_slice(&now.to_be_bytes());
        self.corridor.entropy().fill(random)?;
        Ok(URL_SAFE_NO_PAD.encode(octets))
    }

    /// Draws a challenge token: 256 bits, base64url (RFC 8555 §8.1 asks for 128).
    pub(crate) fn fresh_token(&self) -> Result<String, Error> {
        let mut octets = [0; 32];
        self.corridor.entropy().fill(&mut octets)?;
        Ok(URL_SAFE_NO_PAD.encode(octets))
    }
}

/// Most local validations are done by then; a client that gets the result need not poll.
const ANSWER_WAIT: Duration = Duration::from_millis(100);
