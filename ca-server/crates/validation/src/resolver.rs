//! DNS as validation needs it: never cached, names always absolute, every answer bounded.

mod hosts;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer, RetryDnsHandle};
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{DnsRequestOptions, DnsResponse, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::CAA;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::{NameServerPool, PoolContext, TlsConfig, system_conf};

use crate::error::{Error, LookupFault};

/// Asks the configured DNS servers, or else the system's.
///
/// Hickory's own resolver stops without an error at the end of a long chain of aliases, which would
/// read as "no CAA record"; so this asks its pool of servers and follows aliases itself.
pub(crate) struct Resolver {
    servers: Option<RetryDnsHandle<NameServerPool<TokioRuntimeProvider>>>,
    hosts_file: Option<PathBuf>,
    timeout: Duration,
}

impl Resolver {
    /// Asks `servers`; if there are none, those of `/etc/resolv.conf` after `/etc/hosts`.
    pub(crate) fn new(servers: &[SocketAddr], timeout: Duration) -> Self {
        let is_system = servers.is_empty();
        let servers = if is_system {
            system_servers()
        } else {
            servers.iter().copied().map(server).collect()
        };
        Self {
            servers: pool(servers, timeout),
            hosts_file: is_system.then(|| Path::new(HOSTS_FILE).to_owned()),
            timeout,
        }
    }

    /// Returns the host's addresses, IPv6 first, each once; none is an error.
    pub(crate) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Error> {
        if let Some(known) = self.known_here(host).await {
            return Ok(known);
        }
        let (six, four) = futures_util::join!(
            self.lookup(host, RecordType::AAAA),
            self.lookup(host, RecordType::A)
        );
        let mut found = Vec::new();
        for data in six.iter().chain(four.iter()).flatten().take(MAX_ADDRESSES) {
            match data.ip_addr() {
                Some(address) if !found.contains(&address) => found.push(address),
                Some(_) | None => {}
            }
        }
        if !found.is_empty() {
            return Ok(found);
        }
        // One family's failure matters only where the other has no address.
        six?;
        four?;
        Err(Error::NoAddress {
            name: host.to_owned(),
        })
    }

    /// Returns the TXT records at a name, each with its strings joined.
    pub(crate) async fn texts(&self, name: &str) -> Result<Vec<Vec<u8>>, Error> {
        let records = self.lookup(name, RecordType::TXT).await?;
        let texts = records.iter().filter_map(text);
        Ok(texts.collect())
    }

    /// Returns the CAA records at exactly this name, or where its CNAME leads.
    pub(crate) async fn caa(&self, name: &str) -> Result<Vec<CAA>, Error> {
        let records = self.lookup(name, RecordType::CAA).await?;
        Ok(records.into_iter().filter_map(authorization).collect())
    }

    /// Returns the addresses of a name that is no business of DNS: `localhost` (RFC 6761 §6.3) and,
    /// with the system's resolver, what the hosts file names.
    pub(crate) async fn known_here(&self, host: &str) -> Option<Vec<IpAddr>> {
        if host == "localhost" || host.ends_with(".localhost") {
            let six = IpAddr::V6(Ipv6Addr::LOCALHOST);
            return Some(vec![six, IpAddr::V4(Ipv4Addr::LOCALHOST)]);
        }
        let file = tokio::fs::read(self.hosts_file.as_ref()?).await.ok()?;
        let found = hosts::addresses(&String::from_utf8_lossy(&file), host);
        (!found.is_empty()).then_some(found)
    }

    /// Returns the records of one type at a name, or where its CNAMEs lead; empty if there are none.
    async fn lookup(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, Error> {
        let fail = |fault| Error::Lookup {
            name: name.to_owned(),
            record: label(kind),
            fault,
        };
        // The dot keeps search domains out of it.
        let Ok(mut owner) = Name::from_ascii(format!("{name}.")) else {
            return Ok(Vec::new());
        };
        let mut aliases = 0;
        loop {
            let Some(response) = self.ask(owner.clone(), kind).await.map_err(fail)? else {
                return Ok(Vec::new());
            };
            let end = follow(&response.answers, owner.clone(), &mut aliases).map_err(fail)?;
            let found = records_at(&response.answers, &end, kind);
            if !found.is_empty() || end == owner || response.response_code == ResponseCode::NXDomain
            {
                return Ok(found);
            }
            // The server did not chase the alias itself.
            owner = end;
        }
    }

    /// Asks once; `None` where the servers say that there is no such record.
    async fn ask(&self, name: Name, kind: RecordType) -> Result<Option<DnsResponse>, LookupFault> {
        let servers = self.servers.as_ref().ok_or(LookupFault::NoResolver)?;
        let answer = servers
            .lookup(Query::query(name, kind), DnsRequestOptions::default())
            .first_answer();
        // The pool checks its time between servers, not while one of them keeps silent.
        let bound = self.timeout.saturating_mul(ATTEMPTS);
        match tokio::time::timeout(bound, answer).await {
            Ok(Ok(response)) if is_answer(response.response_code) => Ok(Some(response)),
            Ok(Ok(_)) => Err(LookupFault::Unusable),
            Ok(Err(error)) => absence_or_fault(&error),
            Err(_elapsed) => Err(LookupFault::TimedOut),
        }
    }
}

/// Only NOERROR and NXDOMAIN say anything about records: every other code must not read as "none".
fn is_answer(code: ResponseCode) -> bool {
    matches!(code, ResponseCode::NoError | ResponseCode::NXDomain)
}

fn absence_or_fault(error: &NetError) -> Result<Option<DnsResponse>, LookupFault> {
    if let NetError::Dns(DnsError::NoRecordsFound(none)) = error
        && is_answer(none.response_code)
    {
        return Ok(None);
    }
    tracing::debug!(%error, "a DNS lookup failed");
    if let NetError::Dns(DnsError::ResponseCode(ResponseCode::ServFail)) = error {
        Err(LookupFault::ServerFailure)
    } else if let NetError::Dns(DnsError::ResponseCode(ResponseCode::Refused)) = error {
        Err(LookupFault::Refused)
    } else if let NetError::Timeout = error {
        Err(LookupFault::TimedOut)
    } else {
        Err(LookupFault::Unusable)
    }
}

/// Follows the CNAMEs of one answer from `owner`; the count runs over all answers of a lookup.
fn follow(answers: &[Record], owner: Name, aliases: &mut u8) -> Result<Name, LookupFault> {
    let mut end = owner;
    while let Some(target) = alias_of(answers, &end) {
        *aliases += 1;
        if *aliases > MAX_ALIASES {
            return Err(LookupFault::AliasChain);
        }
        end = target;
    }
    Ok(end)
}

fn alias_of(answers: &[Record], owner: &Name) -> Option<Name> {
    answers.iter().find_map(|record| {
        if let RData::CNAME(target) = &record.data
            && &record.name == owner
        {
            Some(target.0.clone())
        } else {
            None
        }
    })
}

fn records_at(answers: &[Record], owner: &Name, kind: RecordType) -> Vec<RData> {
    answers
        .iter()
        .filter(|record| &record.name == owner && record.record_type() == kind)
        .map(|record| record.data.clone())
        .collect()
}

fn text(data: &RData) -> Option<Vec<u8>> {
    if let RData::TXT(text) = data {
        Some(text.txt_data.concat())
    } else {
        None
    }
}

fn authorization(data: RData) -> Option<CAA> {
    if let RData::CAA(record) = data {
        Some(record)
    } else {
        None
    }
}

fn pool(
    servers: Vec<NameServerConfig>,
    timeout: Duration,
) -> Option<RetryDnsHandle<NameServerPool<TokioRuntimeProvider>>> {
    if servers.is_empty() {
        return None;
    }
    let mut options = ResolverOpts::default();
    options.timeout = timeout;
    options.max_active_requests = 1024;
    let context = PoolContext::new(options, TlsConfig::new().ok()?);
    let provider = TokioRuntimeProvider::default();
    let pool = NameServerPool::from_config(servers, Arc::new(context), provider);
    Some(RetryDnsHandle::new(pool, ATTEMPTS as usize - 1))
}

fn server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.to_vec())
}

fn system_servers() -> Vec<NameServerConfig> {
    match system_conf::read_system_conf() {
        Ok((config, _options)) => config.name_servers().to_vec(),
        Err(error) => {
            tracing::warn!(%error, "the system names no DNS server: only hosts it knows itself can be validated");
            Vec::new()
        }
    }
}

fn label(kind: RecordType) -> &'static str {
    kind.into()
}

const HOSTS_FILE: &str = "/etc/hosts";
const ATTEMPTS: u32 = 2;
const MAX_ALIASES: u8 = 8;
const MAX_ADDRESSES: usize = 64;
