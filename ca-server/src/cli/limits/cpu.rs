//! What a core can compute.

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use ca_keys::{SigningKey, SoftwareKey};
use ca_pki::KeyAlgorithm;

use crate::error::Error;

/// Verifications a second, of what clients sign.
pub(super) struct Verifications {
    /// ES256, and CSRs with such a key.
    pub(super) p256: f64,
    /// ES384.
    pub(super) p384: f64,
    /// EdDSA.
    pub(super) ed25519: f64,
}

/// Measures verifications.
pub(super) fn verifications(span: Duration) -> Result<Verifications, Error> {
    Ok(Verifications {
        p256: verification(KeyAlgorithm::EcP256, span)?,
        p384: verification(KeyAlgorithm::EcP384, span)?,
        ed25519: verification(KeyAlgorithm::Ed25519, span)?,
    })
}

/// Measures SHA-256 over a block of a CRL's size.
pub(super) fn hash_mb_per_sec(span: Duration) -> f64 {
    let block = vec![0x5a; 1_000_000];
    rate(span, || {
        !digest(&SHA256, black_box(&block)).as_ref().is_empty()
    })
}

/// Returns how often a second something can be done on this thread.
pub(super) fn rate(span: Duration, mut work: impl FnMut() -> bool) -> f64 {
    let begun = Instant::now();
    let mut done = 0_u32;
    while begun.elapsed() < span {
        black_box(work());
        done += 1;
    }
    f64::from(done) / begun.elapsed().as_secs_f64()
}

/// Returns the CPU time that all threads of this process have used (proc(5), stat, in ticks).
pub(super) fn used_secs() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let used = fields.split_ascii_whitespace().skip(11).take(2);
    let ticks: u32 = used.filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
    f64::from(ticks) / TICKS_PER_SEC
}

fn verification(algorithm: KeyAlgorithm, span: Duration) -> Result<f64, Error> {
    let failed = |source| Error::Key {
        issuer: "software".to_owned(),
        source,
    };
    let key = SoftwareKey::generate(algorithm).map_err(failed)?;
    let message = [0x2a; 400];
    let signature = key
        .sign_blocking(&message, Instant::now() + span)
        .map_err(failed)?;
    let public = key.public_key();
    Ok(rate(span, || {
        let verified = public.verify(key.algorithm(), &message, &signature);
        verified.is_ok()
    }))
}

/// USER_HZ, which Linux fixes at 100 towards programs.
const TICKS_PER_SEC: f64 = 100.0;
