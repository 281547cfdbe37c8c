//! Bodies that did not come at once: each may hold its octets for ten seconds.

use std::net::IpAddr;
use std::sync::Arc;

use ca_identity::source::Exempt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::listener::crowd::{Counted, Crowd, Share};

/// Bounds how many bodies are waited for, in all and of one peer: 64 MiB of memory at most.
#[derive(Clone)]
pub(crate) struct Waiting {
    places: Arc<Semaphore>,
    crowd: Arc<Crowd>,
}

/// A body that is waited for.
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    _counted: Counted,
}

impl Waiting {
    /// Waits for no body yet.
    pub(crate) fn new(exempt: Exempt) -> Self {
        Self {
            places: Arc::new(Semaphore::new(MOST)),
            crowd: Arc::new(Crowd::new(
                "unfinished-bodies",
                Share {
                    connections: MOST_OF_ONE_PEER,
                    exempt,
                    opening: None,
                },
            )),
        }
    }

    /// Counts one; `None` if too many are waited for.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Place> {
        Some(Place {
            _counted: self.crowd.enter(address)?,
            _place: Arc::clone(&self.places).try_acquire_owned().ok()?,
        })
    }
}

const MOST: usize = 1_024;
const MOST_OF_ONE_PEER: usize = MOST / 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_so_many_bodies_of_one_peer_and_so_many_in_all() {
        let waiting = Waiting::new(Exempt::default());
        let enter = |peer: u8| waiting.enter(IpAddr::from([10, 0, 0, peer]));
        let mut places: Vec<_> = (0..MOST_OF_ONE_PEER).map(|_| enter(1)).collect();

        assert!(enter(1).is_none());
        places.extend((2..=8).flat_map(|peer| (0..MOST_OF_ONE_PEER).map(move |_| enter(peer))));
        assert!(places.iter().all(Option::is_some));
        assert!(enter(9).is_none());
        drop(places);
        assert!(enter(1).is_some());
    }
}
