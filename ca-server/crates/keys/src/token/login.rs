//! Logging in, without ever offering a token the same wrong PIN twice.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::TokenInfo;
use secrecy::{ExposeSecret, SecretString};

use super::fault::fault;
use crate::pool::Fault;
use crate::{KeyError, SecretSource};

/// Where the PIN comes from and which one the token refused.
#[derive(Debug)]
pub(super) struct Login {
    source: Option<SecretSource>,
    refused: Option<SecretString>,
}

impl Login {
    pub(super) fn new(source: Option<SecretSource>) -> Self {
        Self {
            source,
            refused: None,
        }
    }

    /// Logs the user in; a token keeps one login for all sessions of a process.
    ///
    /// The PIN is read anew, so replacing it needs no restart. One that was refused is not tried
    /// again: recovery would use up the few attempts that a token grants before it locks itself.
    pub(super) fn log_in(&mut self, session: &Session, token: &TokenInfo) -> Result<(), Fault> {
        if !token.login_required() {
            return Ok(());
        }
        let pin = self.pin(token).map_err(Fault::Broken)?;
        match session.login(UserType::User, pin.as_ref()) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
                self.refused = None;
                Ok(())
            }
            Err(error) => {
                let Some(text) = refusal(&error) else {
                    return Err(fault(error));
                };
                self.refused = pin;
                Err(Fault::Broken(KeyError::Secret(text.into())))
            }
        }
    }

    /// Reads the PIN; a token with its own keypad needs none.
    fn pin(&self, token: &TokenInfo) -> Result<Option<SecretString>, KeyError> {
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
        match &self.refused {
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

/// Says what is wrong with the PIN, if it is the PIN.
fn refusal(error: &Error) -> Option<&'static str> {
    let Error::Pkcs11(error, _) = error else {
        return None;
    };
    if matches!(
        error,
        RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange
    ) {
        return Some("the token refused the PIN");
    }
    if matches!(error, RvError::PinLocked) {
        return Some("the PIN is locked: the security officer must set a new one");
    }
    if matches!(error, RvError::PinExpired | RvError::UserPinNotInitialized) {
        return Some("the token has no valid PIN: the security officer must set one");
    }
    None
}
