//! `[listen]`

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::Span;

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
    /// How long a server that was told to stop goes on serving while `/readyz` says 503: long
    /// enough for a load balancer to notice.
    pub drain: Span,
}

impl Default for ListenSection {
    fn default() -> Self {
        Self {
            public: SocketAddr::from(([0, 0, 0, 0], 8443)),
            pki: SocketAddr::from(([0, 0, 0, 0], 8080)),
            ops: SocketAddr::from(([127, 0, 0, 1], 9090)),
            drain: Span::secs(0),
        }
    }
}

impl ListenSection {
    pub(super) fn faults(&self) -> Vec<String> {
        match self.drain <= Span::minutes(1) {
            true => Vec::new(),
            false => vec!["listen.drain must be at most 1m".to_owned()],
        }
    }
}
