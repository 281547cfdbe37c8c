//! The first operator: a token in a file, made with the CA, known to its database.

use std::path::Path;

use ca_identity::operator::{NewOperatorToken, OPERATOR_TOKEN_PREFIX, OperatorToken};
use ca_identity::{IdentityStore, Role};
use ca_issuance::world::{SystemClock, SystemEntropy};
use ca_issuance::{Actor, Clock};
use ca_store::Store;
use secrecy::{ExposeSecret, SecretString};

use crate::error::Error;
use crate::files;

/// Draws the token as its file holds it.
pub(super) fn draw() -> Result<String, Error> {
    let (_row, text) = administrator().draw(SystemClock.now(), &SystemEntropy::default())?;
    Ok(format!("{}\n", text.expose_secret()))
}

/// Makes the database know the token in `file`, once. A token that was revoked stays revoked, and
/// one whose file is gone is not made again: both are ways to end it.
///
/// The file comes first. A crash before the row leaves a token that opens nothing; the next start
/// comes by here and makes the row.
pub(super) async fn admit(file: &Path, store: &Store) -> Result<(), Error> {
    if !file.exists() {
        return Ok(());
    }
    let text = SecretString::from(files::read(file)?.trim());
    if !text.expose_secret().starts_with(OPERATOR_TOKEN_PREFIX) {
        return Err(Error::Quickstart(format!(
            "{} holds no operator token: remove it, and make one with ca-server token create",
            file.display()
        )));
    }
    if OperatorToken::find(&text, store).await?.is_some() {
        return Ok(());
    }
    let entropy = SystemEntropy::default();
    let token = administrator().of_text(&text, SystemClock.now(), &entropy)?;
    let event = token.created(Actor::System);
    store
        .add_operator_token(token, event)
        .await
        .map_err(|error| Error::Store(Box::new(error)))
}

/// It lives as long as the CA: a first look should not end with a token that has run out.
fn administrator() -> NewOperatorToken {
    NewOperatorToken {
        name: "quickstart".to_owned(),
        role: Role::Admin,
        lifetime: None,
    }
}
