//! TCP connections to hosts that may be dialled.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Settings;
use crate::egress::{ClearedAddress, Egress};
use crate::error::{ConnectionFault, Error};
use crate::resolver::Resolver;

/// Resolves, judges, connects, in this order; the judged address is the dialled one.
pub(crate) struct Dialler {
    pub(crate) resolver: Resolver,
    egress: Egress,
    connect_timeout: Duration,
}

/// Whom to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// A name to be resolved.
    Name(String),
    /// An address; it never reaches the resolver.
    Address(IpAddr),
}

impl Dialler {
    /// Takes resolver, networks and patience from the settings.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            resolver: Resolver::new(&settings.resolvers, settings.dns_timeout),
            egress: Egress::new(settings.allow_networks.clone()),
            connect_timeout: settings.connect_timeout,
        }
    }

    /// Connects to the first of the host's addresses that accepts.
    pub(crate) async fn connect(&self, host: &Host, port: u16) -> Result<TcpStream, Error> {
        let mut fault = ConnectionFault::Other;
        for address in self.cleared(host).await? {
            match self.connect_to(address, port).await {
                Ok(stream) => return Ok(stream),
                Err(reason) => {
                    tracing::debug!(%host, %address, port, %reason, "no connection");
                    fault = reason;
                }
            }
        }
        Err(Error::Connection {
            host: host.to_string(),
            port,
            fault,
        })
    }

    async fn cleared(&self, host: &Host) -> Result<Vec<ClearedAddress>, Error> {
        let addresses = match host {
            Host::Name(name) => self.resolver.addresses(name).await?,
            Host::Address(address) => vec![*address],
        };
        let cleared: Vec<_> = addresses
            .into_iter()
            .filter_map(|address| self.egress.clear(address))
            .collect();
        if cleared.is_empty() {
            return Err(Error::Forbidden {
                host: host.to_string(),
            });
        }
        Ok(some_of_each_family(&cleared))
    }

    async fn connect_to(
        &self,
        address: ClearedAddress,
        port: u16,
    ) -> Result<TcpStream, ConnectionFault> {
        let target = SocketAddr::new(address.ip(), port);
        let stream = timeout(self.connect_timeout, TcpStream::connect(target))
            .await
            .map_err(|_elapsed| ConnectionFault::TimedOut)?
            .map_err(|error| ConnectionFault::from(error.kind()))?;
        // Without it the last, small segment of a handshake waits for an acknowledgement.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

/// Picks few enough addresses that silent ones leave time for another, and never of one family
/// only while the other has some.
fn some_of_each_family(cleared: &[ClearedAddress]) -> Vec<ClearedAddress> {
    let of_family = |is_six: bool| {
        cleared
            .iter()
            .copied()
            .filter(move |address| address.ip().is_ipv6() == is_six)
    };
    let fours = of_family(false).count().min(MAX_ADDRESSES);
    let six = of_family(true).take(MAX_ADDRESSES - fours.min(1));
    let mut picked: Vec<_> = six.collect();
    picked.extend(of_family(false).take(MAX_ADDRESSES - picked.len()));
    picked
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl From<io::ErrorKind> for ConnectionFault {
    fn from(kind: io::ErrorKind) -> Self {
        if matches!(kind, io::ErrorKind::ConnectionRefused) {
            Self::Refused
        } else if matches!(kind, io::ErrorKind::TimedOut) {
            Self::TimedOut
        } else if matches!(
            kind,
            io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::AddrNotAvailable
        ) {
            Self::NoRoute
        } else if matches!(
            kind,
            io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
        ) {
            Self::Broken
        } else {
            Self::Other
        }
    }
}

const MAX_ADDRESSES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(addresses: &[&str]) -> Vec<String> {
        let everything = ["0.0.0.0/0", "::/0"].map(|network| network.parse().expect("a network"));
        let egress = Egress::new(everything.to_vec());
        let cleared: Vec<_> = addresses
            .iter()
            .filter_map(|text| egress.clear(text.parse().expect("an address")))
            .collect();
        let picked = some_of_each_family(&cleared);
        picked.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tries_three_addresses_and_both_families() {
        assert_eq!(
            picked(&["2::1", "2::2", "2::3", "2::4", "8.0.0.1", "8.0.0.2"]),
            ["2::1", "2::2", "8.0.0.1"]
        );
        assert_eq!(
            picked(&["8.0.0.1", "8.0.0.2", "8.0.0.3", "8.0.0.4", "2::1"]),
            ["2::1", "8.0.0.1", "8.0.0.2"]
        );
        assert_eq!(
            picked(&["2::1", "2::2", "2::3", "2::4"]),
            ["2::1", "2::2", "2::3"]
        );
    }
}
