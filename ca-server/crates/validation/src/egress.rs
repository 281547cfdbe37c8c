//! Which addresses may be dialled.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Judges addresses by the networks that the operator listed.
///
/// Nothing is allowed unless listed. Loopback, link-local and cloud metadata addresses are allowed
/// only by an entry that lies within their own range: `0.0.0.0/0` does not list `127.0.0.1`, and
/// `169.254.0.0/16` does not list `169.254.169.254`. Unspecified, multicast and broadcast addresses
/// are never allowed. An IPv6 address that carries an IPv4 address is judged as both.
#[derive(Clone, Debug)]
pub(crate) struct Egress {
    allowed: Vec<IpNet>,
}

/// An address that may be dialled: only [`Egress::clear`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClearedAddress(IpAddr);

impl Egress {
    /// Takes the listed networks.
    pub(crate) fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    /// Returns the address in the form to be dialled, if it may be.
    pub(crate) fn clear(&self, address: IpAddr) -> Option<ClearedAddress> {
        let address = address.to_canonical();
        let may_be_dialled =
            self.permits(address) && embedded(address).all(|inner| self.permits(IpAddr::V4(inner)));
        may_be_dialled.then_some(ClearedAddress(address))
    }

    fn permits(&self, address: IpAddr) -> bool {
        if is_never_dialled(address) {
            return false;
        }
        let special: Vec<&IpNet> = SPECIAL
            .iter()
            .filter(|range| range.contains(&address))
            .collect();
        self.allowed.iter().any(|entry| {
            entry.contains(&address) && special.iter().all(|range| range.contains(entry))
        })
    }
}

impl ClearedAddress {
    /// Returns the address.
    pub(crate) fn ip(self) -> IpAddr {
        self.0
    }
}

impl fmt::Display for ClearedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn is_never_dialled(address: IpAddr) -> bool {
    match address {
        // Linux takes 0.0.0.0 for this host; the rest of 0.0.0.0/8 is not an address of anything.
        IpAddr::V4(four) => {
            four.octets().starts_with(&[0]) || four.is_multicast() || four.is_broadcast()
        }
        IpAddr::V6(six) => six.is_unspecified() || six.is_multicast(),
    }
}

/// Returns every IPv4 address that a router or a tunnel might take an IPv6 address for.
///
/// `::ffff:a.b.c.d` is not among them: it is IPv4 on the wire and judged as that alone.
fn embedded(address: IpAddr) -> impl Iterator<Item = Ipv4Addr> {
    let (in_tail, elsewhere) = match address {
        IpAddr::V4(_) => (None, [None, None]),
        IpAddr::V6(six) => (embedded_in_tail(six), embedded_elsewhere(six)),
    };
    in_tail.into_iter().chain(elsewhere.into_iter().flatten())
}

/// IPv4-compatible (RFC 4291 §2.5.5.1), translated (RFC 7915), NAT64 (RFC 6052, RFC 8215) and
/// ISATAP (RFC 5214 §6.1) addresses end in the IPv4 address.
fn embedded_in_tail(six: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = six.segments();
    let is_tail = match segments {
        [0, 0, 0, 0, 0, 0, high, low] => high != 0 || low > 1,
        [0, 0, 0, 0, 0xffff, 0, _, _] => true,
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] | [0x64, 0xff9b, 1, _, _, _, _, _] => true,
        [_, _, _, _, 0 | 0x200, 0x5efe, _, _] => true,
        _ => false,
    };
    let [_, _, _, _, _, _, high, low] = segments;
    is_tail.then(|| from_segments(high, low))
}

/// 6to4 (RFC 3056 §2), Teredo (RFC 4380 §4: server, then client in complement) and the 48-bit form
/// of NAT64 (RFC 6052 §2.2).
fn embedded_elsewhere(six: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    match six.segments() {
        [0x2002, high, low, ..] => [Some(from_segments(high, low)), None],
        [0x2001, 0, high, low, _, _, client_high, client_low] => [
            Some(from_segments(high, low)),
            Some(from_segments(!client_high, !client_low)),
        ],
        [0x64, 0xff9b, 1, high, middle, low, ..] => {
            // Octet 8 is reserved and splits the address.
            let low = (middle & 0xff) << 8 | low >> 8;
            [Some(from_segments(high, low)), None]
        }
        _ => [None, None],
    }
}

fn from_segments(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

/// The ranges that no broader entry lists.
const SPECIAL: &[IpNet] = &[
    // Loopback.
    four([127, 0, 0, 0], 8),
    six([0, 0, 0, 0, 0, 0, 0, 1], 128),
    // Link-local.
    four([169, 254, 0, 0], 16),
    six([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    // Metadata services: the common ones, then Alibaba, Azure, Oracle, Amazon's and Google's IPv6.
    four([169, 254, 169, 254], 32),
    four([100, 100, 100, 200], 32),
    four([168, 63, 129, 16], 32),
    four([192, 0, 0, 192], 32),
    six([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128),
    six([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128),
];

const fn four([a, b, c, d]: [u8; 4], prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

const fn six([a, b, c, d, e, f, g, h]: [u16; 8], prefix: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(
        Ipv6Addr::new(a, b, c, d, e, f, g, h),
        prefix,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(networks: &[&str], address: &str) -> bool {
        let allowed = networks
            .iter()
            .map(|network| network.parse().expect("a network"))
            .collect();
        Egress::new(allowed)
            .clear(address.parse().expect("an address"))
            .is_some()
    }

    #[test]
    fn allows_nothing_that_is_not_listed() {
        for address in ["10.0.0.1", "8.8.8.8", "127.0.0.1", "2001:db8::1", "::1"] {
            assert!(!allows(&[], address), "{address}");
        }
        assert!(allows(&["10.0.0.0/8"], "10.255.0.1"));
        assert!(!allows(&["10.0.0.0/8"], "11.0.0.1"));
        assert!(allows(&["2001:db8::/32"], "2001:db8:1::1"));
        assert!(!allows(&["2001:db8::/32"], "2001:db9::1"));
    }

    #[test]
    fn takes_special_ranges_only_from_entries_within_them() {
        let everything = ["0.0.0.0/0", "::/0"];
        for address in [
            "127.0.0.1",
            "127.8.8.8",
            "::1",
            "169.254.1.1",
            "fe80::1",
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd20:ce::254",
        ] {
            assert!(!allows(&everything, address), "{address}");
            assert!(allows(
                &[&format!("{address}/128").replace("/128", prefix(address))],
                address
            ));
        }
        assert!(allows(&everything, "8.8.8.8"));
        assert!(allows(&everything, "2606:4700::1"));
        assert!(allows(&["127.0.0.0/8"], "127.0.0.1"));
        assert!(!allows(&["126.0.0.0/7"], "127.0.0.1"));
    }

    #[test]
    fn does_not_take_metadata_addresses_from_a_listed_link_local_range() {
        assert!(allows(&["169.254.0.0/16"], "169.254.1.1"));
        assert!(!allows(&["169.254.0.0/16"], "169.254.169.254"));
        assert!(!allows(&["fd00::/8"], "fd00:ec2::254"));
        assert!(allows(&["169.254.169.254/32"], "169.254.169.254"));
    }

    #[test]
    fn never_allows_addresses_of_nobody_or_of_many() {
        let everything = [
            "0.0.0.0/0",
            "0.0.0.0/32",
            "::/0",
            "::/128",
            "224.0.0.0/4",
            "255.255.255.255/32",
            "ff00::/8",
        ];
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
            "::ffff:0.0.0.0",
            "::ffff:255.255.255.255",
        ] {
            assert!(!allows(&everything, address), "{address}");
        }
    }

    #[test]
    fn judges_a_mapped_address_as_the_ipv4_address_that_is_dialled() {
        let egress = Egress::new(vec![four([10, 0, 0, 0], 8)]);

        let cleared = egress.clear("::ffff:10.1.2.3".parse().expect("an address"));

        let dialled = cleared.map(ClearedAddress::ip);
        assert_eq!(dialled, Some(IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3))));
        assert!(!allows(&["::/0", "10.0.0.0/8"], "::ffff:127.0.0.1"));
        assert!(!allows(&["::/0"], "::ffff:10.1.2.3"));
    }

    #[test]
    fn judges_an_embedded_ipv4_address_too() {
        for carrier in [
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::127.0.0.1",
            "64:ff9b:1:7f00:0:100::",
            "2002:7f00:1::1",
            "2001:0:7f00:1::1",
            "2001:0:808:808:0:0:80ff:fffe",
            "2001:db8::5efe:127.0.0.1",
            "fd00::200:5efe:127.0.0.1",
        ] {
            assert!(!allows(&["::/0", "0.0.0.0/0"], carrier), "{carrier}");
            assert!(!allows(&["::/0"], carrier), "{carrier}");
        }
        assert!(allows(&["::/0", "0.0.0.0/0"], "64:ff9b::8.8.8.8"));
        assert!(!allows(&["64:ff9b::/96"], "64:ff9b::8.8.8.8"));
        assert!(allows(&["2002::/16", "8.0.0.0/8"], "2002:808:808::1"));
    }

    fn prefix(address: &str) -> &'static str {
        if address.contains(':') { "/128" } else { "/32" }
    }
}
