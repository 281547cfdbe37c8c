//! The port of `ca-acme`: each method hands its intent to the writer, or reads.

use std::sync::Arc;

use async_trait::async_trait;
use ca_acme::Problem;
use ca_acme::account::{Account, AccountList, AccountQuery};
use ca_acme::authorization::{Authorization, ChallengeKind};
use ca_acme::external_account::{ExternalAccountKey, KeyList, KeyQuery};
use ca_acme::order::{Order, OrderList, OrderQuery};
use ca_acme::store::{
    AcmeStore, KeyChange, NewOrder, OrderPage, Placement, Pruned, Registration, StoreError,
    ValidationOutcome,
};
use ca_issuance::audit::Event;
use ca_pki::{Identifier, Timestamp};

use crate::{Store, account, authorization, external_account, order, secret};

#[async_trait]
impl AcmeStore for Store {
    async fn register(&self, account: Account, event: Event) -> Result<Registration, StoreError> {
        let now = self.now();
        Ok(self
            .write(account::Register {
                account,
                now,
                event,
            })
            .await?)
    }

    async fn account(&self, directory: &str, id: &str) -> Result<Option<Account>, StoreError> {
        let reading = account::named_by(self.point_reads(), id);
        let found = self.account_memory().read(id, reading).await?;
        Ok(found.filter(|account| account.directory == directory))
    }

    async fn account_by_thumbprint(
        &self,
        directory: &str,
        thumbprint: &str,
    ) -> Result<Option<Account>, StoreError> {
        Ok(account::by_thumbprint(self.reads(), directory, thumbprint).await?)
    }

    async fn update_account(
        &self,
        id: &str,
        contacts: Option<&[String]>,
        terms_agreed: bool,
        event: Event,
    ) -> Result<Account, StoreError> {
        let update = account::Update {
            id: id.to_owned(),
            contacts: contacts.map(<[String]>::to_vec),
            terms_agreed,
            event,
            memory: Arc::clone(self.account_memory()),
        };
        Ok(self.write(update).await?)
    }

    async fn deactivate_account(&self, id: &str, event: Event) -> Result<Account, StoreError> {
        let deactivate = account::Deactivate {
            id: id.to_owned(),
            event,
            memory: Arc::clone(self.account_memory()),
        };
        Ok(self.write(deactivate).await?)
    }

    async fn change_key(
        &self,
        id: &str,
        old_thumbprint: &str,
        new_jwk: &str,
        new_thumbprint: &str,
        event: Event,
    ) -> Result<KeyChange, StoreError> {
        let change = account::ChangeKey {
            id: id.to_owned(),
            old_thumbprint: old_thumbprint.to_owned(),
            new_jwk: new_jwk.to_owned(),
            new_thumbprint: new_thumbprint.to_owned(),
            event,
            memory: Arc::clone(self.account_memory()),
        };
        Ok(self.write(change).await?)
    }

    async fn accounts(&self, query: &AccountQuery) -> Result<AccountList, StoreError> {
        Ok(account::list(self.reads(), query).await?)
    }

    async fn add_external_account_key(
        &self,
        key: ExternalAccountKey,
        event: Event,
    ) -> Result<(), StoreError> {
        Ok(self.write(external_account::Add { key, event }).await?)
    }

    async fn external_account_key(
        &self,
        kid: &str,
    ) -> Result<Option<ExternalAccountKey>, StoreError> {
        Ok(external_account::by_kid(self.reads(), kid).await?)
    }

    async fn external_account_keys(&self, query: &KeyQuery) -> Result<KeyList, StoreError> {
        Ok(external_account::page(self.reads(), query).await?)
    }

    async fn revoke_external_account_key(
        &self,
        kid: &str,
        event: Event,
    ) -> Result<bool, StoreError> {
        let kid = kid.to_owned();
        Ok(self.write(external_account::Revoke { kid, event }).await?)
    }

    async fn place_order(&self, order: NewOrder, event: Event) -> Result<Placement, StoreError> {
        let (new, now) = (order, self.now());
        Ok(self.write(order::Place { new, now, event }).await?)
    }

    async fn order(&self, id: &str) -> Result<Option<Order>, StoreError> {
        Ok(order::by_id(self.point_reads(), id, self.now()).await?)
    }

    async fn unfinished_orders(&self, account: &str, at_most: u32) -> Result<u32, StoreError> {
        Ok(order::count_unfinished(self.point_reads(), account, at_most, self.now()).await?)
    }

    async fn orders_of(
        &self,
        account: &str,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<OrderPage, StoreError> {
        let request = order::PageRequest {
            account,
            cursor,
            limit,
            now: self.now(),
        };
        Ok(order::page(self.reads(), request).await?)
    }

    async fn orders(&self, query: &OrderQuery) -> Result<OrderList, StoreError> {
        Ok(order::list(self.reads(), query, self.now()).await?)
    }

    async fn fail_order(
        &self,
        id: &str,
        problem: &Problem,
        event: Event,
    ) -> Result<(), StoreError> {
        let (id, problem) = (id.to_owned(), problem.clone());
        Ok(self.write(order::Fail { id, problem, event }).await?)
    }

    async fn add_authorization(
        &self,
        authorization: Authorization,
        event: Event,
    ) -> Result<(), StoreError> {
        let add = authorization::Add {
            authorization,
            event,
        };
        Ok(self.write(add).await?)
    }

    async fn authorization(&self, id: &str) -> Result<Option<Authorization>, StoreError> {
        Ok(authorization::by_id(self.point_reads(), id, self.now()).await?)
    }

    async fn authorizations(&self, ids: &[String]) -> Result<Vec<Authorization>, StoreError> {
        Ok(authorization::by_ids(self.point_reads(), ids, self.now()).await?)
    }

    async fn reusable_authorizations(
        &self,
        account: &str,
        identifiers: &[Identifier],
        until: Timestamp,
    ) -> Result<Vec<Authorization>, StoreError> {
        Ok(authorization::reusable(self.point_reads(), account, identifiers, until).await?)
    }

    async fn begin_validation(
        &self,
        authorization: &str,
        challenge: ChallengeKind,
    ) -> Result<(), StoreError> {
        let begin = authorization::BeginValidation {
            id: authorization.to_owned(),
            challenge,
            now: self.now(),
        };
        Ok(self.write(begin).await?)
    }

    async fn conclude_validation(
        &self,
        authorization: &str,
        challenge: ChallengeKind,
        outcome: ValidationOutcome,
        event: Event,
    ) -> Result<Authorization, StoreError> {
        let conclude = authorization::ConcludeValidation {
            id: authorization.to_owned(),
            challenge,
            outcome,
            now: self.now(),
            event,
        };
        Ok(self.write(conclude).await?)
    }

    async fn interrupted_validations(&self) -> Result<Vec<Authorization>, StoreError> {
        Ok(authorization::interrupted(self.reads(), self.now()).await?)
    }

    async fn deactivate_authorization(
        &self,
        id: &str,
        event: Event,
    ) -> Result<Authorization, StoreError> {
        let (id, now) = (id.to_owned(), self.now());
        Ok(self
            .write(authorization::Deactivate { id, now, event })
            .await?)
    }

    async fn note_caa_check(&self, ids: &[String], at: Timestamp) -> Result<(), StoreError> {
        let ids = ids.to_vec();
        Ok(self.write(authorization::NoteCaaCheck { ids, at }).await?)
    }

    async fn holds_authorizations(
        &self,
        account: &str,
        identifiers: &[Identifier],
        moment: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(authorization::held(self.point_reads(), account, identifiers, moment).await?)
    }

    async fn redeem_nonce(&self, nonce: &str, expires_at: Timestamp) -> Result<bool, StoreError> {
        Ok(self.redeem(nonce, expires_at).await?)
    }

    async fn shared_secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        Ok(secret::shared(self, name, fresh).await?)
    }

    async fn prune(
        &self,
        moment: Timestamp,
        certificates_before: Timestamp,
    ) -> Result<Pruned, StoreError> {
        Ok(self.prune_all(moment, certificates_before).await?)
    }
}
