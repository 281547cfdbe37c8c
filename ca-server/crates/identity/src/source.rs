//! Where requests come from, as limits count it.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;

/// An address as limits count it: a subscriber has a whole IPv6 /64 to draw addresses from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// Returns the source that an address belongs to; a mapped address is the one inside.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(four) => Self(IpAddr::V4(four)),
            IpAddr::V6(six) => Self(IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & SUBSCRIBER))),
        }
    }
}

/// Addresses that many clients share and that no limit holds: a load balancer's.
#[derive(Clone, Debug, Default)]
pub struct Exempt(Arc<[IpNet]>);

impl Exempt {
    /// Exempts these networks.
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    /// Tells whether an address is in one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// The first 64 bits.
const SUBSCRIBER: u128 = !(u64::MAX as u128);

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_ipv6_network_of_64_bits_is_one_source_and_a_mapped_address_the_one_inside() {
        let of = |text| Source::of(address(text));

        assert_eq!(of("fd00::1"), of("fd00::ffff:2"));
        assert_ne!(of("fd00::1"), of("fd00:0:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }

    #[test]
    fn exempts_what_is_listed_and_nothing_else() {
        let networks = ["10.0.0.0/30", "fd00::/64"].map(|text| text.parse().unwrap());
        let exempt = Exempt::new(&networks);

        for inside in ["10.0.0.3", "::ffff:10.0.0.3", "fd00::7"] {
            assert!(exempt.contains(address(inside)), "{inside}");
        }
        for outside in ["10.0.0.4", "127.0.0.1", "fd00:0:0:1::1"] {
            assert!(!exempt.contains(address(outside)), "{outside}");
        }
    }
}
