//! `[validation]`

use std::net::SocketAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// How control of names is checked.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ValidationSection {
    /// The port that http-01 dials.
    pub http_port: u16,
    /// The port of https redirect targets of http-01.
    pub https_port: u16,
    /// The port that tls-alpn-01 dials.
    pub tls_alpn_port: u16,
    /// DNS servers; empty: the system's.
    pub resolvers: Vec<SocketAddr>,
    /// Which networks may be dialled; loopback, link-local and metadata addresses only if listed.
    pub allow_networks: Vec<IpNet>,
    /// The names by which CAA records know this CA.
    pub caa_identities: Vec<String>,
    /// How many validations run side by side.
    pub concurrency: usize,
}

impl Default for ValidationSection {
    fn default() -> Self {
        Self {
            http_port: 80,
            https_port: 443,
            tls_alpn_port: 443,
            resolvers: Vec::new(),
            allow_networks: Vec::new(),
            caa_identities: Vec::new(),
            concurrency: 1024,
        }
    }
}

impl ValidationSection {
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.http_port == 0 || self.https_port == 0 || self.tls_alpn_port == 0 {
            faults.push("validation: ports must not be 0".to_owned());
        }
        if !(1..=65_536).contains(&self.concurrency) {
            faults.push("validation: concurrency must be 1 to 65536".to_owned());
        }
        faults
    }
}
