//! A key's token as the signing threads see it: connect, sign.

use std::num::NonZeroUsize;
use std::sync::{Mutex, OnceLock, PoisonError};

use ca_pki::PublicKey;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki::slot::{Limit, TokenInfo};

use super::fault::fault;
use super::login::Login;
use super::module::{self, Module};
use super::object::{self, Wanted};
use super::scheme::Scheme;
use super::{public_half, slot};
use crate::pool::{Device, Fault};
use crate::{KeyError, TokenUri};

/// Everything that a new session needs, and what the key in it must still be.
#[derive(Debug)]
pub(super) struct TokenDevice {
    module: Module,
    uri: TokenUri,
    wanted: Wanted,
    public: PublicKey,
    scheme: Scheme,
    /// Known since the token was there for the first time.
    session_limit: OnceLock<Option<NonZeroUsize>>,
    /// Held while connecting: logins of one process exclude each other anyhow.
    login: Mutex<Login>,
}

/// A logged-in session and the key's handle in it.
#[derive(Debug)]
pub(super) struct TokenSession {
    session: Option<Session>,
    key: ObjectHandle,
    module: Module,
    generation: u64,
}

/// A key as it was found.
struct Found {
    session: Session,
    generation: u64,
    token: TokenInfo,
    key: object::PrivateKey,
    public: PublicKey,
}

impl TokenDevice {
    /// Finds the key for the first time; later sessions must find the same one.
    pub(super) fn open(uri: &TokenUri) -> Result<(Self, TokenSession), KeyError> {
        let module = module::load(&uri.module_path)?;
        let login = Login::new(uri.pin_source.clone(), module.refused());
        let wanted = Wanted {
            label: uri.object.clone(),
            id: uri.id.clone(),
        };
        let found = find(&module, uri, &login, &wanted)?;
        let session = TokenSession {
            session: Some(found.session),
            key: found.key.handle,
            module: module.clone(),
            generation: found.generation,
        };
        let device = Self {
            module,
            uri: uri.clone(),
            wanted: found.key.wanted,
            scheme: Scheme::of(&found.public)?,
            public: found.public,
            session_limit: OnceLock::from(session_limit(&found.token)),
            login: Mutex::new(login),
        };
        Ok((device, session))
    }

    /// Prepares for a key that is not looked for yet.
    pub(super) fn expecting(uri: &TokenUri, public: &PublicKey) -> Result<Self, KeyError> {
        let module = module::load(&uri.module_path)?;
        let login = Login::new(uri.pin_source.clone(), module.refused());
        Ok(Self {
            module,
            uri: uri.clone(),
            wanted: Wanted {
                label: uri.object.clone(),
                id: uri.id.clone(),
            },
            public: public.clone(),
            scheme: Scheme::of(public)?,
            session_limit: OnceLock::new(),
            login: Mutex::new(login),
        })
    }

    /// Has something signed that nobody could use, and verifies it: the public half beside a key
    /// may be another key's, and a module that signed wrongly once may do so again.
    pub(super) fn prove(&self, session: &TokenSession) -> Result<(), Fault> {
        let raw = self.sign(session, &self.scheme.input(PROBE))?;
        let signature = self.scheme.signature(&raw).map_err(Fault::Broken)?;
        let algorithm = self.public.signature_algorithm();
        self.public
            .verify(algorithm, PROBE, &signature)
            .map_err(|_| {
                let text = "the public key beside it in the token is another key's";
                Fault::Broken(KeyError::Key(text.into()))
            })
    }

    pub(super) fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Returns how many sessions the token grants, if it says.
    pub(super) fn session_limit(&self) -> Option<NonZeroUsize> {
        self.session_limit.get().copied().flatten()
    }
}

impl Drop for TokenSession {
    /// Closes the session, unless its number may be that of another by now.
    fn drop(&mut self) {
        let module = self.module.enter();
        if module.generation() != self.generation {
            std::mem::forget(self.session.take());
        }
        drop(self.session.take());
    }
}

impl Device for TokenDevice {
    type Session = TokenSession;

    fn connect(&self) -> Result<TokenSession, Fault> {
        let login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        let found = find(&self.module, &self.uri, &login, &self.wanted)?;
        if found.public != self.public {
            return Err(Fault::Broken(KeyError::Key(
                "another key has taken its place in the token".into(),
            )));
        }
        self.session_limit
            .get_or_init(|| session_limit(&found.token));
        let session = TokenSession {
            session: Some(found.session),
            key: found.key.handle,
            module: self.module.clone(),
            generation: found.generation,
        };
        self.prove(&session)?;
        Ok(session)
    }

    fn sign(&self, session: &TokenSession, input: &[u8]) -> Result<Vec<u8>, Fault> {
        let module = self.module.enter();
        if module.generation() != session.generation {
            // Its numbers may stand for another session and another key by now.
            return Err(Fault::Lost("the module was initialized anew".into()));
        }
        let open = session.session.as_ref();
        open.ok_or_else(|| Fault::Lost("the session is closed".into()))?
            .sign(&self.scheme.mechanism(), session.key, input)
            .map_err(fault)
    }
}

/// Finds the key, in a module that looks for its tokens anew if this one is not there.
///
/// Nobody else looks for a token of the module meanwhile. If it hangs here, so would the others in
/// it: each of them waits on a thread that its caller leaves in time, as this one's does.
fn find(module: &Module, uri: &TokenUri, login: &Login, wanted: &Wanted) -> Result<Found, Fault> {
    let _alone = module.look();
    let generation = module.enter().generation();
    if let Some(found) = look_up(module, uri, login, wanted)? {
        return Ok(found);
    }
    module.renew(generation)?;
    look_up(module, uri, login, wanted)?.ok_or_else(slot::absent)
}

/// Looks the key up; `None` while its token is away.
fn look_up(
    module: &Module,
    uri: &TokenUri,
    login: &Login,
    wanted: &Wanted,
) -> Result<Option<Found>, Fault> {
    let module = module.enter();
    module::initialize(&module)?;
    let Some((slot, token)) = slot::find(&module, uri)? else {
        return Ok(None);
    };
    let session = module.open_ro_session(slot).map_err(fault)?;
    login.log_in(&session, &token)?;
    let key = object::find_private(&session, wanted)?;
    let public = public_half::read(&session, &key)?;
    Ok(Some(Found {
        session,
        generation: module.generation(),
        token,
        key,
        public,
    }))
}

fn session_limit(token: &TokenInfo) -> Option<NonZeroUsize> {
    match token.max_session_count() {
        Limit::Max(count) => usize::try_from(count).ok().and_then(NonZeroUsize::new),
        Limit::Unavailable | Limit::Infinite => None,
    }
}

// No certificate, CRL or OCSP response begins like this: all of them are DER sequences.
const PROBE: &[u8] = b"does this private key belong to the public key beside it?";
