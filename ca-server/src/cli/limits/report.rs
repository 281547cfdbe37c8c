//! What was measured, what follows from it, as text and JSON.

use std::fmt;

use ca_pki::KeyAlgorithm;
use serde_json::{Value, json};

use super::cpu::Verifications;
use super::disk::Commits;
use super::signer::Signer;

/// All measurements.
pub(super) struct Limits {
    pub(super) signers: Vec<Signer>,
    pub(super) verifications: Verifications,
    pub(super) hash_mb_per_sec: f64,
    pub(super) handshakes_per_sec: f64,
    pub(super) commits: Commits,
}

/// What no server can go beyond with a key: the least of three.
struct Bound {
    /// What a core computes.
    core: f64,
    /// What the signer gives.
    signer: f64,
    /// What becomes durable.
    durable: f64,
}

impl Limits {
    /// Returns it for programs.
    pub(super) fn json(&self) -> Value {
        let signers = self.signers.iter().map(|signer| {
            json!({
                "name": signer.name,
                "key": key_name(signer.algorithm),
                "signatures_per_sec": signer.alone,
                "signatures_per_sec_side_by_side": signer.side_by_side,
                "signature_cpu_ms": signer.cpu_secs * 1_000.0,
                "checks_per_sec": signer.verifications,
                "orders_per_sec": self.orders(signer).least(),
                "json_issuance_per_sec": self.json_issuance(signer).least(),
            })
        });
        json!({
            "signers": signers.collect::<Vec<_>>(),
            "verifications_per_sec": {
                "ec-p256": self.verifications.p256,
                "ec-p384": self.verifications.p384,
                "ed25519": self.verifications.ed25519,
            },
            "sha256_mb_per_sec": self.hash_mb_per_sec,
            "tls_handshakes_per_sec": self.handshakes_per_sec,
            "commits": self.commits.json(),
        })
    }

    /// An order: five requests signed by the client, its CSR, a signature and its check.
    fn orders(&self, signer: &Signer) -> Bound {
        self.bound(signer, JWS_OF_AN_ORDER + 1.0, COMMITS_OF_AN_ORDER)
    }

    /// By bearer token: the CSR, a signature and its check.
    fn json_issuance(&self, signer: &Signer) -> Bound {
        self.bound(signer, 1.0, COMMITS_OF_AN_ISSUANCE)
    }

    fn bound(&self, signer: &Signer, verifications: f64, commits: f64) -> Bound {
        let secs =
            verifications / self.verifications.p256 + 1.0 / signer.verifications + signer.cpu_secs;
        Bound {
            core: 1.0 / secs,
            signer: signer.side_by_side,
            durable: self.commits.rows_per_sec() / commits,
        }
    }
}

impl Bound {
    fn least(&self) -> f64 {
        self.core.min(self.signer).min(self.durable)
    }
}

impl Commits {
    /// Changes that become durable in a second, where those that wait share a commit.
    fn rows_per_sec(&self) -> f64 {
        match self {
            Self::Disk { grouped_rows, .. } => *grouped_rows,
            Self::Database(rates) => rates.grouped,
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Disk {
                alone,
                grouped_rows,
                group,
            } => json!({"where": "disk", "appends_per_sec": alone,
                        "grouped_rows_per_sec": grouped_rows, "group": group}),
            Self::Database(rates) => json!({"where": "postgresql",
                "commits_per_sec": rates.alone,
                "commits_per_sec_side_by_side": rates.side_by_side, "clients": rates.clients,
                "grouped_rows_per_sec": rates.grouped, "group": rates.group}),
        }
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "a second, on one core where nothing else is said")?;
        for signer in &self.signers {
            let (name, key) = (&signer.name, key_name(signer.algorithm));
            let cpu = signer.cpu_secs * 1_000.0;
            writeln!(
                f,
                "signatures     {:>8.0}  {name}, {key}: {:.0} with 16 under way; {cpu:.3} ms of CPU each",
                signer.alone, signer.side_by_side
            )?;
            writeln!(f, "  checks       {:>8.0}", signer.verifications)?;
        }
        let verified = &self.verifications;
        writeln!(
            f,
            "verifications  {:>8.0}  P-256; {:.0} P-384; {:.0} Ed25519",
            verified.p256, verified.p384, verified.ed25519
        )?;
        writeln!(
            f,
            "handshakes     {:>8.0}  TLS 1.3",
            self.handshakes_per_sec
        )?;
        writeln!(f, "SHA-256        {:>8.0}  MB", self.hash_mb_per_sec)?;
        write_commits(f, &self.commits)?;
        writeln!(f, "bounds")?;
        for signer in &self.signers {
            write_bound(f, "ACME orders", &self.orders(signer), signer)?;
            write_bound(f, "JSON issuance", &self.json_issuance(signer), signer)?;
        }
        Ok(())
    }
}

fn write_commits(f: &mut fmt::Formatter<'_>, commits: &Commits) -> fmt::Result {
    match commits {
        Commits::Disk {
            alone,
            grouped_rows,
            group,
        } => writeln!(
            f,
            "disk           {alone:>8.0}  appends made durable; {grouped_rows:.0} rows by {group}"
        ),
        Commits::Database(rates) => writeln!(
            f,
            "commits        {:>8.0}  PostgreSQL, one client; {:.0} by {}; {:.0} rows by {}",
            rates.alone, rates.side_by_side, rates.clients, rates.grouped, rates.group
        ),
    }
}

fn write_bound(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    bound: &Bound,
    signer: &Signer,
) -> fmt::Result {
    writeln!(
        f,
        "  {what:<14} {:>6.0}  {}, {}: a core computes {:.0}, the signer gives {:.0}, {:.0} become durable",
        bound.least(),
        signer.name,
        key_name(signer.algorithm),
        bound.core,
        bound.signer,
        bound.durable
    )
}

fn key_name(algorithm: KeyAlgorithm) -> String {
    algorithm.to_string()
}

/// newOrder, authorization, challenge, finalize, certificate.
const JWS_OF_AN_ORDER: f64 = 5.0;
/// Order, validation's result, intent, result.
const COMMITS_OF_AN_ORDER: f64 = 4.0;
/// Intent, result.
const COMMITS_OF_AN_ISSUANCE: f64 = 2.0;
