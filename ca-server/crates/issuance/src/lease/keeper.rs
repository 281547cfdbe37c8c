//! Keeping leases: claimed again and again, given back when they are let go and at the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ca_pki::Timestamp;
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Lease, Tenancy, Term};
use crate::Clock;
use crate::ledger::{Ledger, LedgerError};

/// How long a holder keeps what it claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tenure {
    /// Nobody else works on the store: claimed once, held to the end.
    Alone,
    /// Others wait for it: renewed each second, lost without that.
    Among,
}

/// Claims leases for this process and tells those who work under them.
pub struct LeaseKeeper {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    holder: String,
    tenure: Tenure,
    tenancies: BTreeMap<Arc<str>, watch::Sender<Tenancy>>,
}

impl LeaseKeeper {
    /// After this long without its holder at the latest, work is somebody else's.
    pub const TAKEOVER: Duration = Duration::from_secs(8);

    /// Prepares to hold leases as `holder`, a name that no other process and no later start has.
    pub fn new(
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
        holder: String,
        tenure: Tenure,
    ) -> Self {
        Self {
            ledger,
            clock,
            holder,
            tenure,
            tenancies: BTreeMap::new(),
        }
    }

    /// Adds a piece of work; nothing is claimed yet (see [`LeaseKeeper::claim`]).
    pub fn lease(&mut self, work: &str) -> Lease {
        let work: Arc<str> = work.into();
        let tenancy = self.tenancies.entry(Arc::clone(&work));
        let tenancy = tenancy.or_insert_with(|| watch::Sender::new(Tenancy::Vacant));
        Lease {
            work,
            clock: Arc::clone(&self.clock),
            tenancy: tenancy.clone(),
        }
    }

    /// Claims everything once: what nobody holds, and what this process holds anew. What was let
    /// go is given back instead and left to others for half a minute.
    pub async fn claim(&self) -> Result<(), LedgerError> {
        // Read before the store's clock is: the term ends here no later than there.
        let begun = self.clock.monotonic();
        let moment = self.ledger.shared_moment().await?;
        let claims = self.tenancies.iter().map(async |(work, tenancy)| {
            let standing = *tenancy.borrow();
            match standing {
                Tenancy::Resting { until } if begun < until => Ok(()),
                Tenancy::LetGo => self.give_up(work, tenancy).await,
                Tenancy::Vacant | Tenancy::Held(_) | Tenancy::Resting { .. } => {
                    self.claim_one(work, tenancy, (begun, moment)).await
                }
            }
        });
        let outcomes = join_all(claims).await;
        self.show();
        outcomes.into_iter().collect()
    }

    async fn claim_one(
        &self,
        work: &str,
        tenancy: &watch::Sender<Tenancy>,
        (begun, moment): (Instant, Timestamp),
    ) -> Result<(), LedgerError> {
        let (holder, span) = (self.holder.as_str(), self.tenure.span());
        let Some(number) = self.ledger.claim(work, holder, moment, span).await? else {
            return Ok(());
        };
        let until = self.tenure.end(begun);
        let mut took_over = false;
        tenancy.send_if_modified(|tenancy| {
            let before = match tenancy {
                Tenancy::Held(before) => Some(*before).filter(|before| before.number == number),
                Tenancy::Vacant | Tenancy::Resting { .. } => None,
                // Let go while it was claimed: that stands, and the next turn gives it back.
                Tenancy::LetGo => return false,
            };
            took_over = before.is_none();
            let failures = before.map_or(0, |before| before.failures);
            *tenancy = Tenancy::Held(Term {
                number,
                until,
                failures,
            });
            true
        });
        if took_over {
            tracing::info!(work, fencing = number, "took over");
            metrics::counter!("ca_lease_takeovers_total", "work" => work.to_owned()).increment(1);
        }
        Ok(())
    }

    /// Gives back what was let go. Until the store has it, it is neither claimed nor worked under;
    /// a crash before costs others [`LeaseKeeper::TAKEOVER`].
    async fn give_up(
        &self,
        work: &str,
        tenancy: &watch::Sender<Tenancy>,
    ) -> Result<(), LedgerError> {
        self.ledger.give_back(work, &self.holder).await?;
        let until = self.clock.monotonic() + REST;
        tenancy.send_replace(Tenancy::Resting { until });
        Ok(())
    }

    /// Claims until `stop`, each second. A failure is logged once; terms then end by themselves.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        if self.tenure == Tenure::Alone {
            return;
        }
        tokio::pin!(stop);
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = ticks.tick() => {}
            }
            // To its end: a claim that was abandoned under way might come to the store after what
            // gives the lease back.
            let failed = match timeout(SPAN, self.claim()).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(elapsed) => Some(elapsed.to_string()),
            };
            if let Some(error) = failed.as_deref().filter(|_| !failing) {
                tracing::warn!(error, "leases are not renewed, trying again");
            }
            failing = failed.is_some();
            self.show();
        }
    }

    /// Gives everything back, so that others need not wait. A crash before it costs them
    /// [`LeaseKeeper::TAKEOVER`].
    pub async fn give_back(&self) {
        let held = self.tenancies.iter().filter(|(_, tenancy)| {
            matches!(*tenancy.borrow(), Tenancy::LetGo) || self.term(tenancy).is_some()
        });
        let returns = held.map(async |(work, tenancy)| {
            tenancy.send_replace(Tenancy::Vacant);
            self.ledger.give_back(work, &self.holder).await
        });
        let returned: Result<(), LedgerError> = join_all(returns).await.into_iter().collect();
        if let Err(error) = returned {
            tracing::warn!(%error, "leases are not given back: they end by themselves");
        }
        self.show();
    }

    fn term(&self, tenancy: &watch::Sender<Tenancy>) -> Option<Term> {
        tenancy.borrow().term_at(self.clock.monotonic())
    }

    /// Shows what this process holds.
    fn show(&self) {
        for (work, tenancy) in &self.tenancies {
            let term = self.term(tenancy);
            let held = if term.is_some() { 1.0 } else { 0.0 };
            metrics::gauge!("ca_lease_held", "work" => work.to_string()).set(held);
            if let Some(term) = term {
                metrics::gauge!("ca_lease_fencing", "work" => work.to_string())
                    .set(term.number as f64);
            }
        }
    }
}

impl Tenure {
    fn span(self) -> Duration {
        match self {
            Self::Alone => FOR_GOOD,
            Self::Among => SPAN,
        }
    }

    fn end(self, begun: Instant) -> Option<Instant> {
        match self {
            Self::Alone => None,
            Self::Among => Some(begun + SPAN - WHOLE_SECONDS),
        }
    }
}

const EVERY: Duration = Duration::from_secs(1);

/// From the last renewal to when another may take over.
const SPAN: Duration = Duration::from_secs(6);

/// The store counts whole seconds, so a lease may end there up to one earlier.
const WHOLE_SECONDS: Duration = Duration::from_secs(1);

/// How long others have for what this process let go, before it tries again. Whoever can do the
/// work takes it within a second or two, [`EVERY`]; whoever cannot, either, takes it, fails and
/// lets it go within this time, so that it comes to a third rather than back to the first.
const REST: Duration = Duration::from_secs(30);

/// A hundred years.
const FOR_GOOD: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

#[cfg(test)]
mod tests {
    use futures_util::future::join;
    use tokio::sync::oneshot;
    use tokio::task::yield_now;

    use super::*;
    use crate::lease::PATIENCE;
    use crate::testing::World;

    fn keeper(world: &World, holder: &str, tenure: Tenure) -> (LeaseKeeper, Lease) {
        let ledger = Arc::clone(&world.ledger) as Arc<dyn Ledger>;
        let clock = Arc::clone(&world.clock) as Arc<dyn Clock>;
        let mut keeper = LeaseKeeper::new(ledger, clock, holder.to_owned(), tenure);
        let lease = keeper.lease("work");
        (keeper, lease)
    }

    fn pass(world: &World, span: Duration) {
        world.ledger.advance(span);
        world.clock.advance(span);
    }

    fn number(lease: &Lease) -> Option<u64> {
        lease.fence().map(|fence| fence.number)
    }

    fn fail(lease: &Lease, times: u32) -> Vec<bool> {
        let cause = LedgerError::Conflict; // any will do
        (0..times).map(|_time| lease.failed(&cause)).collect()
    }

    #[tokio::test]
    async fn passes_to_another_when_its_holder_renews_no_more() {
        let world = World::at_noon();
        let (one, ones) = keeper(&world, "one", Tenure::Among);
        let (two, twos) = keeper(&world, "two", Tenure::Among);
        one.claim().await.expect("nobody holds it");
        let mut seen = Vec::new();

        for _second in 0..8 {
            two.claim().await.expect("the ledger answers");
            seen.push((number(&ones), number(&twos)));
            pass(&world, EVERY);
        }

        let held = (Some(1), None);
        let nobodys = (None, None);
        let passed = (None, Some(2));
        assert_eq!(
            seen,
            [held, held, held, held, held, nobodys, passed, passed]
        );
    }

    #[tokio::test]
    async fn stays_with_a_holder_that_renews() {
        let world = World::at_noon();
        let (one, ones) = keeper(&world, "one", Tenure::Among);
        let (two, twos) = keeper(&world, "two", Tenure::Among);

        for _second in 0..20 {
            one.claim().await.expect("the ledger answers");
            two.claim().await.expect("the ledger answers");
            pass(&world, EVERY);
        }

        assert_eq!((number(&ones), number(&twos)), (Some(1), None));
    }

    #[tokio::test]
    async fn is_free_at_once_when_it_is_given_back() {
        let world = World::at_noon();
        let (one, ones) = keeper(&world, "one", Tenure::Among);
        let (two, twos) = keeper(&world, "two", Tenure::Among);
        one.claim().await.expect("nobody holds it");

        one.give_back().await;
        two.claim().await.expect("nobody holds it");

        assert_eq!((number(&ones), number(&twos)), (None, Some(2)));
    }

    #[tokio::test]
    async fn finishes_the_claim_that_is_under_way_when_it_is_told_to_stop() {
        let world = World::at_noon();
        let (one, ones) = keeper(&world, "one", Tenure::Among);
        let held_up = world.ledger.hold_up_claims().await;
        let (stop, stopped) = oneshot::channel::<()>();

        let keeping = one.run(async { drop(stopped.await) });
        let stopping = async {
            world.ledger.claim_asked().await;
            drop(stop);
            yield_now().await;
            drop(held_up);
        };
        join(keeping, stopping).await;

        assert_eq!(number(&ones), Some(1));
    }

    #[tokio::test]
    async fn ends_while_the_store_is_away() {
        let world = World::at_noon();
        let (one, ones) = keeper(&world, "one", Tenure::Among);
        one.claim().await.expect("nobody holds it");

        world.ledger.set_away(true);
        let refused = one.claim().await;
        pass(&world, SPAN);

        assert!(refused.is_err());
        assert_eq!(number(&ones), None);
    }

    #[tokio::test]
    async fn passes_to_another_when_its_holder_cannot_do_the_work() {
        let world = World::at_noon();
        let (one, ones) = keeper(&world, "one", Tenure::Among);
        let (two, twos) = keeper(&world, "two", Tenure::Among);
        one.claim().await.expect("nobody holds it");

        let let_go = fail(&ones, PATIENCE);
        let at_once = number(&ones);
        two.claim().await.expect("the ledger answers");
        let before_it_is_given_back = number(&twos);
        one.claim().await.expect("it is given back");
        two.claim().await.expect("nobody holds it");
        pass(&world, REST);
        two.claim().await.expect("the ledger answers");
        one.claim().await.expect("the ledger answers");

        assert_eq!(let_go, [false, false, true]);
        assert_eq!((at_once, before_it_is_given_back), (None, None));
        assert_eq!((number(&ones), number(&twos)), (None, Some(2)));
    }

    #[tokio::test]
    async fn comes_back_to_who_let_it_go_when_nobody_else_takes_it() {
        let world = World::at_noon();
        let (one, ones) = keeper(&world, "one", Tenure::Among);
        one.claim().await.expect("nobody holds it");
        fail(&ones, PATIENCE);
        one.claim().await.expect("it is given back");

        pass(&world, REST - EVERY);
        one.claim().await.expect("the ledger answers");
        let resting = number(&ones);
        pass(&world, EVERY);
        one.claim().await.expect("nobody holds it");
        let back = number(&ones);
        let let_go_again = fail(&ones, PATIENCE);

        assert_eq!((resting, back), (None, Some(1)));
        assert_eq!(let_go_again, [false, false, true]);
    }

    #[tokio::test]
    async fn is_not_let_go_for_failures_that_are_not_in_a_row() {
        let world = World::at_noon();
        let (one, ones) = keeper(&world, "one", Tenure::Among);
        one.claim().await.expect("nobody holds it");

        let before = fail(&ones, PATIENCE - 1);
        one.claim().await.expect("it is renewed");
        ones.succeeded();
        let after = fail(&ones, PATIENCE - 1);
        one.claim().await.expect("it is renewed");
        let last = fail(&ones, 1);

        assert_eq!((before, after), (vec![false; 2], vec![false; 2]));
        assert_eq!(last, [true], "a renewal forgives nothing");
    }

    #[tokio::test]
    async fn stays_let_go_when_it_was_being_claimed_meanwhile() {
        let world = World::at_noon();
        let (one, ones) = keeper(&world, "one", Tenure::Among);
        let (two, twos) = keeper(&world, "two", Tenure::Among);
        one.claim().await.expect("nobody holds it");
        world.ledger.claim_asked().await;
        let held_up = world.ledger.hold_up_claims().await;

        let failing = async {
            world.ledger.claim_asked().await;
            fail(&ones, PATIENCE);
            drop(held_up);
        };
        let (renewed, ()) = join(one.claim(), failing).await;
        let after_the_claim = number(&ones);
        one.claim().await.expect("it is given back");
        two.claim().await.expect("nobody holds it");

        assert!(renewed.is_ok());
        assert_eq!(after_the_claim, None);
        assert_eq!((number(&ones), number(&twos)), (None, Some(2)));
    }

    #[tokio::test]
    async fn is_given_back_later_when_the_store_is_away() {
        let world = World::at_noon();
        let (one, ones) = keeper(&world, "one", Tenure::Among);
        let (two, twos) = keeper(&world, "two", Tenure::Among);
        one.claim().await.expect("nobody holds it");
        fail(&ones, PATIENCE);

        world.ledger.set_away(true);
        let refused = one.claim().await;
        world.ledger.set_away(false);
        one.claim().await.expect("it is given back");
        two.claim().await.expect("nobody holds it");

        assert!(refused.is_err());
        assert_eq!((number(&ones), number(&twos)), (None, Some(2)));
    }

    #[tokio::test]
    async fn is_kept_whatever_fails_where_nobody_else_could_take_it() {
        let world = World::at_noon();
        let (one, ones) = keeper(&world, "one", Tenure::Alone);
        one.claim().await.expect("nobody holds it");

        let let_go = fail(&ones, PATIENCE + 1);

        assert_eq!(let_go, [false; 4]);
        assert_eq!(number(&ones), Some(1));
    }

    #[tokio::test]
    async fn never_ends_where_nobody_else_could_take_it() {
        let world = World::at_noon();
        let (one, ones) = keeper(&world, "one", Tenure::Alone);
        one.claim().await.expect("nobody holds it");

        pass(&world, SPAN * 1_000);

        assert_eq!(number(&ones), Some(1));
    }
}
