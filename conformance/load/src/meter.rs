//! What was measured: latencies by kind of request, errors by kind, the server's own use.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::error::Error;
use crate::process::Watched;

/// Counts for one run; shared by the workers of one thread.
#[derive(Clone, Default)]
pub(crate) struct Meter(Rc<RefCell<Counts>>);

#[derive(Default)]
struct Counts {
    latencies: BTreeMap<&'static str, Histogram<u64>>,
    errors: BTreeMap<String, u64>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every operation succeeded.
    Clean,
    /// Some did not.
    WithErrors,
}

impl Meter {
    /// Notes how long a request or a whole operation took.
    pub(crate) fn note(&self, step: &'static str, took: Duration) {
        let mut counts = self.0.borrow_mut();
        let histogram = counts.latencies.entry(step).or_insert_with(new_histogram);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        histogram.saturating_record(micros.max(1));
    }

    /// Counts an error.
    pub(crate) fn fail(&self, error: &Error) {
        *self.0.borrow_mut().errors.entry(error.kind()).or_default() += 1;
    }

    /// Prints everything; `whole` names the step that is a whole operation.
    pub(crate) fn report(
        &self,
        whole: &'static str,
        begun: Instant,
        watched: Option<&Watched>,
    ) -> Outcome {
        let took = begun.elapsed().as_secs_f64();
        let counts = self.0.borrow();
        let done = counts.latencies.get(whole).map_or(0, Histogram::len);
        println!(
            "{whole:<14} {done:>8} in {took:.2} s: {:.1}/s",
            done as f64 / took
        );
        println!("latency in ms        count      p50      p90      p99    p99.9      max");
        for (step, histogram) in &counts.latencies {
            let at = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
            println!(
                "  {step:<14} {:>9} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>8.2}",
                histogram.len(),
                at(0.5),
                at(0.9),
                at(0.99),
                at(0.999),
                histogram.max() as f64 / 1_000.0
            );
        }
        if let Some(watched) = watched {
            println!("{}", watched.since(done));
        }
        println!("client         {}", Watched::ourselves(took));
        for (kind, count) in &counts.errors {
            println!("error {count:>8}  {kind}");
        }
        if counts.errors.is_empty() && done > 0 {
            Outcome::Clean
        } else {
            Outcome::WithErrors
        }
    }
}

fn new_histogram() -> Histogram<u64> {
    // One microsecond to five minutes.
    Histogram::new_with_bounds(1, 300_000_000, 3).expect("the bounds are twice apart, at least")
}
