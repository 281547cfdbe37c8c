//! `[[issuer]]`

use std::path::{Path, PathBuf};

use ca_keys::KeyUri;
use serde::{Deserialize, Serialize};

use super::Span;

/// One intermediate.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSection {
    /// Its name in URLs and profiles.
    pub name: String,
    /// PEM: the intermediate, then anything between it and the root.
    pub certificate: PathBuf,
    /// PEM: the root.
    pub root: PathBuf,
    /// `pkcs11:…?module-path=…&pin-source=…` or `file:tls.key`.
    pub key: String,
    /// The root's CRL (PEM or DER), published in `/crl/all.pem`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_crl: Option<PathBuf>,
    /// PEM files with other chains from the same key, each with the intermediate first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternate_certificates: Vec<PathBuf>,
    /// How many sessions sign side by side in a token; the number of cores if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<usize>,
    /// How many signatures may wait for a session before callers are turned away.
    #[serde(default = "default_queue")]
    pub queue: usize,
    /// How long a signature may take.
    #[serde(default = "default_deadline")]
    pub signing_deadline: Span,
}

impl IssuerSection {
    pub(super) fn faults(&self, base: &Path) -> Vec<String> {
        let mut faults = Vec::new();
        let name = &self.name;
        if name == "root" || name == "all" || name.ends_with("-root") {
            faults.push(format!(
                "issuer {name}: root, all and names in -root are taken in URLs"
            ));
        }
        if let Err(error) = KeyUri::parse(&self.key, base) {
            faults.push(format!("issuer {name}: key: {error}"));
        }
        if self.sessions == Some(0) || self.sessions > Some(256) {
            faults.push(format!("issuer {name}: sessions must be 1 to 256"));
        }
        if !(1..=65_536).contains(&self.queue) {
            faults.push(format!("issuer {name}: queue must be 1 to 65536"));
        }
        if !(Span::secs(1)..=Span::minutes(2)).contains(&self.signing_deadline) {
            faults.push(format!("issuer {name}: signing_deadline must be 1s to 2m"));
        }
        faults
    }
}

const fn default_queue() -> usize {
    1024
}

const fn default_deadline() -> Span {
    Span::secs(10)
}
