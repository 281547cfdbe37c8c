//! Profiles and directories: the configured ones, and those that the server needs for itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ca_acme::directory::Directory;
use ca_issuance::profile::{Holder, IdentifierKind, Pointer, Profile, RevocationRule, SubjectRule};
use ca_issuance::respond::responder_profile;
use ca_issuance::{Issuer, Policy};
use ca_pki::KeyAlgorithm;
use ca_pki::certificate::ExtendedKeyUsage;

use crate::config::{Config, ConfigError};
use crate::error::Error;
use crate::tls;

/// Collects configured and internal profiles.
pub(super) fn policy(config: &Config, issuers: &[Issuer]) -> Result<Policy, Error> {
    let mut profiles = Vec::new();
    for section in &config.profiles {
        profiles.push(section.to_profile().map_err(ConfigError::Faults)?);
    }
    profiles.push(server_tls(config)?);
    for issuer in issuers {
        profiles.push(responder_profile(issuer.name()).map_err(|source| {
            Error::CertificateFile {
                file: config.base.join(issuer.name()),
                source,
            }
        })?);
    }
    Ok(Policy::new(profiles))
}

/// Returns the directories as ca-acme knows them.
pub(super) fn directories(config: &Config) -> Result<Vec<Directory>, Error> {
    let descriptions: BTreeMap<String, String> = config
        .profiles
        .iter()
        .map(|profile| (profile.name.clone(), profile.description.clone()))
        .collect();
    config
        .acme
        .iter()
        .map(|section| {
            section
                .to_directory(&descriptions, &config.validation.caa_identities)
                .map_err(|faults| Error::Config(ConfigError::Faults(faults)))
        })
        .collect()
}

/// The profile of the server's own certificate.
fn server_tls(config: &Config) -> Result<Profile, Error> {
    let first = config.issuers.first().map(|issuer| issuer.name.clone());
    let issuer = config
        .server
        .tls_issuer
        .clone()
        .or(first)
        .unwrap_or_default();
    if !config.issuers.iter().any(|section| section.name == issuer) {
        let fault = format!("server.tls_issuer: there is no [[issuer]] {issuer:?}");
        return Err(Error::Config(ConfigError::Faults(vec![fault])));
    }
    Ok(Profile {
        name: tls::PROFILE.to_owned(),
        description: "the server's own certificate".to_owned(),
        issuer,
        lifetime: DAY,
        max_lifetime: DAY,
        backdate: Duration::from_secs(60),
        keys: BTreeSet::from([KeyAlgorithm::EcP256]),
        extended_key_usage: vec![ExtendedKeyUsage::ServerAuth],
        identifiers: BTreeSet::from([IdentifierKind::Dns, IdentifierKind::Ip]),
        subject: SubjectRule::Empty,
        revocation: RevocationRule::Published {
            crl: Pointer::Included,
            ocsp: Pointer::Included,
        },
        holder: Holder::EndEntity,
    })
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
