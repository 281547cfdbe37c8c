//! What was measured: latencies by kind of request, errors by kind, the server's own use.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::error::Error;
use crate::process::{Used, Watched};

/// Counts for one run; shared by the workers of one thread.
#[derive(Clone, Default)]
pub(crate) struct Meter(Rc<RefCell<Counts>>);

#[derive(Clone, Default)]
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

/// What a run came to.
pub(crate) struct Report {
    whole: &'static str,
    done: u64,
    took_secs: f64,
    counts: Counts,
    server: Option<Used>,
    client_cpu_secs: f64,
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

    /// Sums up; `whole` names the step that is a whole operation.
    pub(crate) fn report(
        &self,
        whole: &'static str,
        took: Duration,
        ourselves: &Watched,
        server: Option<&Watched>,
    ) -> Report {
        let counts = self.0.borrow().clone();
        let done = counts.latencies.get(whole).map_or(0, Histogram::len);
        Report {
            whole,
            done,
            took_secs: took.as_secs_f64(),
            counts,
            server: server.map(|server| server.since(done)),
            client_cpu_secs: ourselves.cpu_secs(),
        }
    }
}

impl Report {
    /// Tells whether every operation succeeded, and there was one.
    pub(crate) fn outcome(&self) -> Outcome {
        if self.counts.errors.is_empty() && self.done > 0 {
            Outcome::Clean
        } else {
            Outcome::WithErrors
        }
    }

    /// Returns it all for programs.
    pub(crate) fn json(&self) -> Value {
        let latencies = self.counts.latencies.iter().map(|(step, histogram)| {
            let [p50, p90, p99, p999, max] = percentiles(histogram);
            let told = json!({"count": histogram.len(), "p50": p50, "p90": p90, "p99": p99,
                              "p99.9": p999, "max": max});
            ((*step).to_owned(), told)
        });
        json!({
            "operation": self.whole,
            "done": self.done,
            "secs": self.took_secs,
            "per_sec": self.done as f64 / self.took_secs,
            "latency_ms": latencies.collect::<serde_json::Map<_, _>>(),
            "server": self.server.as_ref().map(Used::json),
            "client": {"cpu_secs": self.client_cpu_secs,
                       "of_one_core": self.client_cpu_secs / self.took_secs},
            "errors": self.counts.errors,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, done, took) = (self.whole, self.done, self.took_secs);
        let rate = done as f64 / took;
        writeln!(f, "{whole:<14} {done:>8} in {took:.2} s: {rate:.1}/s")?;
        writeln!(
            f,
            "latency in ms        count      p50      p90      p99    p99.9      max"
        )?;
        for (step, histogram) in &self.counts.latencies {
            write!(f, "  {step:<14} {:>9}", histogram.len())?;
            for millis in percentiles(histogram) {
                write!(f, " {millis:>8.2}")?;
            }
            writeln!(f)?;
        }
        if let Some(server) = &self.server {
            writeln!(f, "{server}")?;
        }
        let busy = self.client_cpu_secs / took;
        let cpu = self.client_cpu_secs;
        write!(
            f,
            "client         {cpu:.2} s of CPU, {:.0} % of one core",
            100.0 * busy
        )?;
        writeln!(f, "{}", if busy > 0.85 { ": it is the limit" } else { "" })?;
        for (kind, count) in &self.counts.errors {
            writeln!(f, "error {count:>8}  {kind}")?;
        }
        Ok(())
    }
}

/// 50, 90, 99, 99.9 and 100 of a hundred, in milliseconds.
fn percentiles(histogram: &Histogram<u64>) -> [f64; 5] {
    [0.5, 0.9, 0.99, 0.999, 1.0]
        .map(|quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0)
}

fn new_histogram() -> Histogram<u64> {
    // One microsecond to five minutes.
    Histogram::new_with_bounds(1, 300_000_000, 3).expect("the bounds are twice apart, at least")
}
