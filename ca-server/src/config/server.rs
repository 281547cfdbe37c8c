//! `[server]`

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use ca_pki::Identifier;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::IssuerSection;

/// Who this server is to its clients.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSection {
    /// ACME and API URLs are built from this, never from a request's Host header.
    pub external_url: Url,
    /// Put into CRL distribution points and authority information access; plain HTTP.
    pub pki_url: Url,
    /// Names and addresses of the server's own certificate beside the external URL's host.
    #[serde(default)]
    pub tls_names: Vec<String>,
    /// The issuer of the server's own certificate; the first one if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_issuer: Option<String>,
    /// Where the server keeps its own key and certificate, so that it can start while the signer
    /// is away; kept nowhere if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_file: Option<PathBuf>,
}

impl ServerSection {
    /// Returns what the server's own certificate is for: the external URL's host and what
    /// `tls_names` adds. `Err` lists what is wrong.
    pub fn names(&self) -> Result<BTreeSet<Identifier>, Vec<String>> {
        let host = match self.external_url.host() {
            Some(Host::Domain(name)) => Some(name.to_owned()),
            Some(Host::Ipv4(address)) => Some(address.to_string()),
            Some(Host::Ipv6(address)) => Some(address.to_string()),
            None => None,
        };
        let host = host.iter().map(|name| ("external_url", name));
        let added = self.tls_names.iter().map(|name| ("tls_names", name));
        let mut names = BTreeSet::new();
        let mut faults = Vec::new();
        for (key, name) in host.chain(added) {
            let is_address = name.parse::<IpAddr>().is_ok();
            match Identifier::parse(if is_address { "ip" } else { "dns" }, name) {
                Ok(identifier) => drop(names.insert(identifier)),
                Err(error) => faults.push(format!("server.{key}: {error}")),
            }
        }
        if faults.is_empty() {
            Ok(names)
        } else {
            Err(faults)
        }
    }

    /// Returns the name of the issuer of the server's own certificate; `Err` says what is wrong.
    pub fn issuer<'a>(&'a self, issuers: &'a [IssuerSection]) -> Result<&'a str, String> {
        let first = issuers.first().map(|issuer| issuer.name.as_str());
        let name = self.tls_issuer.as_deref().or(first).unwrap_or_default();
        match issuers.iter().any(|issuer| issuer.name == name) {
            true => Ok(name),
            false => Err(format!(
                "server.tls_issuer: there is no [[issuer]] {name:?}"
            )),
        }
    }

    pub(super) fn faults(&self, issuers: &[IssuerSection]) -> Vec<String> {
        let mut faults = Vec::new();
        if self.external_url.scheme() != "https" || !is_bare(&self.external_url) {
            faults.push(format!(
                "server.external_url {} must be https://host[:port] and nothing after it",
                self.external_url
            ));
        }
        if self.pki_url.scheme() != "http" || !is_bare(&self.pki_url) {
            faults.push(format!(
                "server.pki_url {} must be http://host[:port] and nothing after it: \
                 revocation data must be plain HTTP",
                self.pki_url
            ));
        }
        faults.extend(self.names().err().unwrap_or_default());
        // No issuer at all is a fault of its own.
        if !issuers.is_empty() {
            faults.extend(self.issuer(issuers).err());
        }
        faults
    }
}

fn is_bare(url: &Url) -> bool {
    url.host().is_some()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}
