//! A circuit breaker as a pure state machine: time is handed in.

use std::time::{Duration, Instant};

use crate::BreakerPolicy;

/// Closed lets all through, open none, probing one at a time.
#[derive(Debug)]
pub(super) struct Breaker {
    policy: BreakerPolicy,
    state: State,
}

/// What an event changed, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing that an operator need know.
    None,
    /// It opened, for so long.
    Opened(Duration),
    /// It closed.
    Closed,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, pause: Duration },
    Probing { until: Instant, pause: Duration },
}

impl Breaker {
    pub(super) fn new(policy: BreakerPolicy) -> Self {
        Self {
            policy,
            state: State::Closed { failures: 0 },
        }
    }

    /// Admits a request, or tells how long to wait.
    ///
    /// After a pause one request goes through as a probe. If nobody hears of it again, because its
    /// caller left, the next probe goes through after the same pause.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        match self.state {
            State::Closed { .. } => Ok(()),
            State::Open { until, .. } | State::Probing { until, .. } if now < until => {
                Err(until - now)
            }
            State::Open { pause, .. } | State::Probing { pause, .. } => {
                let until = now + pause;
                self.state = State::Probing { until, pause };
                Ok(())
            }
        }
    }

    /// Tells what [`Breaker::admit`] would, and admits nothing.
    pub(super) fn check(&self, now: Instant) -> Result<(), Duration> {
        match self.state {
            State::Open { until, .. } | State::Probing { until, .. } if now < until => {
                Err(until - now)
            }
            State::Closed { .. } | State::Open { .. } | State::Probing { .. } => Ok(()),
        }
    }

    /// Closes: a signature is proof that the device works, whenever it was asked for.
    pub(super) fn succeeded(&mut self) -> Change {
        let change = match self.state {
            State::Closed { .. } => Change::None,
            State::Open { .. } | State::Probing { .. } => Change::Closed,
        };
        self.state = State::Closed { failures: 0 };
        change
    }

    /// Counts a failure; opens at the limit, and for twice as long after a failed probe.
    pub(super) fn failed(&mut self, now: Instant) -> Change {
        match self.state {
            State::Closed { failures } if failures + 1 < self.policy.failures => {
                self.state = State::Closed {
                    failures: failures + 1,
                };
                Change::None
            }
            State::Closed { .. } => self.open(now, self.policy.first_pause),
            State::Probing { pause, .. } => self.open(now, pause.saturating_mul(2)),
            // Requests from before it opened: they are no news.
            State::Open { .. } => Change::None,
        }
    }

    /// Opens whatever was counted: one such failure is enough.
    pub(super) fn tripped(&mut self, now: Instant) -> Change {
        match self.state {
            State::Closed { .. } => self.open(now, self.policy.first_pause),
            State::Open { .. } | State::Probing { .. } => self.failed(now),
        }
    }

    /// Counts a full queue as a failure of a probe, and as nothing otherwise.
    ///
    /// A queue that is still full after a pause is one whose threads hang.
    pub(super) fn crowded(&mut self, now: Instant) -> Change {
        match self.state {
            State::Probing { .. } => self.failed(now),
            State::Closed { .. } | State::Open { .. } => Change::None,
        }
    }

    fn open(&mut self, now: Instant, pause: Duration) -> Change {
        let pause = pause.min(self.policy.longest_pause);
        let until = now + pause;
        self.state = State::Open { until, pause };
        Change::Opened(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens to a breaker, and what should come of it.
    enum Step {
        Admits,
        Refuses { secs: u64 },
        Fails(Change),
        Succeeds(Change),
        Crowds(Change),
        Trips(Change),
        Wait { secs: u64 },
    }
    use Step::{Admits, Crowds, Fails, Refuses, Succeeds, Trips, Wait};

    fn opened(secs: u64) -> Change {
        Change::Opened(Duration::from_secs(secs))
    }

    fn run(steps: &[Step]) {
        let mut breaker = Breaker::new(BreakerPolicy {
            failures: 3,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(3),
        });
        let mut now = Instant::now();
        for (number, step) in steps.iter().enumerate() {
            match step {
                Admits => assert_eq!(breaker.admit(now), Ok(()), "step {number}"),
                Refuses { secs } => {
                    let wait = Duration::from_secs(*secs);
                    assert_eq!(breaker.admit(now), Err(wait), "step {number}");
                }
                Fails(change) => assert_eq!(breaker.failed(now), *change, "step {number}"),
                Succeeds(change) => assert_eq!(breaker.succeeded(), *change, "step {number}"),
                Crowds(change) => assert_eq!(breaker.crowded(now), *change, "step {number}"),
                Trips(change) => assert_eq!(breaker.tripped(now), *change, "step {number}"),
                Wait { secs } => now += Duration::from_secs(*secs),
            }
        }
    }

    #[test]
    fn opens_after_failures_in_a_row() {
        run(&[
            Fails(Change::None),
            Fails(Change::None),
            Admits,
            Fails(opened(1)),
            Refuses { secs: 1 },
        ]);
    }

    #[test]
    fn opens_at_once_when_tripped_and_for_longer_when_a_probe_trips_it() {
        run(&[
            Trips(opened(1)),
            Trips(Change::None),
            Refuses { secs: 1 },
            Wait { secs: 1 },
            Admits,
            Trips(opened(2)),
        ]);
    }

    #[test]
    fn tells_what_it_would_do_without_using_up_the_probe() {
        let mut breaker = Breaker::new(BreakerPolicy {
            failures: 1,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(3),
        });
        let before = breaker.check(Instant::now());
        breaker.failed(Instant::now());
        let now = Instant::now();
        let later = now + Duration::from_secs(2);

        assert_eq!(before, Ok(()));
        assert!(breaker.check(now).is_err());
        assert_eq!(
            (breaker.check(later), breaker.check(later)),
            (Ok(()), Ok(()))
        );
        assert_eq!(breaker.admit(later), Ok(()), "nobody has probed yet");
        assert!(breaker.check(later).is_err(), "somebody probes");
    }

    #[test]
    fn starts_counting_anew_after_a_success() {
        run(&[
            Fails(Change::None),
            Fails(Change::None),
            Succeeds(Change::None),
            Fails(Change::None),
            Fails(Change::None),
            Admits,
        ]);
    }

    #[test]
    fn lets_one_probe_through_after_the_pause() {
        run(&[
            Fails(Change::None),
            Fails(Change::None),
            Fails(opened(1)),
            Wait { secs: 1 },
            Admits,
            Refuses { secs: 1 },
            Succeeds(Change::Closed),
            Admits,
            Admits,
        ]);
    }

    #[test]
    fn pauses_twice_as_long_after_each_failed_probe_up_to_a_limit() {
        run(&[
            Fails(Change::None),
            Fails(Change::None),
            Fails(opened(1)),
            Wait { secs: 1 },
            Admits,
            Fails(opened(2)),
            Refuses { secs: 2 },
            Wait { secs: 2 },
            Admits,
            Fails(opened(3)),
            Wait { secs: 3 },
            Admits,
            Fails(opened(3)),
        ]);
    }

    #[test]
    fn probes_again_when_nobody_hears_of_a_probe() {
        run(&[
            Fails(Change::None),
            Fails(Change::None),
            Fails(opened(1)),
            Wait { secs: 1 },
            Admits,
            Wait { secs: 1 },
            Admits,
        ]);
    }

    #[test]
    fn takes_no_notice_of_late_failures_while_open() {
        run(&[
            Fails(Change::None),
            Fails(Change::None),
            Fails(opened(1)),
            Fails(Change::None),
            Refuses { secs: 1 },
            Succeeds(Change::Closed),
            Admits,
        ]);
    }

    #[test]
    fn counts_a_full_queue_only_against_a_probe() {
        run(&[
            Crowds(Change::None),
            Crowds(Change::None),
            Crowds(Change::None),
            Admits,
            Fails(Change::None),
            Fails(Change::None),
            Fails(opened(1)),
            Crowds(Change::None),
            Wait { secs: 1 },
            Admits,
            Crowds(opened(2)),
            Refuses { secs: 2 },
        ]);
    }
}
