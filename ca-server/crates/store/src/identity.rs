//! The port of `ca-identity`: each method hands its intent to the writer, or reads.

pub(crate) mod memory;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use ca_identity::IdentityStore;
use ca_identity::client::Client;
use ca_identity::grant::Grant;
use ca_identity::operator::OperatorToken;
use ca_identity::session::{RefreshToken, Rotation, Session};
use ca_identity::store::SecretHash;
use ca_issuance::LedgerError;
use ca_issuance::audit::Event;
use ca_pki::Timestamp;

use crate::{
    Store, audit, client, grant, grant_use, operator_token, row, secret, session, used_token,
};

#[async_trait]
impl IdentityStore for Store {
    async fn open_session(
        &self,
        session: Session,
        refresh: Option<RefreshToken>,
        event: Event,
    ) -> Result<(), LedgerError> {
        let open = session::Open {
            session,
            refresh,
            event,
        };
        Ok(self.write(open).await?)
    }

    async fn session(&self, id: &str) -> Result<Option<Session>, LedgerError> {
        let reading = session::by_id(self.reads(), id);
        Ok(self.identities().session(id, reading).await?)
    }

    async fn session_of_refresh_token(
        &self,
        hash: &SecretHash,
    ) -> Result<Option<Session>, LedgerError> {
        Ok(session::by_refresh_token(self.reads(), hash).await?)
    }

    async fn rotate_refresh_token(
        &self,
        used: &SecretHash,
        next: RefreshToken,
        event: Event,
        replayed: Event,
    ) -> Result<Rotation, LedgerError> {
        let rotate = session::Rotate {
            used: *used,
            next,
            event,
            replayed,
        };
        Ok(self.write(rotate).await?)
    }

    async fn revoke_session(&self, id: &str, event: Event) -> Result<bool, LedgerError> {
        if !row::can_hold(id) {
            return Ok(false);
        }
        let id = id.to_owned();
        Ok(self.write(session::Revoke { id, event }).await?)
    }

    async fn add_client(&self, client: Client, event: Event) -> Result<(), LedgerError> {
        Ok(self.write(client::Add { client, event }).await?)
    }

    async fn client(&self, id: &str) -> Result<Option<Client>, LedgerError> {
        Ok(client::by_id(self.reads(), id).await?)
    }

    async fn clients(&self) -> Result<Vec<Client>, LedgerError> {
        Ok(client::all(self.reads()).await?)
    }

    async fn remove_client(&self, id: &str, event: Event) -> Result<bool, LedgerError> {
        if !row::can_hold(id) {
            return Ok(false);
        }
        let id = id.to_owned();
        Ok(self.write(client::Remove { id, event }).await?)
    }

    async fn add_operator_token(
        &self,
        token: OperatorToken,
        event: Event,
    ) -> Result<(), LedgerError> {
        Ok(self.write(operator_token::Add { token, event }).await?)
    }

    async fn operator_token(
        &self,
        hash: &SecretHash,
    ) -> Result<Option<OperatorToken>, LedgerError> {
        let reading = operator_token::by_hash(self.reads(), hash);
        Ok(self.identities().operator_token(hash, reading).await?)
    }

    async fn operator_tokens(&self) -> Result<Vec<OperatorToken>, LedgerError> {
        Ok(operator_token::all(self.reads()).await?)
    }

    async fn revoke_operator_token(&self, id: &str, event: Event) -> Result<bool, LedgerError> {
        if !row::can_hold(id) {
            return Ok(false);
        }
        let id = id.to_owned();
        Ok(self.write(operator_token::Revoke { id, event }).await?)
    }

    async fn use_token(
        &self,
        provider: &str,
        token_id: &str,
        expires_at: Timestamp,
    ) -> Result<bool, LedgerError> {
        let used = used_token::Use {
            provider: provider.to_owned(),
            token_id: token_id.to_owned(),
            expires_at,
        };
        Ok(self.write(used).await?)
    }

    async fn add_grant(&self, grant: Grant, event: Event) -> Result<(), LedgerError> {
        Ok(self.write(grant::Add { grant, event }).await?)
    }

    async fn grants(&self, moment: Timestamp) -> Result<Vec<Arc<Grant>>, LedgerError> {
        let reading = grant::in_force(self.reads(), moment);
        Ok(self.identities().grants(moment, reading).await?)
    }

    async fn remove_grant(&self, name: &str, event: Event) -> Result<bool, LedgerError> {
        if !row::can_hold(name) {
            return Ok(false);
        }
        let name = name.to_owned();
        Ok(self.write(grant::Remove { name, event }).await?)
    }

    async fn grant_uses(&self) -> Result<BTreeMap<String, u64>, LedgerError> {
        Ok(grant_use::all(self.reads()).await?)
    }

    async fn note(&self, event: Event) -> Result<(), LedgerError> {
        Ok(self.write(audit::Append { event }).await?)
    }

    async fn shared_secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], LedgerError> {
        Ok(secret::shared(self, name, fresh).await?)
    }
}
