//! Opening a key, again and again until it is there.

use std::sync::Arc;

use crate::token::Errand;
use crate::{KeyError, KeyUri, SignerOptions, SigningKey, SoftwareKey, TokenKey};

/// Opens one key, as often as it takes.
#[derive(Debug)]
pub struct Opener {
    uri: KeyUri,
    options: SignerOptions,
    errand: Errand,
}

impl Opener {
    /// Prepares for a key that is not looked for yet.
    pub fn new(uri: KeyUri, options: SignerOptions) -> Self {
        Self {
            uri,
            options,
            errand: Errand::default(),
        }
    }

    /// Does as [`crate::open`] does; says so at once while the last attempt hangs in its token.
    pub fn open(&self) -> Result<Arc<dyn SigningKey>, KeyError> {
        match &self.uri {
            KeyUri::Token(uri) => Ok(Arc::new(TokenKey::open_on(
                &self.errand,
                uri,
                &self.options,
            )?)),
            KeyUri::File(uri) => Ok(Arc::new(SoftwareKey::open(uri)?)),
        }
    }
}
