//! How many connections each peer has, and how often it opens one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ca_identity::buckets::{AddressBuckets, Rate};
use ca_identity::source::{Exempt, Source};

/// What one peer may have of a listener.
#[derive(Clone, Default)]
pub(crate) struct Share {
    /// How many connections at once; 0 is no limit.
    pub(crate) connections: usize,
    /// How often it may open one: a TLS handshake costs as much as several requests.
    pub(crate) opening: Option<Rate>,
    /// Peers that stand for many clients.
    pub(crate) exempt: Exempt,
}

/// Counts connections by peer and turns away those past a share.
pub(crate) struct Crowd {
    limit: &'static str,
    share: Share,
    opened: AddressBuckets,
    peers: Peers,
}

type Peers = Arc<Mutex<HashMap<Source, usize>>>;

/// One counted connection; uncounted when dropped.
pub(crate) struct Counted {
    peers: Peers,
    peer: Option<Source>,
}

impl Crowd {
    /// Makes an empty crowd; refusals are counted under the name of the limit.
    pub(crate) fn new(limit: &'static str, share: Share) -> Self {
        Self {
            limit,
            opened: AddressBuckets::new(limit, share.opening, share.exempt.clone()),
            share,
            peers: Arc::default(),
        }
    }

    /// Counts a connection; `None` if its peer has its share.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<Counted> {
        self.opened.spend(address).ok()?;
        let is_counted = self.share.connections > 0 && !self.share.exempt.contains(address);
        let peer = is_counted.then(|| Source::of(address));
        if let Some(peer) = peer {
            let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
            let count = peers.entry(peer).or_default();
            if *count >= self.share.connections {
                metrics::counter!("ca_limited_total", "limit" => self.limit).increment(1);
                return None;
            }
            *count += 1;
        }
        let peers = Arc::clone(&self.peers);
        Some(Counted { peers, peer })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some(peer) = self.peer else {
            return;
        };
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = peers.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                peers.remove(&peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn crowd(connections: usize) -> Crowd {
        let exempt = Exempt::new(&["10.9.0.0/16".parse().unwrap()]);
        let share = Share {
            connections,
            exempt,
            ..Share::default()
        };
        Crowd::new("connections", share)
    }

    #[test]
    fn turns_away_one_peer_and_not_the_others() {
        let crowd = crowd(2);
        let first = crowd.enter(address("10.0.0.1"));
        let second = crowd.enter(address("::ffff:10.0.0.1"));

        assert!(first.is_some() && second.is_some());
        assert!(crowd.enter(address("10.0.0.1")).is_none());
        assert!(crowd.enter(address("10.0.0.2")).is_some());
        drop(first);
        assert!(crowd.enter(address("10.0.0.1")).is_some());
    }

    #[test]
    fn takes_an_ipv6_network_for_one_peer_and_forgets_who_left() {
        let crowd = crowd(1);
        let inside = crowd.enter(address("fd00::1"));

        assert!(crowd.enter(address("fd00::2")).is_none());
        assert!(crowd.enter(address("fd00:0:0:1::2")).is_some());
        drop(inside);
        assert!(crowd.peers.lock().unwrap().is_empty());
    }

    #[test]
    fn turns_away_nobody_who_is_exempt_or_where_there_is_no_limit() {
        let (one, any) = (crowd(1), crowd(0));

        let balanced: Vec<_> = (0..9).map(|_| one.enter(address("10.9.0.1"))).collect();
        let unlimited: Vec<_> = (0..9).map(|_| any.enter(address("10.0.0.1"))).collect();

        assert!(balanced.iter().chain(&unlimited).all(Option::is_some));
    }

    #[test]
    fn turns_away_who_opens_connections_too_often() {
        let opening = Rate::per_minute(2, 2);
        let share = Share {
            opening,
            ..Share::default()
        };
        let crowd = Crowd::new("connections", share);

        let opened = [(); 3].map(|()| crowd.enter(address("10.0.0.1")).is_some());

        assert_eq!(opened, [true, true, false]);
        assert!(crowd.enter(address("10.0.0.2")).is_some());
    }
}
