//! Signatures a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ca_keys::{KeyError, SigningKey, SoftwareKey};
use ca_pki::{KeyAlgorithm, PublicKey};
use futures_util::future::try_join_all;

use super::cpu;
use crate::app::open_issuer_key;
use crate::config::Config;
use crate::error::Error;

/// What one key can do.
pub(super) struct Signer {
    /// The issuer's name, or that it is a software key of this moment.
    pub(super) name: String,
    /// The key's kind.
    pub(super) algorithm: KeyAlgorithm,
    /// Signatures a second, one after the other.
    pub(super) alone: f64,
    /// Signatures a second, sixteen under way at a time.
    pub(super) side_by_side: f64,
    /// CPU time of this process for one: a token elsewhere takes little of it.
    pub(super) cpu_secs: f64,
    /// Checks of such a signature a second.
    pub(super) verifications: f64,
}

/// Measures the key of each configured issuer.
pub(super) async fn configured(config: &Config, span: Duration) -> Result<Vec<Signer>, Error> {
    let mut signers = Vec::with_capacity(config.issuers.len());
    for section in &config.issuers {
        let key = open_issuer_key(config, section).await?;
        signers.push(measure(&section.name, key, span).await?);
    }
    Ok(signers)
}

/// Measures keys in this process.
pub(super) async fn software(span: Duration) -> Result<Vec<Signer>, Error> {
    let mut signers = Vec::new();
    for algorithm in [KeyAlgorithm::EcP256, KeyAlgorithm::EcP384] {
        let key = SoftwareKey::generate(algorithm).map_err(failed("software"))?;
        signers.push(measure("software", Arc::new(key), span).await?);
    }
    Ok(signers)
}

async fn measure(name: &str, key: Arc<dyn SigningKey>, span: Duration) -> Result<Signer, Error> {
    let cpu_before = cpu::used_secs();
    let (alone, made) = sign(name, &key, 1, span).await?;
    let cpu_secs = (cpu::used_secs() - cpu_before) / made;
    let (side_by_side, _) = sign(name, &key, SIDE_BY_SIDE, span).await?;
    let signature = key.sign(MESSAGE, deadline()).await.map_err(failed(name))?;
    Ok(Signer {
        name: name.to_owned(),
        algorithm: key.public_key().algorithm(),
        alone,
        side_by_side,
        cpu_secs,
        verifications: checks(key.public_key(), &signature, span),
    })
}

/// Returns how many a second, and how many.
async fn sign(
    name: &str,
    key: &Arc<dyn SigningKey>,
    under_way: usize,
    span: Duration,
) -> Result<(f64, f64), Error> {
    let begun = Instant::now();
    let one = |_| async {
        let mut made = 0_u32;
        while begun.elapsed() < span {
            key.sign(MESSAGE, deadline()).await?;
            made += 1;
        }
        Ok::<u32, KeyError>(made)
    };
    let made = try_join_all((0..under_way).map(one)).await;
    let made = f64::from(made.map_err(failed(name))?.iter().sum::<u32>());
    Ok((made / begun.elapsed().as_secs_f64(), made.max(1.0)))
}

fn checks(key: &PublicKey, signature: &[u8], span: Duration) -> f64 {
    let algorithm = key.signature_algorithm();
    cpu::rate(span, || key.verify(algorithm, MESSAGE, signature).is_ok())
}

fn deadline() -> Instant {
    Instant::now() + LONGEST
}

fn failed(name: &str) -> impl FnOnce(KeyError) -> Error {
    let issuer = name.to_owned();
    |source| Error::Key { issuer, source }
}

/// Never the beginning of a certificate, a CRL or an OCSP answer, which are SEQUENCEs.
const MESSAGE: &[u8] = b"ca-server limits: a signature that certifies nothing";
const SIDE_BY_SIDE: usize = 16;
const LONGEST: Duration = Duration::from_secs(10);
