//! `[listen]`

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Where the server listens.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenSection {
    /// HTTPS: ACME and the JSON API.
    pub public: SocketAddr,
    /// Plain HTTP: CRL, OCSP, certificates.
    pub pki: SocketAddr,
    /// Plain HTTP: health and metrics; keep it off public networks.
    pub ops: SocketAddr,
}

impl Default for ListenSection {
    fn default() -> Self {
        Self {
            public: SocketAddr::from(([0, 0, 0, 0], 8443)),
            pki: SocketAddr::from(([0, 0, 0, 0], 8080)),
            ops: SocketAddr::from(([127, 0, 0, 1], 9090)),
        }
    }
}
