//! Profiles and directories: the configured ones, and those that the server needs for itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ca_acme::directory::Directory;
use ca_issuance::profile::{
    CiClaims, Holder, IdentifierKind, Pointer, Profile, RevocationRule, SubjectRule,
};
use ca_issuance::respond::responder_profile;
use ca_issuance::{Issuer, Policy};
use ca_pki::certificate::ExtendedKeyUsage;
use ca_pki::{Certificate, KeyAlgorithm};

use crate::config::{Config, ConfigError};
use crate::error::Error;
use crate::tls;

/// Collects configured and internal profiles.
pub(super) fn policy(config: &Config, issuers: &[Issuer]) -> Result<Policy, Error> {
    let mut profiles = Vec::new();
    let mut faults = Vec::new();
    for section in &config.profiles {
        let profile = section.to_profile().map_err(ConfigError::Faults)?;
        let issuer = issuers
            .iter()
            .find(|issuer| issuer.name() == profile.issuer);
        faults.extend(issuer.and_then(|issuer| uncovered(&profile, issuer.certificate())));
        profiles.push(profile);
    }
    if !faults.is_empty() {
        return Err(Error::Config(ConfigError::Faults(faults)));
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

/// Says which of a profile's purposes its issuer's certificate does not allow: relying parties
/// would refuse every certificate (RFC 5280 §4.2.1.12 as it is practised for CAs).
pub(crate) fn uncovered(profile: &Profile, issuer: &Certificate) -> Option<String> {
    let allowed = &issuer.extensions().extended_key_usage;
    let missing: Vec<String> = profile
        .extended_key_usage
        .iter()
        .filter(|purpose| !allowed.is_empty() && !allowed.contains(purpose))
        .map(ToString::to_string)
        .collect();
    (!missing.is_empty()).then(|| {
        format!(
            "profile {}: the certificate of issuer {} does not allow {}",
            profile.name,
            profile.issuer,
            missing.join(", ")
        )
    })
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
    let issuer = config.server.issuer(&config.issuers);
    let issuer = issuer.map_err(|fault| ConfigError::Faults(vec![fault]))?;
    Ok(Profile {
        name: tls::PROFILE.to_owned(),
        description: "the server's own certificate".to_owned(),
        issuer: issuer.to_owned(),
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
        ci_claims: CiClaims::LeftOut,
        holder: Holder::EndEntity,
    })
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};

    use super::*;

    fn authority(purposes: Vec<ExtendedKeyUsagePurpose>) -> Certificate {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.extended_key_usages = purposes;
        let key = KeyPair::generate().unwrap();
        Certificate::parse(params.self_signed(&key).unwrap().der()).unwrap()
    }

    fn profile(purposes: Vec<ExtendedKeyUsage>) -> Profile {
        Profile {
            name: "mtls".to_owned(),
            extended_key_usage: purposes,
            ..responder_profile("tls").unwrap()
        }
    }

    #[test]
    fn names_the_purposes_that_the_issuer_does_not_allow() {
        let both = profile(vec![
            ExtendedKeyUsage::ServerAuth,
            ExtendedKeyUsage::ClientAuth,
        ]);
        let servers_only = authority(vec![ExtendedKeyUsagePurpose::ServerAuth]);

        let fault = uncovered(&both, &servers_only).unwrap();

        assert!(fault.contains("mtls"), "{fault}");
        assert!(fault.ends_with("does not allow clientAuth"), "{fault}");
    }

    #[test]
    fn takes_what_the_issuer_allows() {
        let server = profile(vec![ExtendedKeyUsage::ServerAuth]);

        for purposes in [vec![], vec![ExtendedKeyUsagePurpose::ServerAuth]] {
            assert_eq!(uncovered(&server, &authority(purposes)), None);
        }
    }
}
