//! How many connections each peer has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts connections by peer and turns away those past a share.
#[derive(Clone, Debug)]
pub(super) struct Crowd {
    share: usize,
    peers: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One counted connection; uncounted when dropped.
#[derive(Debug)]
pub(super) struct Counted {
    crowd: Crowd,
    peer: IpAddr,
}

impl Crowd {
    /// Makes an empty crowd in which each peer may have `share` connections.
    pub(super) fn new(share: usize) -> Self {
        Self {
            share,
            peers: Arc::default(),
        }
    }

    /// Counts a connection; `None` if its peer has its share.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Counted> {
        let peer = peer_of(address);
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let count = peers.entry(peer).or_default();
        if *count >= self.share {
            return None;
        }
        *count += 1;
        Some(Counted {
            crowd: self.clone(),
            peer,
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut peers = self
            .crowd
            .peers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = peers.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                peers.remove(&self.peer);
            }
        }
    }
}

/// A host is given a whole IPv6 network of 64 bits: its addresses count as one.
fn peer_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(
            address.to_bits() & !u128::from(u64::MAX),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn turns_away_one_peer_and_not_the_others() {
        let crowd = Crowd::new(2);
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
        let crowd = Crowd::new(1);
        let inside = crowd.enter(address("fd00::1"));

        assert!(crowd.enter(address("fd00::2")).is_none());
        assert!(crowd.enter(address("fd00:0:0:1::2")).is_some());
        drop(inside);
        assert!(crowd.peers.lock().unwrap().is_empty());
    }
}
