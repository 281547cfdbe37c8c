//! A key's token as the signing threads see it: connect, sign.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use ca_pki::PublicKey;
use cryptoki::context::Pkcs11;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki::slot::{Limit, TokenInfo};

use super::fault::fault;
use super::login::Login;
use super::object::{self, Wanted};
use super::scheme::Scheme;
use super::{module, public_half, slot};
use crate::pool::{Device, Fault};
use crate::{KeyError, TokenUri};

/// Everything that a new session needs, and what the key in it must still be.
#[derive(Debug)]
pub(super) struct TokenDevice {
    module: Pkcs11,
    uri: TokenUri,
    wanted: Wanted,
    public: PublicKey,
    scheme: Scheme,
    session_limit: Option<NonZeroUsize>,
    /// Held while connecting: logins of one process exclude each other anyhow.
    login: Mutex<Login>,
}

/// A logged-in session and the key's handle in it.
#[derive(Debug)]
pub(super) struct TokenSession {
    session: Session,
    key: ObjectHandle,
}

/// A key as it was found.
struct Found {
    session: Session,
    token: TokenInfo,
    key: object::PrivateKey,
    public: PublicKey,
}

impl TokenDevice {
    /// Finds the key for the first time; later sessions must find the same one.
    pub(super) fn open(uri: &TokenUri) -> Result<(Self, TokenSession), KeyError> {
        let module = module::load(&uri.module_path)?;
        let mut login = Login::new(uri.pin_source.clone());
        let wanted = Wanted {
            label: uri.object.clone(),
            id: uri.id.clone(),
        };
        let found = find(&module, uri, &mut login, &wanted)?;
        let session = TokenSession {
            session: found.session,
            key: found.key.handle,
        };
        let device = Self {
            module,
            uri: uri.clone(),
            wanted: found.key.wanted,
            scheme: Scheme::of(&found.public)?,
            public: found.public,
            session_limit: session_limit(&found.token),
            login: Mutex::new(login),
        };
        Ok((device, session))
    }

    pub(super) fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Returns how many sessions the token grants, if it says.
    pub(super) fn session_limit(&self) -> Option<NonZeroUsize> {
        self.session_limit
    }
}

impl Device for TokenDevice {
    type Session = TokenSession;

    fn connect(&self) -> Result<TokenSession, Fault> {
        let mut login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        let found = find(&self.module, &self.uri, &mut login, &self.wanted)?;
        if found.public != self.public {
            return Err(Fault::Broken(KeyError::Key(
                "another key has taken its place in the token".into(),
            )));
        }
        Ok(TokenSession {
            session: found.session,
            key: found.key.handle,
        })
    }

    fn sign(&self, session: &TokenSession, input: &[u8]) -> Result<Vec<u8>, Fault> {
        session
            .session
            .sign(&self.scheme.mechanism(), session.key, input)
            .map_err(fault)
    }
}

fn find(
    module: &Pkcs11,
    uri: &TokenUri,
    login: &mut Login,
    wanted: &Wanted,
) -> Result<Found, Fault> {
    module::initialize(module)?;
    let (slot, token) = slot::find(module, uri)?;
    let session = module.open_ro_session(slot).map_err(fault)?;
    login.log_in(&session, &token)?;
    let key = object::find_private(&session, wanted)?;
    let public = public_half::read(&session, &key)?;
    Ok(Found {
        session,
        token,
        key,
        public,
    })
}

fn session_limit(token: &TokenInfo) -> Option<NonZeroUsize> {
    match token.max_session_count() {
        Limit::Max(count) => usize::try_from(count).ok().and_then(NonZeroUsize::new),
        Limit::Unavailable | Limit::Infinite => None,
    }
}
