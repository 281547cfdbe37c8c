//! What an operator decides about validation.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

/// What validation may dial, whom it asks and how long it waits.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The port of http-01; 80 unless the network cannot offer it.
    pub http_port: u16,
    /// The port of tls-alpn-01; 443 unless the network cannot offer it.
    pub tls_alpn_port: u16,
    /// The port at which `https` targets of http-01 redirects are reached.
    pub https_port: u16,
    /// The DNS resolvers to ask; if empty those of `/etc/resolv.conf`, after `/etc/hosts`.
    pub resolvers: Vec<SocketAddr>,
    /// The networks that may be dialled; loopback, link-local and metadata
    /// addresses only by an entry of their own.
    pub allow_networks: Vec<IpNet>,
    /// The issuer domain names that mean this CA in CAA records (RFC 8659 §4.2).
    pub caa_identities: Vec<String>,
    /// How long one validation may take once it is its turn.
    pub deadline: Duration,
    /// How long a validation may wait for its turn. Past it the answer is `rateLimited`, which is
    /// no result: the challenge is tried again later.
    pub patience: Duration,
    /// How long one address may take to accept a connection.
    pub connect_timeout: Duration,
    /// How long one DNS server may take to answer; each lookup tries twice.
    pub dns_timeout: Duration,
    /// The pauses before trying again where a connection was refused, reset or had no route.
    pub retry_pauses: Vec<Duration>,
    /// How long reading an issuer's key set may take.
    pub key_set_deadline: Duration,
    /// How many validations may be under way at once.
    pub concurrency: usize,
    /// How many of them may belong to one account, so that none starves the others.
    pub concurrency_per_account: usize,
}

impl Default for Settings {
    /// Dials nothing: `allow_networks` is empty.
    fn default() -> Self {
        Self {
            http_port: 80,
            tls_alpn_port: 443,
            https_port: 443,
            resolvers: Vec::new(),
            allow_networks: Vec::new(),
            caa_identities: Vec::new(),
            deadline: Duration::from_secs(10),
            patience: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(3),
            dns_timeout: Duration::from_secs(2),
            retry_pauses: vec![Duration::from_millis(250), Duration::from_secs(1)],
            key_set_deadline: Duration::from_secs(5),
            concurrency: 256,
            concurrency_per_account: 64,
        }
    }
}
