//! The port to what must be remembered about ACME. One method, one durable transaction.

use std::time::Duration;

use async_trait::async_trait;
use ca_issuance::audit::Event;
use ca_pki::{Identifier, Timestamp};

use crate::Problem;
use crate::account::{Account, AccountList, AccountQuery};
use crate::authorization::{Authorization, ChallengeKind};
use crate::external_account::{ExternalAccountKey, KeyList, KeyQuery};
use crate::order::{Order, OrderList, OrderQuery};

/// Why the store could not do its part. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The state moved in between (compare-and-swap failed): read again and decide anew.
    #[error("the record has moved on")]
    Conflict,
    /// Unreachable, full or overloaded: the caller asks again later.
    #[error("the store is not available")]
    Unavailable {
        /// How long to wait.
        retry_after: Duration,
        /// What happened, for the log.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row that does not read back: the operator looks into it.
    #[error("the store holds a row that does not read back: {0}")]
    Corrupt(String),
}

/// What became of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registration {
    /// The account is new.
    Created(Account),
    /// The key had an account already; nothing was changed.
    Existing(Account),
    /// The external account key is unknown, revoked, expired, used up or of another directory.
    BindingRefused,
}

/// What became of a key change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyChange {
    /// The account has the new key.
    Changed(Account),
    /// Another account of the directory has the new key already; its id.
    KeyInUse(String),
    /// The account's key was not the old one any more.
    Stale,
}

/// What became of a new order.
#[expect(
    clippy::large_enum_variant,
    reason = "made once per order and taken apart at once"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Placed; the order with its authorizations as stored.
    Placed(Order),
    /// Another order that is not invalid replaces the same certificate (RFC 9773 §5).
    AlreadyReplaced,
    /// The account is not valid any more.
    AccountNotValid,
    /// An authorization that was to be reused has ended meanwhile: build the order again.
    AuthorizationGone,
}

/// A new order: which authorizations it reuses and which it brings along.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// The order; its `authorizations` list reused and new ids in the order of identifiers; its
    /// status as the caller computed it from them (`Ready` if each is valid).
    pub order: Order,
    /// Authorizations to insert.
    pub new_authorizations: Vec<Authorization>,
}

/// How a validation ended.
#[derive(Clone, Debug)]
pub enum ValidationOutcome {
    /// Control is proven and CAA permits issuance; the authorization then holds until the given
    /// moment, its CAA check dated now.
    Proven {
        /// The new end of the authorization.
        expires_at: Timestamp,
    },
    /// It is not; final.
    Failed(Problem),
}

/// How many accounts, orders and so on pruning removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Orders.
    pub orders: u64,
    /// Authorizations.
    pub authorizations: u64,
    /// Redeemed nonces.
    pub nonces: u64,
    /// Certificates.
    pub certificates: u64,
}

/// Ids that an account may read its orders by, page by page, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderPage {
    /// Order ids.
    pub orders: Vec<String>,
    /// Hands the next page; `None` at the end.
    pub next_cursor: Option<String>,
}

/// What ACME needs remembered. Every write is durable when it returns `Ok`, its event included.
#[async_trait]
pub trait AcmeStore: Send + Sync {
    // Accounts.

    /// Registers an account; one account per key and directory, however many ask at once. Where
    /// `external_account` is set, its key is checked and (single use) used up in the same step, and
    /// the account and its event get the key's principal.
    async fn register(&self, account: Account, event: Event) -> Result<Registration, StoreError>;
    /// Reads an account.
    async fn account(&self, directory: &str, id: &str) -> Result<Option<Account>, StoreError>;
    /// Finds an account by its key's thumbprint.
    async fn account_by_thumbprint(
        &self,
        directory: &str,
        thumbprint: &str,
    ) -> Result<Option<Account>, StoreError>;
    /// Replaces contacts (and agreement) of a valid account.
    async fn update_account(
        &self,
        id: &str,
        contacts: Option<&[String]>,
        terms_agreed: bool,
        event: Event,
    ) -> Result<Account, StoreError>;
    /// Deactivates a valid account: its pending and valid authorizations are deactivated and its
    /// unfinished orders become invalid.
    async fn deactivate_account(&self, id: &str, event: Event) -> Result<Account, StoreError>;
    /// Swaps an account's key.
    async fn change_key(
        &self,
        id: &str,
        old_thumbprint: &str,
        new_jwk: &str,
        new_thumbprint: &str,
        event: Event,
    ) -> Result<KeyChange, StoreError>;

    /// Lists accounts, newest first.
    async fn accounts(&self, query: &AccountQuery) -> Result<AccountList, StoreError>;

    // External account keys.

    /// Stores a new key.
    async fn add_external_account_key(
        &self,
        key: ExternalAccountKey,
        event: Event,
    ) -> Result<(), StoreError>;
    /// Reads a key.
    async fn external_account_key(
        &self,
        kid: &str,
    ) -> Result<Option<ExternalAccountKey>, StoreError>;
    /// Lists keys, newest first.
    async fn external_account_keys(&self, query: &KeyQuery) -> Result<KeyList, StoreError>;
    /// Revokes a key; `false` if there is none or it was revoked before.
    async fn revoke_external_account_key(
        &self,
        kid: &str,
        event: Event,
    ) -> Result<bool, StoreError>;

    // Orders.

    /// Places an order; the `replaces` rule is settled here.
    async fn place_order(&self, order: NewOrder, event: Event) -> Result<Placement, StoreError>;
    /// Reads an order.
    async fn order(&self, id: &str) -> Result<Option<Order>, StoreError>;
    /// Counts an account's pending and ready orders that have not expired, up to `at_most`.
    async fn unfinished_orders(&self, account: &str, at_most: u32) -> Result<u32, StoreError>;
    /// Reads a page of an account's orders that are not invalid.
    async fn orders_of(
        &self,
        account: &str,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<OrderPage, StoreError>;
    /// Lists orders, newest first, the invalid ones too.
    async fn orders(&self, query: &OrderQuery) -> Result<OrderList, StoreError>;
    /// Marks a ready order invalid with its reason (CAA at finalize, policy withdrawn).
    async fn fail_order(&self, id: &str, problem: &Problem, event: Event)
    -> Result<(), StoreError>;

    // Authorizations.

    /// Adds an authorization outside of an order (newAuthz).
    async fn add_authorization(
        &self,
        authorization: Authorization,
        event: Event,
    ) -> Result<(), StoreError>;
    /// Reads an authorization.
    async fn authorization(&self, id: &str) -> Result<Option<Authorization>, StoreError>;
    /// Reads several, in the order of `ids`, missing ones left out.
    async fn authorizations(&self, ids: &[String]) -> Result<Vec<Authorization>, StoreError>;
    /// Finds valid (or pending, made by newAuthz) ones of the account for these identifiers that
    /// hold at least until `until`, no granted ones. Wildcard identifiers are given as `*.name`.
    async fn reusable_authorizations(
        &self,
        account: &str,
        identifiers: &[Identifier],
        until: Timestamp,
    ) -> Result<Vec<Authorization>, StoreError>;
    /// Marks a pending challenge `processing`; `Conflict` if it is not pending any more.
    async fn begin_validation(
        &self,
        authorization: &str,
        challenge: ChallengeKind,
    ) -> Result<(), StoreError>;
    /// Writes how a validation of a pending or processing challenge ended, moves the
    /// authorization, and with it every unfinished order that holds it: `Ready` when it was the
    /// last, `Invalid` when it failed. `Conflict` if the authorization is not pending any more.
    async fn conclude_validation(
        &self,
        authorization: &str,
        challenge: ChallengeKind,
        outcome: ValidationOutcome,
        event: Event,
    ) -> Result<Authorization, StoreError>;
    /// Lists authorizations with a `processing` challenge, so that a restart goes on with them.
    async fn interrupted_validations(&self) -> Result<Vec<Authorization>, StoreError>;
    /// Deactivates a pending or valid authorization; unfinished orders that hold it fail.
    async fn deactivate_authorization(
        &self,
        id: &str,
        event: Event,
    ) -> Result<Authorization, StoreError>;
    /// Notes that CAA was checked now.
    async fn note_caa_check(&self, ids: &[String], at: Timestamp) -> Result<(), StoreError>;
    /// Tells whether the account holds a valid authorization for every identifier at `moment`, no
    /// granted ones (RFC 8555 §7.6: who may revoke).
    async fn holds_authorizations(
        &self,
        account: &str,
        identifiers: &[Identifier],
        moment: Timestamp,
    ) -> Result<bool, StoreError>;

    // Nonces.

    /// Redeems a nonce: `true` exactly once in the whole cluster, restarts included. Not waited
    /// for on one server: it is durable no later than any change the same request makes.
    /// Remembered until [`NONCE_OUTLASTS`](crate::NONCE_OUTLASTS) after its end.
    async fn redeem_nonce(&self, nonce: &str, expires_at: Timestamp) -> Result<bool, StoreError>;

    // Secrets and upkeep.

    /// Returns the named secret shared by all servers, made from `fresh` if there is none yet.
    async fn shared_secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], StoreError>;
    /// Removes what ended before `moment`: orders, authorizations, redeemed nonces; and
    /// certificates that expired before `certificates_before`.
    async fn prune(
        &self,
        moment: Timestamp,
        certificates_before: Timestamp,
    ) -> Result<Pruned, StoreError>;
}
