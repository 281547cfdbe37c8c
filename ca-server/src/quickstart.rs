//! `quickstart`: a whole CA in a folder, for a first look and for development.
//!
//! Root and intermediate come from the same templates as the offline ceremonies. What makes this
//! unfit for production is said out loud: the root's key is online, in a file.

mod administrator;
mod hierarchy;
mod staging;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use ca_issuance::Clock;
use ca_issuance::world::SystemClock;
use ca_pki::{Certificate, hex};

use crate::config::Config;
use crate::error::Error;
use crate::files::{self, Mode};
use crate::quickstart::hierarchy::Hierarchy;
use crate::quickstart::staging::Staging;
use crate::storage;

/// The addresses given on the command line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Addresses {
    /// `--public`
    pub(crate) public: Option<SocketAddr>,
    /// `--pki`
    pub(crate) pki: Option<SocketAddr>,
    /// `--ops`
    pub(crate) ops: Option<SocketAddr>,
}

/// A prepared folder.
#[derive(Debug)]
pub(crate) struct Quickstart {
    folder: PathBuf,
}

impl Quickstart {
    /// Makes the CA in `folder` unless one is there; then the addresses must be the same.
    ///
    /// The configuration file is put in place last: a crash before that leaves a folder that the
    /// next run fills anew, so that half a CA is never served.
    pub(crate) fn prepare(folder: &Path, addresses: Addresses) -> Result<Self, Error> {
        let quickstart = Self {
            folder: folder.to_owned(),
        };
        if quickstart.config_file().exists() {
            let config = Config::load(&quickstart.config_file())?;
            quickstart.refuse_other_addresses(&config, addresses)?;
            hierarchy::renew_root_crl(folder, SystemClock.now())?;
            return Ok(quickstart);
        }
        let staging = Staging::begin(folder)?;
        let settled = Settled::from(addresses)?;
        Hierarchy::make(SystemClock.now(), &settled.pki_url())?.write(&staging)?;
        staging.write("admin-token", &administrator::draw()?, Mode::Secret)?;
        staging.write("ca-server.toml", &settled.configuration(), Mode::Public)?;
        staging.finish(&[
            "root.key",
            "root.pem",
            "root.crl",
            "tls.key",
            "tls.pem",
            "audit.key",
            "admin-token",
            "ca-server.toml",
        ])?;
        Ok(quickstart)
    }

    /// Returns where the configuration is.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.folder.join("ca-server.toml")
    }

    /// Brings the database to this version's schema and makes it know the admin token; only
    /// quickstart does so unasked.
    pub(crate) async fn migrate(&self, config: &Config) -> Result<(), Error> {
        let store = storage::connect(config).await?;
        let ready = match store.migrate().await {
            Ok(_applied) => administrator::admit(&self.admin_token_file(), &store).await,
            Err(error) => Err(Error::Store(Box::new(error))),
        };
        store.close().await;
        ready
    }

    fn admin_token_file(&self) -> PathBuf {
        self.folder.join("admin-token")
    }

    /// Returns what a user needs to know next.
    pub(crate) fn greeting(&self, config: &Config) -> Result<String, Error> {
        let root_file = self.folder.join("root.pem");
        let pem = files::read(&root_file)?;
        let chain =
            Certificate::parse_pem_chain(&pem).map_err(|source| Error::CertificateFile {
                file: root_file.clone(),
                source,
            })?;
        let fingerprint = chain.first().map(Certificate::fingerprint_sha256);
        let base = config.server.external_url.as_str().trim_end_matches('/');
        Ok(GREETING
            .replace("{directory}", &format!("{base}/acme/default/directory"))
            .replace("{root}", &root_file.display().to_string())
            .replace("{base}", base)
            .replace("{token}", &self.admin_token_file().display().to_string())
            .replace(
                "{fingerprint}",
                &hex::with_colons(&fingerprint.unwrap_or_default()),
            )
            .replace("{pki}", config.server.pki_url.as_str())
            .replace("{ops}", &config.listen.ops.to_string())
            .replace("{config}", &self.config_file().display().to_string()))
    }

    fn refuse_other_addresses(&self, config: &Config, asked: Addresses) -> Result<(), Error> {
        let pairs = [
            ("--public", asked.public, config.listen.public),
            ("--pki", asked.pki, config.listen.pki),
            ("--ops", asked.ops, config.listen.ops),
        ];
        for (flag, asked, configured) in pairs {
            if asked.is_some_and(|asked| asked.port() != 0 && asked != configured) {
                return Err(Error::Quickstart(format!(
                    "{} says {configured}: leave {flag} out, or edit that file (URLs in it and in \
                     issued certificates name the address)",
                    self.config_file().display()
                )));
            }
        }
        Ok(())
    }
}

/// Addresses with every port known.
struct Settled {
    public: SocketAddr,
    pki: SocketAddr,
    ops: SocketAddr,
}

impl Settled {
    fn from(addresses: Addresses) -> Result<Self, Error> {
        Ok(Self {
            public: settle_port("public", addresses.public.unwrap_or(PUBLIC))?,
            pki: settle_port("pki", addresses.pki.unwrap_or(PKI))?,
            ops: settle_port("ops", addresses.ops.unwrap_or(OPS))?,
        })
    }

    /// An address, not `localhost`: a relying party may take that for `::1`, where nobody listens.
    fn pki_url(&self) -> String {
        let ip = match self.pki.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
        };
        format!("http://{}", SocketAddr::new(ip, self.pki.port()))
    }

    fn configuration(&self) -> String {
        let external_url = format!("https://{}:{}", host(self.public), self.public.port());
        CONFIGURATION
            .replace("{external_url}", &external_url)
            .replace("{pki_url}", &self.pki_url())
            .replace("{public}", &self.public.to_string())
            .replace("{pki}", &self.pki.to_string())
            .replace("{ops}", &self.ops.to_string())
    }
}

/// Clients on this machine say localhost, whichever loopback or wildcard address is bound.
fn host(address: SocketAddr) -> String {
    match address.ip() {
        ip if ip.is_loopback() || ip.is_unspecified() => "localhost".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Replaces port 0 by one that is free now, so that it can be written down.
fn settle_port(listener: &'static str, address: SocketAddr) -> Result<SocketAddr, Error> {
    if address.port() != 0 {
        return Ok(address);
    }
    TcpListener::bind(address)
        .and_then(|socket| socket.local_addr())
        .map_err(|source| Error::Listen {
            listener,
            address,
            source,
        })
}

const PUBLIC: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);
const PKI: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
const OPS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9090);

const CONFIGURATION: &str = include_str!("quickstart/ca-server.toml");

const GREETING: &str = "\
This CA is for trying things out: its root key is online, in a file beside the rest.

  ACME directory    {directory}
  root certificate  {root}
      SHA-256       {fingerprint}
  CRL and OCSP      {pki}
  health, metrics   http://{ops}/readyz  http://{ops}/metrics
  configuration     {config}
  admin token       {token}
      opens the API until it is revoked: ca-server token revoke

A first certificate, with port 80 free for the challenge:

  REQUESTS_CA_BUNDLE={root} certbot certonly --standalone \\
    --server {directory} \\
    --agree-tos --register-unsafely-without-email -d first.localhost

The API, as its administrator:

  curl --cacert {root} -H \"Authorization: Bearer $(cat {token})\" {base}/api/v1/whoami
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_relying_parties_at_an_address_that_is_bound() {
        let cases = [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("[::]:8080", "http://[::1]:8080"),
            ("192.0.2.7:8080", "http://192.0.2.7:8080"),
        ];

        for (bound, expected) in cases {
            let settled = Settled {
                public: PUBLIC,
                pki: bound.parse().expect("an address"),
                ops: OPS,
            };

            assert_eq!(settled.pki_url(), expected);
        }
    }
}
