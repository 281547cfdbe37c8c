//! Logging in, without ever offering a token the same wrong PIN twice, nor its last try any PIN.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::TokenInfo;
use secrecy::{ExposeSecret, SecretString};

use super::fault::fault;
use crate::pool::Fault;
use crate::{KeyError, SecretSource};

/// The PINs that tokens refused, by the tokens' serial numbers: for all keys of a module together,
/// since each of them would use up a try.
#[derive(Clone, Debug, Default)]
pub(super) struct Refused(Arc<Mutex<BTreeMap<String, SecretString>>>);

/// Where the PIN comes from and which one the token refused.
#[derive(Debug)]
pub(super) struct Login {
    source: Option<SecretSource>,
    refused: Refused,
}

impl Login {
    pub(super) fn new(source: Option<SecretSource>, refused: Refused) -> Self {
        Self { source, refused }
    }

    /// Logs the user in; a token keeps one login for all sessions of a process.
    ///
    /// The PIN is read anew, so replacing it needs no restart. One that was refused is not tried
    /// again: recovery would use up the few attempts that a token grants before it locks itself.
    /// Nor is the last of them ever used, as a program that is started again and again would.
    pub(super) fn log_in(&self, session: &Session, token: &TokenInfo) -> Result<(), Fault> {
        if !token.login_required() {
            return Ok(());
        }
        if let Some(text) = hopeless(token) {
            return Err(Fault::Broken(KeyError::Secret(text.into())));
        }
        let mut refused = self.refused.lock();
        let pin = self.pin(token, refused.get(token.serial_number()));
        let pin = pin.map_err(Fault::Broken)?;
        match session.login(UserType::User, pin.as_ref()) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
                refused.remove(token.serial_number());
                Ok(())
            }
            Err(error) => {
                let Some(refusal) = Refusal::of(&error) else {
                    return Err(fault(error));
                };
                if let (Refusal::Wrong, Some(pin)) = (&refusal, pin) {
                    refused.insert(token.serial_number().to_owned(), pin);
                }
                Err(Fault::Broken(KeyError::Secret(refusal.text().into())))
            }
        }
    }

    /// Reads the PIN; a token with its own keypad needs none.
    fn pin(
        &self,
        token: &TokenInfo,
        refused: Option<&SecretString>,
    ) -> Result<Option<SecretString>, KeyError> {
        let Some(source) = &self.source else {
            return match token.protected_authentication_path() {
                true => Ok(None),
                false => Err(KeyError::Secret(
                    "the token asks for a PIN and the key URI names none: add \
                     pin-source=file:PATH or pin-source=env:NAME"
                        .into(),
                )),
            };
        };
        let pin = source.read()?;
        match refused {
            Some(refused) if is_same(refused, &pin) => Err(KeyError::Secret(
                "the token refused this PIN before; it is not offered again until it is replaced"
                    .into(),
            )),
            Some(_) | None => Ok(Some(pin)),
        }
    }
}

fn is_same(one: &SecretString, other: &SecretString) -> bool {
    let (one, other) = (one.expose_secret(), other.expose_secret());
    verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

/// What is wrong with a PIN.
enum Refusal {
    Wrong,
    Locked,
    Unset,
}

impl Refusal {
    /// Tells what is wrong with the PIN, if it is the PIN.
    fn of(error: &Error) -> Option<Self> {
        let Error::Pkcs11(error, _) = error else {
            return None;
        };
        if matches!(
            error,
            RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange
        ) {
            return Some(Self::Wrong);
        }
        if matches!(error, RvError::PinLocked) {
            return Some(Self::Locked);
        }
        matches!(error, RvError::PinExpired | RvError::UserPinNotInitialized).then_some(Self::Unset)
    }

    fn text(&self) -> &'static str {
        match self {
            Self::Wrong => "the token refused the PIN",
            Self::Locked => LOCKED,
            Self::Unset => "the token has no valid PIN: the security officer must set one",
        }
    }
}

/// Says why no PIN is offered to this token, if so.
fn hopeless(token: &TokenInfo) -> Option<&'static str> {
    if token.user_pin_locked() {
        return Some(LOCKED);
    }
    token.user_pin_final_try().then_some(
        "one more wrong PIN locks the token, so none is offered: log in once with another program",
    )
}

impl Refused {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, SecretString>> {
        // Entries come and go whole, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const LOCKED: &str = "the PIN is locked: the security officer must set a new one";
