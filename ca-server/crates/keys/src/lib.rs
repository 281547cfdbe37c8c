//! Where private keys live: PKCS#11 tokens and encrypted files, behind one trait.
//!
//! [`open`] and [`generate`] take a [`KeyUri`] and give a [`SigningKey`]; who signs does not see
//! which kind it is. A [`TokenKey`] feeds plain threads, each with its own session, through a
//! bounded queue; it finds its way back after a lost session by itself, and a circuit breaker
//! answers at once while the token is away. A [`SoftwareKey`] lives in this process.
//!
//! This is the only room that holds a private key and the only one that knows cryptoki. It never
//! lets key material out of a token (a software key leaves only through methods that say so),
//! never logs a PIN or a passphrase, and never waits without a deadline.

mod error;
mod meters;
mod opener;
mod options;
mod pool;
mod secret;
mod signing_key;
mod software;
mod token;
mod uri;

use std::sync::Arc;

use ca_pki::{KeyAlgorithm, PublicKey};

pub use error::KeyError;
pub use opener::Opener;
pub use options::{BreakerPolicy, SignerOptions};
pub use pool::Place;
pub use secret::SecretSource;
pub use signing_key::SigningKey;
pub use software::SoftwareKey;
pub use token::TokenKey;
pub use uri::{FileUri, KeyUri, TokenUri};

/// Opens the key that a URI names, and checks that it can sign.
///
/// Blocks on the file or the token: for start-up, before requests are taken. A token key that
/// could leave its token is refused. Whoever tries again and again takes an [`Opener`].
pub fn open(uri: &KeyUri, options: &SignerOptions) -> Result<Arc<dyn SigningKey>, KeyError> {
    Opener::new(uri.clone(), options.clone()).open()
}

/// Opens the key of a pair whose public half is known, even while its token is away, hangs or
/// refuses the PIN: then it answers `Unavailable` until the token is back, and the reason is
/// beside it. A key that is in its place and is another one is refused. Blocks, but not for long.
pub fn open_expecting(
    uri: &KeyUri,
    public: &PublicKey,
    options: &SignerOptions,
) -> Result<(Arc<dyn SigningKey>, Option<KeyError>), KeyError> {
    match uri {
        KeyUri::Token(uri) => {
            let (key, away) = TokenKey::open_expecting(uri, public, options)?;
            Ok((Arc::new(key), away))
        }
        KeyUri::File(uri) => Ok((Arc::new(SoftwareKey::open(uri)?), None)),
    }
}

/// Makes a new key where a URI says, durable when this returns, and opens it.
///
/// Never replaces a key: where there is one already, that is an error. Blocks.
pub fn generate(
    uri: &KeyUri,
    algorithm: KeyAlgorithm,
    options: &SignerOptions,
) -> Result<Arc<dyn SigningKey>, KeyError> {
    match uri {
        KeyUri::Token(uri) => Ok(Arc::new(TokenKey::generate(uri, algorithm, options)?)),
        KeyUri::File(uri) => Ok(Arc::new(SoftwareKey::generate_at(uri, algorithm)?)),
    }
}
