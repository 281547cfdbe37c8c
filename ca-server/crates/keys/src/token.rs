//! Keys in a PKCS#11 token: found or made there, used there, never out of there.

mod attribute;
mod device;
mod fault;
mod generate;
mod login;
mod module;
mod object;
mod patience;
mod public_half;
mod scheme;
mod slot;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ca_pki::key::LongMessage;
use ca_pki::{KeyAlgorithm, PublicKey};

pub(crate) use self::patience::Errand;

use self::device::{TokenDevice, TokenSession};
use self::scheme::Scheme;
use crate::meters::Meters;
use crate::pool::{Device, Pool};
use crate::{KeyError, Place, SignerOptions, SigningKey, TokenUri};

/// A private key in a token, with the threads that sign with it.
#[derive(Debug)]
pub struct TokenKey {
    pool: Pool,
    public: PublicKey,
    scheme: Scheme,
}

impl TokenKey {
    /// Finds the key in its token, proves that it signs, and starts its threads.
    ///
    /// Refused: a key that could leave the token, one that may not sign, and a name that two keys
    /// or two tokens answer to. From then on the key is known by its CKA_ID and its public half.
    pub fn open(uri: &TokenUri, options: &SignerOptions) -> Result<Self, KeyError> {
        Self::open_on(&Errand::default(), uri, options)
    }

    /// Opens the key, unless the errand's last attempt still hangs.
    pub(crate) fn open_on(
        errand: &Errand,
        uri: &TokenUri,
        options: &SignerOptions,
    ) -> Result<Self, KeyError> {
        let asked = uri.clone();
        let (device, session) = errand.within(OPENING, move || {
            let (device, session) = TokenDevice::open(&asked)?;
            device.prove(&session)?;
            Ok((device, session))
        })?;
        Self::start(uri, Arc::new(device), Ok(session), options)
    }

    /// Opens the key that belongs to `public`, or waits for its token: see
    /// [`crate::open_expecting`].
    pub(crate) fn open_expecting(
        uri: &TokenUri,
        public: &PublicKey,
        options: &SignerOptions,
    ) -> Result<(Self, Option<KeyError>), KeyError> {
        let device = Arc::new(TokenDevice::expecting(uri, public)?);
        let connecting = Arc::clone(&device);
        let connected = Errand::default().within(OPENING, move || Ok(connecting.connect()?));
        match connected {
            Ok(session) => Ok((Self::start(uri, device, Ok(session), options)?, None)),
            Err(away) if away.may_pass() => {
                let key = Self::start(uri, device, Err(&away), options)?;
                Ok((key, Some(away)))
            }
            Err(wrong) => Err(wrong),
        }
    }

    fn start(
        uri: &TokenUri,
        device: Arc<TokenDevice>,
        session: Result<TokenSession, &KeyError>,
        options: &SignerOptions,
    ) -> Result<Self, KeyError> {
        let public = device.public_key().clone();
        let scheme = Scheme::of(&public)?;
        let options = within_session_limit(options, device.session_limit());
        let meters = Meters::named(&uri.to_string());
        Ok(Self {
            pool: Pool::start(device, session, &options, meters)?,
            public,
            scheme,
        })
    }

    /// Makes a key pair inside the token, not extractable, and opens it.
    ///
    /// The label is the URI's `object`, the CKA_ID its `id` or else random. A label that a key
    /// has already is refused.
    pub fn generate(
        uri: &TokenUri,
        algorithm: KeyAlgorithm,
        options: &SignerOptions,
    ) -> Result<Self, KeyError> {
        generate::generate(uri, algorithm)?;
        Self::open(uri, options)
    }
}

#[async_trait::async_trait]
impl SigningKey for TokenKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn check_available(&self) -> Result<(), KeyError> {
        self.pool.check_available()
    }

    fn reserve(&self) -> Result<Place, KeyError> {
        self.pool.reserve()
    }

    fn distrust(&self) {
        self.pool.distrust();
    }

    async fn sign(&self, message: &[u8], deadline: Instant) -> Result<Vec<u8>, KeyError> {
        let raw = self.pool.sign(self.scheme.input(message), deadline).await?;
        self.scheme.signature(&raw)
    }

    async fn sign_long(
        &self,
        message: &LongMessage,
        deadline: Instant,
    ) -> Result<Vec<u8>, KeyError> {
        let input = match message.digest() {
            Some(digest) => self.scheme.input_of(digest),
            None => self.scheme.input(&message.to_vec()),
        };
        self.scheme
            .signature(&self.pool.sign(input, deadline).await?)
    }

    fn sign_blocking(&self, message: &[u8], deadline: Instant) -> Result<Vec<u8>, KeyError> {
        let raw = self
            .pool
            .sign_blocking(self.scheme.input(message), deadline)?;
        self.scheme.signature(&raw)
    }
}

/// Leaves one of the token's sessions to whoever administers it.
fn within_session_limit(options: &SignerOptions, limit: Option<NonZeroUsize>) -> SignerOptions {
    let mut options = options.clone();
    if let Some(limit) = limit {
        let usable = NonZeroUsize::new(limit.get() - 1).unwrap_or(NonZeroUsize::MIN);
        let wanted = options
            .sessions
            .or_else(|| std::thread::available_parallelism().ok());
        options.sessions = Some(wanted.map_or(usable, |wanted| wanted.min(usable)));
    }
    options
}

/// How long a token may take to be found, logged into and tried. Network tokens take seconds.
const OPENING: Duration = Duration::from_secs(15);
