//! `[server]`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

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
    pub(super) fn faults(&self) -> Vec<String> {
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
