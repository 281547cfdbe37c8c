//! Opening issuers: files, chain, key, and that they belong together.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use ca_issuance::{Issuer, IssuerError, IssuerParts};
use ca_keys::{KeyUri, SignerOptions, SigningKey};
use ca_pki::{Certificate, Timestamp};

use crate::config::{Config, IssuerSection};
use crate::error::Error;

/// Opens every configured issuer.
pub(super) async fn open_all(config: &Config, now: Timestamp) -> Result<Vec<Issuer>, Error> {
    let mut issuers = Vec::with_capacity(config.issuers.len());
    for section in &config.issuers {
        issuers.push(open(config, section, now).await?);
    }
    Ok(issuers)
}

/// Opens one issuer: reads its files, opens its key, checks that all belong together at `now`.
pub(crate) async fn open(
    config: &Config,
    section: &IssuerSection,
    now: Timestamp,
) -> Result<Issuer, Error> {
    let chain = read_chain(&config.path(&section.certificate))?;
    let root = read_root(&config.path(&section.root))?;
    let alternate_chains = section
        .alternate_certificates
        .iter()
        .map(|file| read_chain(&config.path(file)))
        .collect::<Result<Vec<_>, _>>()?;
    let key = open_key(config, section).await?;
    let pki = config.server.pki_url.as_str().trim_end_matches('/');
    let name = &section.name;
    Ok(Issuer::new(
        IssuerParts {
            name: name.clone(),
            chain,
            root,
            alternate_chains,
            key,
            crl_url: format!("{pki}/crl/{name}.crl"),
            ocsp_url: format!("{pki}/ocsp/{name}"),
            certificate_url: format!("{pki}/issuers/{name}.cer"),
            signing_deadline: section.signing_deadline.0,
        },
        now,
    )?)
}

/// Reads an issuer's own certificate; its key stays closed.
pub(crate) fn certificate(config: &Config, section: &IssuerSection) -> Result<Certificate, Error> {
    let mut chain = read_chain(&config.path(&section.certificate))?;
    if chain.is_empty() {
        return Err(Error::Issuer(IssuerError::NoCertificate(
            section.name.clone(),
        )));
    }
    Ok(chain.remove(0))
}

/// Opens the key on a thread of its own: tokens and key derivation block.
pub(crate) async fn open_key(
    config: &Config,
    section: &IssuerSection,
) -> Result<Arc<dyn SigningKey>, Error> {
    let failed = |source| Error::Key {
        issuer: section.name.clone(),
        source,
    };
    let uri = KeyUri::parse(&section.key, &config.base).map_err(failed)?;
    let options = SignerOptions {
        sessions: section.sessions.and_then(NonZeroUsize::new),
        queue: NonZeroUsize::new(section.queue).unwrap_or(NonZeroUsize::MIN),
        ..SignerOptions::default()
    };
    let opened = tokio::task::spawn_blocking(move || ca_keys::open(&uri, &options)).await;
    opened
        .map_err(|error| Error::Runtime(error.into()))?
        .map_err(failed)
}

fn read_root(file: &Path) -> Result<Certificate, Error> {
    let mut chain = read_chain(file)?;
    if chain.len() != 1 {
        return Err(Error::File {
            path: file.to_owned(),
            source: std::io::Error::other("the root's file must hold exactly one certificate"),
        });
    }
    Ok(chain.remove(0))
}

fn read_chain(file: &Path) -> Result<Vec<Certificate>, Error> {
    let text = std::fs::read_to_string(file).map_err(|source| Error::File {
        path: file.to_owned(),
        source,
    })?;
    Certificate::parse_pem_chain(&text).map_err(|source| Error::CertificateFile {
        file: file.to_owned(),
        source,
    })
}
