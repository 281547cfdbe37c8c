//! What an address may ask of the public listener, counted before anything is read or verified.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use ca_identity::buckets::{AddressBuckets, Rate};

use crate::config::LimitsSection;

/// Counts requests by address, over every door of a listener.
pub(crate) struct RequestLimits {
    rate: Option<Rate>,
    buckets: AddressBuckets,
}

/// An address that must wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany {
    /// What it is held to.
    pub(crate) rate: Rate,
    /// Until when.
    pub(crate) wait: Duration,
}

impl RequestLimits {
    /// Makes full buckets for everyone.
    pub(crate) fn new(section: &LimitsSection) -> Self {
        let rate = section.address_rate();
        Self {
            rate,
            buckets: AddressBuckets::new("address-requests", rate, section.exempt()),
        }
    }

    /// Counts a request.
    pub(crate) fn count(&self, request: &Request) -> Result<(), TooMany> {
        // The listener notes it; without it no handler answers.
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let (Some(rate), Some(ConnectInfo(peer))) = (self.rate, peer) else {
            return Ok(());
        };
        let wait = self.buckets.spend(peer.ip());
        wait.map_err(|wait| TooMany { rate, wait })
    }
}
