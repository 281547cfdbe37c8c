//! Keeping leases: claimed again and again, given back at the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Lease, Term};
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
    terms: BTreeMap<Arc<str>, watch::Sender<Option<Term>>>,
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
            terms: BTreeMap::new(),
        }
    }

    /// Adds a piece of work; nothing is claimed yet (see [`LeaseKeeper::claim`]).
    pub fn lease(&mut self, work: &str) -> Lease {
        let work: Arc<str> = work.into();
        let term = self.terms.entry(Arc::clone(&work));
        let term = term.or_insert_with(|| watch::Sender::new(None)).subscribe();
        let clock = Arc::clone(&self.clock);
        Lease { work, clock, term }
    }

    /// Claims everything once: what nobody holds, and what this process holds anew.
    pub async fn claim(&self) -> Result<(), LedgerError> {
        // Read before the store's clock is: the term ends here no later than there.
        let begun = self.clock.monotonic();
        let moment = self.ledger.shared_moment().await?;
        let claims = self.terms.iter().map(async |(work, term)| {
            let (holder, span) = (self.holder.as_str(), self.tenure.span());
            let claimed = self.ledger.claim(work, holder, moment, span).await?;
            if let Some(number) = claimed {
                let until = self.tenure.end(begun);
                let before = term.send_replace(Some(Term { number, until }));
                tell_if_new(work, before, number);
            }
            Ok(())
        });
        let outcomes = join_all(claims).await;
        self.show();
        outcomes.into_iter().collect()
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
        let held = self.terms.iter().filter(|(_, term)| self.holds(term));
        let returns = held.map(async |(work, term)| {
            term.send_replace(None);
            self.ledger.give_back(work, &self.holder).await
        });
        let returned: Result<(), LedgerError> = join_all(returns).await.into_iter().collect();
        if let Err(error) = returned {
            tracing::warn!(%error, "leases are not given back: they end by themselves");
        }
        self.show();
    }

    fn holds(&self, term: &watch::Sender<Option<Term>>) -> bool {
        let now = self.clock.monotonic();
        term.borrow().is_some_and(|term| term.lasts_at(now))
    }

    /// Shows what this process holds.
    fn show(&self) {
        for (work, term) in &self.terms {
            let held = if self.holds(term) { 1.0 } else { 0.0 };
            metrics::gauge!("ca_lease_held", "work" => work.to_string()).set(held);
            if let Some(term) = *term.borrow() {
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

fn tell_if_new(work: &str, before: Option<Term>, number: u64) {
    if before.is_none_or(|before| before.number != number) {
        tracing::info!(work, fencing = number, "took over");
        metrics::counter!("ca_lease_takeovers_total", "work" => work.to_owned()).increment(1);
    }
}

const EVERY: Duration = Duration::from_secs(1);

/// From the last renewal to when another may take over.
const SPAN: Duration = Duration::from_secs(6);

/// The store counts whole seconds, so a lease may end there up to one earlier.
const WHOLE_SECONDS: Duration = Duration::from_secs(1);

/// A hundred years.
const FOR_GOOD: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

#[cfg(test)]
mod tests {
    use futures_util::future::join;
    use tokio::sync::oneshot;
    use tokio::task::yield_now;

    use super::*;
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
    async fn never_ends_where_nobody_else_could_take_it() {
        let world = World::at_noon();
        let (one, ones) = keeper(&world, "one", Tenure::Alone);
        one.claim().await.expect("nobody holds it");

        pass(&world, SPAN * 1_000);

        assert_eq!(number(&ones), Some(1));
    }
}
