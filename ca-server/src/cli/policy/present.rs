//! What decides at present: the configuration, and the grants made over the API.

use std::collections::BTreeMap;
use std::sync::Arc;

use ca_identity::IdentityStore;
use ca_identity::grant::{self, Grant, Uses};
use ca_identity::operator::OperatorRule;
use ca_issuance::entitlement::EntitlementClaim;
use ca_issuance::policy::{Preview, PreviewKey};
use ca_issuance::{Clock, Policy, world::SystemClock};
use ca_pki::{Certificate, Timestamp};
use ca_store::Store;

use crate::app::{issuer_certificate, rules};
use crate::config::{Config, ConfigError};
use crate::error::Error;

/// What decides. No key is opened for it.
pub(super) struct Present {
    pub(super) config: Config,
    /// In the order in which they are looked at.
    pub(super) grants: Vec<Arc<Grant>>,
    pub(super) uses: Uses,
    pub(super) operators: Vec<OperatorRule>,
    pub(super) now: Timestamp,
    policy: Policy,
    issuers: BTreeMap<String, Certificate>,
}

impl Present {
    /// Collects what the configuration says. Issuers whose certificate does not read are left
    /// out, so that a configuration can be tried where nothing else of the server is.
    pub(super) fn of(config: Config) -> Result<Self, Error> {
        let mut profiles = Vec::new();
        for section in &config.profiles {
            profiles.push(section.to_profile().map_err(ConfigError::Faults)?);
        }
        let issuers = config.issuers.iter().filter_map(|section| {
            let certificate = issuer_certificate(&config, section).ok()?;
            Some((section.name.clone(), certificate))
        });
        Ok(Self {
            issuers: issuers.collect(),
            grants: rules::grants(&config)?,
            uses: Uses::new(),
            operators: rules::operators(&config)?,
            now: SystemClock.now(),
            policy: Policy::new(profiles),
            config,
        })
    }

    /// Adds what the store knows: grants made over the API, and how often each was used.
    pub(super) async fn with_store(mut self, store: &Store) -> Result<Self, Error> {
        let failed = |error| Error::Store(Box::new(error));
        let made = store.grants(self.now).await.map_err(failed)?;
        self.grants = grant::joined(&self.grants, made);
        self.uses = store.grant_uses().await.map_err(failed)?;
        Ok(self)
    }

    /// Says what profile and issuer would say to a claim; `None` if the issuer's certificate is
    /// not at hand.
    pub(super) fn preview(&self, claim: &EntitlementClaim, key: PreviewKey<'_>) -> Option<Preview> {
        let issuer = match self.policy.profile(&claim.profile) {
            Some(profile) => self.issuers.get(&profile.issuer)?,
            // What is missing is the profile, whichever issuer.
            None => self.issuers.values().next()?,
        };
        Some(self.policy.preview(claim, key, issuer, self.now))
    }

    /// Returns a profile.
    pub(super) fn profile(&self, name: &str) -> Option<&ca_issuance::Profile> {
        self.policy.profile(name).map(Arc::as_ref)
    }
}
