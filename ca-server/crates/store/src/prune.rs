//! Pruning: what ended is removed in small pieces, so that nobody waits for it.

mod rows;

use ca_acme::NONCE_OUTLASTS;
use ca_acme::store::Pruned;
use ca_issuance::world::CLOCKS_APART;
use ca_pki::Timestamp;
use sea_orm::ConnectionTrait;

use crate::change::Change;
use crate::transaction::Transaction;
use crate::{Error, Store};

/// Removes at most [`ROWS`] rows of one kind.
struct Piece {
    kind: Kind,
    before: Timestamp,
}

#[derive(Clone, Copy)]
enum Kind {
    Orders,
    Authorizations,
    Nonces,
    IdempotencyKeys,
    RefreshTokens,
    Sessions,
    UsedTokens,
    Grants,
    MintedKeys,
    Certificates,
}

impl Store {
    /// Removes what ended before `moment`, and certificates that expired before
    /// `certificates_before`.
    pub(crate) async fn prune_all(
        &self,
        moment: Timestamp,
        certificates_before: Timestamp,
    ) -> Result<Pruned, Error> {
        self.prune_kind(Kind::IdempotencyKeys, moment).await?;
        self.prune_identities(moment).await?;
        // Orders first: an authorization stays while an order holds it.
        Ok(Pruned {
            orders: self.prune_kind(Kind::Orders, moment).await?,
            authorizations: self.prune_kind(Kind::Authorizations, moment).await?,
            nonces: self
                .prune_kind(Kind::Nonces, moment.minus(NONCE_OUTLASTS))
                .await?,
            certificates: self
                .prune_kind(Kind::Certificates, certificates_before)
                .await?,
        })
    }

    async fn prune_identities(&self, moment: Timestamp) -> Result<(), Error> {
        // Refresh tokens first: they refer to their session.
        for kind in [
            Kind::RefreshTokens,
            Kind::Sessions,
            Kind::Grants,
            Kind::MintedKeys,
        ] {
            self.prune_kind(kind, moment).await?;
        }
        let before = moment.minus(CLOCKS_APART);
        self.prune_kind(Kind::UsedTokens, before).await?;
        Ok(())
    }

    async fn prune_kind(&self, kind: Kind, before: Timestamp) -> Result<u64, Error> {
        let mut removed = 0;
        loop {
            let rows = self.write(Piece { kind, before }).await?;
            removed += rows;
            if rows < ROWS {
                return Ok(removed);
            }
        }
    }
}

impl Change for Piece {
    type Outcome = u64;

    async fn apply(&self, transaction: &Transaction) -> Result<u64, Error> {
        let statement = match self.kind {
            Kind::Orders => rows::orders(self.before),
            Kind::Authorizations => rows::authorizations(self.before),
            Kind::Nonces => rows::nonces(self.before),
            Kind::IdempotencyKeys => rows::idempotency_keys(self.before),
            Kind::RefreshTokens => rows::refresh_tokens(self.before),
            Kind::Sessions => rows::sessions(self.before),
            Kind::UsedTokens => rows::used_tokens(self.before),
            Kind::Grants => rows::grants(self.before),
            Kind::MintedKeys => rows::minted_keys(self.before),
            Kind::Certificates => rows::certificates(self.before),
        };
        Ok(transaction.execute(&statement).await?.rows_affected())
    }
}

const ROWS: u64 = 1_000;
