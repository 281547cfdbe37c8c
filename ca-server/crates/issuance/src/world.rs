//! Time and chance, handed in so that tests can hold them still.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use ca_pki::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Returns this moment.
    fn now(&self) -> Timestamp;

    /// Returns a moment to measure spans from: no correction of the time moves it.
    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

/// Gives unpredictable octets.
pub trait Entropy: Send + Sync {
    /// Fills `octets`.
    fn fill(&self, octets: &mut [u8]) -> Result<(), NoEntropy>;
}

/// The system's random source failed: nothing that needs chance may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system's random source failed")]
pub struct NoEntropy;

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let secs = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(_before_1970) => 0,
        };
        Timestamp::from_unix_secs(secs)
    }
}

/// The system's random source, through aws-lc.
#[derive(Debug, Default)]
pub struct SystemEntropy(SystemRandom);

impl Entropy for SystemEntropy {
    fn fill(&self, octets: &mut [u8]) -> Result<(), NoEntropy> {
        self.0.fill(octets).map_err(|_unspecified| NoEntropy)
    }
}

/// How far the clocks of two servers, or of one before and after it is set, may be apart.
pub const CLOCKS_APART: Duration = Duration::from_secs(300);
