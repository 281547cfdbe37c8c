//! Opening issuers: files, chain, key, and that they belong together.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use ca_issuance::{Issuer, IssuerError, IssuerParts};
use ca_keys::{KeyError, KeyUri, SignerOptions, SigningKey};
use ca_pki::{Certificate, PublicKey, Timestamp};

use crate::config::{Config, IssuerSection};
use crate::error::Error;

/// What becomes of a start whose token is away, hangs or refuses the PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// It ends: nothing was ever served, or a command needs the key.
    Refused,
    /// It goes on, and so does everything that needs no signature.
    Awaited,
}

/// Opens every configured issuer.
pub(super) async fn open_all(
    config: &Config,
    now: Timestamp,
    absence: Absence,
) -> Result<Vec<Issuer>, Error> {
    let mut issuers = Vec::with_capacity(config.issuers.len());
    for section in &config.issuers {
        issuers.push(open(config, section, now, absence).await?);
    }
    Ok(issuers)
}

/// Opens one issuer: reads its files, opens its key, checks that all belong together at `now`.
pub(crate) async fn open(
    config: &Config,
    section: &IssuerSection,
    now: Timestamp,
    absence: Absence,
) -> Result<Issuer, Error> {
    let chain = read_chain(&config.path(&section.certificate))?;
    let root = read_root(&config.path(&section.root))?;
    let alternate_chains = section
        .alternate_certificates
        .iter()
        .map(|file| read_chain(&config.path(file)))
        .collect::<Result<Vec<_>, _>>()?;
    let key = match (absence, chain.first()) {
        (Absence::Awaited, Some(certificate)) => {
            await_key(config, section, certificate.public_key()).await?
        }
        (Absence::Awaited | Absence::Refused, _) => open_key(config, section).await?,
    };
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
    let (uri, options) = signer(config, section)?;
    let opened = tokio::task::spawn_blocking(move || ca_keys::open(&uri, &options)).await;
    opened
        .map_err(|error| Error::Runtime(error.into()))?
        .map_err(|source| unusable(section, source))
}

/// Opens the key, or goes on without: its pool looks for it again and again.
async fn await_key(
    config: &Config,
    section: &IssuerSection,
    public: &PublicKey,
) -> Result<Arc<dyn SigningKey>, Error> {
    let (uri, options) = signer(config, section)?;
    let public = public.clone();
    let opening = move || ca_keys::open_expecting(&uri, &public, &options);
    let opened = tokio::task::spawn_blocking(opening).await;
    let (key, away) = opened
        .map_err(|error| Error::Runtime(error.into()))?
        .map_err(|source| unusable(section, source))?;
    if let Some(reason) = away {
        let issuer = &section.name;
        tracing::error!(issuer, %reason, "the key cannot be used now: serving without it");
    }
    Ok(key)
}

fn signer(config: &Config, section: &IssuerSection) -> Result<(KeyUri, SignerOptions), Error> {
    let uri = KeyUri::parse(&section.key, &config.base);
    let options = SignerOptions {
        sessions: section.sessions.and_then(NonZeroUsize::new),
        queue: NonZeroUsize::new(section.queue).unwrap_or(NonZeroUsize::MIN),
        patience: section.signing_deadline.0,
        ..SignerOptions::default()
    };
    Ok((uri.map_err(|source| unusable(section, source))?, options))
}

fn unusable(section: &IssuerSection, source: KeyError) -> Error {
    Error::Key {
        issuer: section.name.clone(),
        source,
    }
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
