//! Listing and revoking keys.

use ca_identity::{Error, Identity, Principal, Role};

use super::{ExternalAccountKey, revoked};
use crate::StoreError;
use crate::acme::Acme;

impl Acme {
    /// Lists keys, newest first: all for those with a role, for others their own.
    pub async fn external_account_keys(
        &self,
        identity: &Identity,
    ) -> Result<Vec<ExternalAccountKey>, Error> {
        let mut keys = self.store.external_account_keys().await?;
        keys.retain(|key| may_see(identity, key));
        Ok(keys)
    }

    /// Revokes a key: it binds no more accounts, and those that it bound get nothing by grants
    /// from now on. [`Error::NotFound`] if there is none that the caller may see; revoking it
    /// again changes nothing.
    pub async fn revoke_external_account_key(
        &self,
        identity: &Identity,
        kid: &str,
    ) -> Result<(), Error> {
        let key = self.store.external_account_key(kid).await?;
        let key = key
            .filter(|key| may_see(identity, key))
            .ok_or(Error::NotFound)?;
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

fn is_own(identity: &Identity, key: &ExternalAccountKey) -> bool {
    key.principal.as_deref().map(Principal::name) == Some(identity.principal.name())
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
