//! keyChange (RFC 8555 §7.3.5).

use ca_issuance::audit::EventKind;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::account::Account;
use crate::acme::Acme;
use crate::jwk::Jwk;
use crate::jws::{KeyReference, UnverifiedJws};
use crate::request::AccountRequest;
use crate::store::KeyChange;
use crate::{Error, Problem, payload};

/// The inner payload.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyChangeRequest {
    account: String,
    old_key: Map<String, Value>,
}

impl Acme {
    /// Gives the account the key that signed the inner JWS.
    pub async fn change_key(&self, request: AccountRequest) -> Result<Account, Error> {
        let new_key = self.verify_inner(&request)?;
        let account = request.account;
        let details = json!({ "old": account.thumbprint, "new": new_key.thumbprint() });
        let event = self.account_event(&account, EventKind::AccountKeyChanged, details);
        let changed = self
            .store
            .change_key(
                &account.id,
                &account.thumbprint,
                new_key.canonical(),
                new_key.thumbprint(),
                event,
            )
            .await?;
        match changed {
            KeyChange::Changed(account) => Ok(account),
            KeyChange::KeyInUse(owner) => Err(self.key_in_use(&account.directory, &owner)),
            KeyChange::Stale => Err(Problem::malformed("the account's key changed meanwhile")
                .with_status(409)
                .into()),
        }
    }

    /// Checks the inner JWS by the list of RFC 8555 §7.3.5; a nonce in it is ignored, as told there.
    fn verify_inner(&self, request: &AccountRequest) -> Result<Jwk, Error> {
        let inner = UnverifiedJws::parse(request.payload.as_bytes())?;
        let KeyReference::Jwk(members) = &inner.header.key else {
            return Err(Error::malformed(
                "the inner JWS must have the new key in jwk",
            ));
        };
        let new_key = Jwk::from_members(members)?;
        inner.verify(&new_key)?;
        if inner.header.url != request.url {
            return Err(Error::malformed(
                "the inner JWS's url is not the outer one's",
            ));
        }
        let wanted: KeyChangeRequest = payload::read(&inner.payload)?;
        let account = &request.account;
        if wanted.account != self.urls.account(&account.directory, &account.id) {
            return Err(Error::malformed(
                "account is not the URL of the account that signed the outer JWS",
            ));
        }
        if Jwk::from_members(&wanted.old_key)? != request.jwk {
            return Err(Error::malformed("oldKey is not the account's key"));
        }
        Ok(new_key)
    }

    fn key_in_use(&self, directory: &str, owner: &str) -> Error {
        let mut problem =
            Problem::malformed("an account has this key already, see Location").with_status(409);
        problem.location = Some(self.urls.account(directory, owner));
        problem.into()
    }
}
