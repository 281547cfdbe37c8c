//! Listing and revoking keys.

use ca_identity::{Error, Identity, Principal, Role};

use super::{ExternalAccountKey, KeyList, KeyQuery, revoked};
use crate::StoreError;
use crate::acme::Acme;
use crate::cursor::Cursor;

impl Acme {
    /// Lists keys, newest first: all for those with a role, for others their own. A page may hold
    /// less than `limit` although more follow: whoever had the caller's name before has keys too.
    pub async fn external_account_keys(
        &self,
        identity: &Identity,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<KeyList, Error> {
        let query = KeyQuery {
            owner: match identity.role {
                Some(Role::Admin | Role::Operator | Role::Auditor) => None,
                None => Some(identity.principal.name()),
            },
            limit,
            cursor,
        };
        let mut list = self.store.external_account_keys(&query).await?;
        list.keys.retain(|key| may_see(identity, key));
        Ok(list)
    }

    /// Reads a key; [`Error::NotFound`] if there is none that the caller may see.
    pub async fn external_account_key(
        &self,
        identity: &Identity,
        kid: &str,
    ) -> Result<ExternalAccountKey, Error> {
        let key = self.store.external_account_key(kid).await?;
        key.filter(|key| may_see(identity, key))
            .ok_or(Error::NotFound)
    }

    /// Revokes a key: it binds no more accounts, and those that it bound get nothing by grants
    /// from now on. [`Error::NotFound`] if there is none that the caller may see; revoking it
    /// again changes nothing.
    pub async fn revoke_external_account_key(
        &self,
        identity: &Identity,
        kid: &str,
    ) -> Result<(), Error> {
        let key = self.external_account_key(identity, kid).await?;
        if !may_revoke(identity, &key) {
            return Err(Error::Forbidden("auditors change nothing".to_owned()));
        }
        let event = revoked(kid, identity.actor(), self.now());
        self.store.revoke_external_account_key(kid, event).await?;
        Ok(())
    }
}

fn may_see(identity: &Identity, key: &ExternalAccountKey) -> bool {
    match identity.role {
        Some(Role::Admin | Role::Operator | Role::Auditor) => true,
        None => is_own(identity, key),
    }
}

fn may_revoke(identity: &Identity, key: &ExternalAccountKey) -> bool {
    match identity.role {
        Some(Role::Admin | Role::Operator) => true,
        Some(Role::Auditor) => false,
        None => is_own(identity, key),
    }
}

/// Compares more than names: see [`Principal::key`].
fn is_own(identity: &Identity, key: &ExternalAccountKey) -> bool {
    key.principal.as_deref().map(Principal::key) == Some(identity.principal.key())
}

/// Callers of the API hear of the store in the words of their own door.
impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Conflict("the record has moved on".to_owned()),
            StoreError::Unavailable {
                retry_after,
                source,
            } => Self::Unavailable {
                retry_after,
                source,
            },
            StoreError::Corrupt(text) => Self::Inconsistent(text),
        }
    }
}
