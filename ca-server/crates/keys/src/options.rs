//! How hard a token is used, and how patiently.

use std::num::NonZeroUsize;
use std::time::Duration;

/// How a token key's signer runs; software keys have nothing to choose.
#[derive(Clone, Debug)]
pub struct SignerOptions {
    /// Threads, each with a session; `None` is one per processor. The token's limit holds too.
    pub sessions: Option<NonZeroUsize>,
    /// Requests that may wait before further ones are turned away.
    pub queue: NonZeroUsize,
    /// How long a caller waits for a signature: requests that would wait longer are turned away.
    pub patience: Duration,
    /// When to stop asking a failing token, and for how long.
    pub breaker: BreakerPolicy,
}

/// When a circuit breaker opens and how long it stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open at first; each failed probe doubles this.
    pub first_pause: Duration,
    /// The longest that it stays open.
    pub longest_pause: Duration,
}

impl Default for SignerOptions {
    fn default() -> Self {
        Self {
            sessions: None,
            queue: QUEUE,
            patience: PATIENCE,
            breaker: BreakerPolicy::default(),
        }
    }
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            failures: 5,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
        }
    }
}

// About half a second of work for a token that makes a thousand signatures in a second.
const QUEUE: NonZeroUsize = NonZeroUsize::new(512).expect("512 is not zero");
const PATIENCE: Duration = Duration::from_secs(10);
