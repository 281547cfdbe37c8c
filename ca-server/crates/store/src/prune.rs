//! Pruning: what ended is removed in small pieces, so that nobody waits for it.

mod rows;

use std::time::{Duration, Instant};

use ca_acme::NONCE_OUTLASTS;
use ca_acme::store::Pruned;
use ca_issuance::world::CLOCKS_APART;
use ca_pki::Timestamp;
use sea_orm::ConnectionTrait;
use tokio::time::sleep;

use crate::change::Change;
use crate::transaction::Transaction;
use crate::{Error, Store};

/// Removes at most [`ROWS`] rows of one kind.
struct Piece {
    kind: Kind,
    before: Timestamp,
}

/// How fast pieces follow one another.
///
/// A piece holds up the writer, so a pause of several times its length follows and the others have
/// most of the writer's time, however slow the disk. Whoever has more to remove than this allows,
/// does the rest without pauses and is done before the next pruning.
struct Pace {
    begun: Instant,
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
        let pace = Pace::from_now();
        let prune = |kind, before| self.prune_kind(kind, before, &pace);
        prune(Kind::IdempotencyKeys, moment).await?;
        self.prune_identities(moment, &pace).await?;
        // Orders first: an authorization stays while an order holds it.
        Ok(Pruned {
            orders: prune(Kind::Orders, moment).await?,
            authorizations: prune(Kind::Authorizations, moment).await?,
            nonces: prune(Kind::Nonces, moment.minus(NONCE_OUTLASTS)).await?,
            certificates: prune(Kind::Certificates, certificates_before).await?,
        })
    }

    async fn prune_identities(&self, moment: Timestamp, pace: &Pace) -> Result<(), Error> {
        // Refresh tokens first: they refer to their session.
        for kind in [
            Kind::RefreshTokens,
            Kind::Sessions,
            Kind::Grants,
            Kind::MintedKeys,
        ] {
            self.prune_kind(kind, moment, pace).await?;
        }
        let before = moment.minus(CLOCKS_APART);
        self.prune_kind(Kind::UsedTokens, before, pace).await?;
        Ok(())
    }

    /// Dropped between two pieces, or in one, it leaves the rest to the next time.
    async fn prune_kind(&self, kind: Kind, before: Timestamp, pace: &Pace) -> Result<u64, Error> {
        let mut removed = 0;
        loop {
            let begun = Instant::now();
            let rows = self.write(Piece { kind, before }).await?;
            removed += rows;
            if rows < ROWS {
                return Ok(removed);
            }
            sleep(pace.pause_after(begun.elapsed())).await;
        }
    }
}

impl Pace {
    fn from_now() -> Self {
        Self {
            begun: Instant::now(),
        }
    }

    fn pause_after(&self, piece: Duration) -> Duration {
        match self.begun.elapsed() < UNHURRIED {
            true => piece * PAUSES,
            false => Duration::ZERO,
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
/// So many times as long as a piece.
const PAUSES: u32 = 3;
/// Half of the time from one pruning to the next.
const UNHURRIED: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_have_the_writer_three_times_as_long() {
        let pace = Pace::from_now();

        assert_eq!(
            pace.pause_after(Duration::from_millis(20)),
            Duration::from_millis(60)
        );
    }

    #[test]
    fn what_is_too_much_for_pauses_is_removed_without() {
        let begun = Instant::now().checked_sub(UNHURRIED).unwrap();

        let pause = Pace { begun }.pause_after(Duration::from_millis(20));

        assert_eq!(pause, Duration::ZERO);
    }
}
