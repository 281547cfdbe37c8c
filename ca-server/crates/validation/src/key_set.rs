//! Key sets (RFC 7517 §5) of OpenID Connect issuers, from the URL that the configuration gives.

use std::time::Duration;

use async_trait::async_trait;
use ca_identity::oidc::{KeySource, KeysUnavailable};
use ipnet::IpNet;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::time::timeout;
use url::Url;

use crate::Settings;
use crate::dial::Dialler;
use crate::digest::sha256;
use crate::error::Error;
use crate::http::exchange::{Exchange, Purpose, Reply};
use crate::tls;

/// Reads a key set over HTTPS, by the egress rules; follows no redirect and keeps no connection.
pub struct JwksFetcher {
    url: Url,
    name: String,
    dialler: Dialler,
    exchange: Exchange,
    deadline: Duration,
}

/// Why a key set cannot be fetched as configured.
#[derive(Debug, thiserror::Error)]
pub enum JwksFetcherFault {
    /// Not a place that speaks HTTPS.
    #[error("the key set's URL is not an https URL with a host")]
    Url,
    /// Roots that do not read, or none.
    #[error("the roots for the key set's URL are not certificates in PEM")]
    Roots,
}

impl JwksFetcher {
    /// Fetches `url` from a server whose certificate chains to `roots`, in PEM, or else to one of
    /// the public roots. It may be dialled in `networks` as well as in those of the settings.
    pub fn new(
        settings: &Settings,
        url: Url,
        roots: Option<&[u8]>,
        networks: &[IpNet],
    ) -> Result<Self, JwksFetcherFault> {
        if url.scheme() != "https" || !url.has_host() {
            return Err(JwksFetcherFault::Url);
        }
        let name = source_name(&url, roots, networks);
        let client =
            tls::verifying_client(trusted(roots)?).map_err(|_no_roots| JwksFetcherFault::Roots)?;
        let mut settings = settings.clone();
        settings.allow_networks.extend(networks);
        Ok(Self {
            url,
            name,
            dialler: Dialler::new(&settings),
            exchange: Exchange::new(Purpose::KeySet, client),
            deadline: settings.key_set_deadline,
        })
    }

    async fn get(&self) -> Result<String, KeysUnavailable> {
        let reply = timeout(self.deadline, self.exchange.get(&self.dialler, &self.url))
            .await
            .map_err(|_elapsed| unavailable("no whole answer in time"))?
            .map_err(|error| failed(&error))?;
        match reply {
            Reply::Body(body) => {
                String::from_utf8(body).map_err(|_| unavailable("the answer is not UTF-8"))
            }
            // The configuration names the one place that is trusted to say the keys.
            Reply::Redirect(_) => Err(unavailable(
                "it was answered with a redirect: name the place itself in jwks_url",
            )),
        }
    }
}

#[async_trait]
impl KeySource for JwksFetcher {
    async fn fetch(&self) -> Result<String, KeysUnavailable> {
        self.get().await
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

fn trusted(roots: Option<&[u8]>) -> Result<RootCertStore, JwksFetcherFault> {
    let mut store = RootCertStore::empty();
    let Some(pem) = roots else {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(store);
    };
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| JwksFetcherFault::Roots)?;
        store
            .add(certificate)
            .map_err(|_| JwksFetcherFault::Roots)?;
    }
    Ok(store)
}

/// Other roots may let in another server with other keys; and where a reload takes networks away,
/// what was made for them must not dial on.
fn source_name(url: &Url, roots: Option<&[u8]>, networks: &[IpNet]) -> String {
    let mut name = url.to_string();
    if let Some(pem) = roots {
        name = format!("{name} ({})", fingerprint(pem));
    }
    if !networks.is_empty() {
        let networks: Vec<String> = networks.iter().map(IpNet::to_string).collect();
        name = format!("{name} also in {}", networks.join(", "));
    }
    name
}

fn fingerprint(pem: &[u8]) -> String {
    let digest = sha256(pem);
    let start = digest.iter().take(8);
    start.map(|octet| format!("{octet:02x}")).collect()
}

fn failed(error: &Error) -> KeysUnavailable {
    let elsewhere = if matches!(error, Error::Forbidden { .. }) {
        ", or for this key set alone in jwks_networks"
    } else {
        ""
    };
    KeysUnavailable(format!("{error}{elsewhere}"))
}

fn unavailable(reason: &str) -> KeysUnavailable {
    KeysUnavailable(reason.to_owned())
}
