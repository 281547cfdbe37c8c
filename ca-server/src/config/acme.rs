//! `[[acme]]`

use std::collections::{BTreeMap, BTreeSet};

use ca_acme::authorization::ChallengeKind;
use ca_acme::directory::{Directory, ExternalAccountRule};
use ca_issuance::pattern::{Pattern, Scope, Wildcards};
use serde::{Deserialize, Serialize};

use super::{ProfileSection, Span};

/// One ACME directory.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AcmeSection {
    /// Its name in URLs: `/acme/{name}/directory`.
    pub name: String,
    /// Which `[[profile]]`s may be ordered.
    pub profiles: Vec<String>,
    /// The profile of orders that name none.
    pub default_profile: String,
    /// Whether accounts need an external binding.
    #[serde(default)]
    pub external_account: ExternalAccountSetting,
    /// Which challenges are offered. None at all: what grants give can be had and nothing else,
    /// by accounts bound to whoever has the grants.
    #[serde(default = "every_challenge")]
    pub challenges: Vec<String>,
    /// Which names may be ordered: patterns such as `dns:**.example.internal`, `ip:10.0.0.0/8`.
    pub allow: Vec<String>,
    /// Which names may not; wins over `allow`.
    #[serde(default)]
    pub deny: Vec<String>,
    /// Whether wildcard names may be ordered where `allow` covers every name below them.
    #[serde(default)]
    pub wildcards: bool,
    /// A URL that account holders must agree to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_of_service: Option<String>,
    /// A URL with more for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// How long an order and its pending authorizations live.
    #[serde(default = "one_day")]
    pub order_lifetime: Span,
    /// How long a proven authorization may be used again.
    #[serde(default = "eight_hours")]
    pub authorization_lifetime: Span,
}

/// Whether accounts need an external binding.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum ExternalAccountSetting {
    /// Accounts without one are refused.
    Required,
    /// Checked where sent.
    #[default]
    Optional,
    /// Ignored.
    Off,
}

impl AcmeSection {
    /// Converts to the form that ca-acme works with; `Err` lists what is wrong.
    pub fn to_directory(
        &self,
        descriptions: &BTreeMap<String, String>,
        caa_identities: &[String],
    ) -> Result<Directory, Vec<String>> {
        let mut faults = Vec::new();
        let scope = self.scope(&mut faults);
        let challenges = self.challenge_kinds(&mut faults);
        if !faults.is_empty() {
            return Err(self.named(faults));
        }
        let described = |name: &String| {
            let description = descriptions.get(name).filter(|text| !text.is_empty());
            (name.clone(), description.unwrap_or(name).clone())
        };
        Ok(Directory {
            name: self.name.clone(),
            profiles: self.profiles.iter().map(described).collect(),
            default_profile: self.default_profile.clone(),
            external_account: match self.external_account {
                ExternalAccountSetting::Required => ExternalAccountRule::Required,
                ExternalAccountSetting::Optional => ExternalAccountRule::Optional,
                ExternalAccountSetting::Off => ExternalAccountRule::Off,
            },
            challenges,
            scope,
            terms_of_service: self.terms_of_service.clone(),
            website: self.website.clone(),
            caa_identities: caa_identities.to_vec(),
            order_lifetime: self.order_lifetime.0,
            authorization_lifetime: self.authorization_lifetime.0,
        })
    }

    fn scope(&self, faults: &mut Vec<String>) -> Scope {
        let mut parse = |texts: &[String]| -> Vec<Pattern> {
            let mut patterns = Vec::new();
            for text in texts {
                match text.parse() {
                    Ok(pattern) => patterns.push(pattern),
                    Err(error) => faults.push(format!("{error}")),
                }
            }
            patterns
        };
        Scope {
            allow: parse(&self.allow),
            deny: parse(&self.deny),
            wildcards: if self.wildcards {
                Wildcards::Allowed
            } else {
                Wildcards::Refused
            },
        }
    }

    fn challenge_kinds(&self, faults: &mut Vec<String>) -> BTreeSet<ChallengeKind> {
        let mut kinds = BTreeSet::new();
        for name in &self.challenges {
            match ChallengeKind::parse(name) {
                Some(kind) => {
                    kinds.insert(kind);
                }
                None => faults.push(format!(
                    "challenge {name:?} is not one of http-01, dns-01, tls-alpn-01"
                )),
            }
        }
        if kinds.is_empty() && self.external_account == ExternalAccountSetting::Off {
            let fault = "without challenges and with external_account = \"off\" nothing can be had";
            faults.push(fault.to_owned());
        }
        kinds
    }

    pub(super) fn faults(&self, profiles: &[ProfileSection]) -> Vec<String> {
        let mut faults = Vec::new();
        for name in &self.profiles {
            match profiles.iter().find(|profile| profile.name == *name) {
                None => faults.push(format!("there is no [[profile]] {name:?}")),
                Some(profile) if !profile.can_be_ordered() => faults.push(format!(
                    "profile {name:?} has neither dns nor ip names: ACME can prove no others"
                )),
                Some(_) => {}
            }
        }
        if !self.profiles.contains(&self.default_profile) {
            faults.push(format!(
                "default_profile {:?} is not one of its profiles",
                self.default_profile
            ));
        }
        let orders = Span::minutes(1)..=Span::hours(24 * 7);
        if !orders.contains(&self.order_lifetime) || !orders.contains(&self.authorization_lifetime)
        {
            faults.push("order_lifetime and authorization_lifetime must be 1m to 7d".to_owned());
        }
        let mut faults = self.named(faults);
        if let Err(more) = self.to_directory(&BTreeMap::new(), &[]) {
            faults.extend(more);
        }
        faults
    }

    fn named(&self, faults: Vec<String>) -> Vec<String> {
        faults
            .into_iter()
            .map(|fault| format!("acme {}: {fault}", self.name))
            .collect()
    }
}

fn every_challenge() -> Vec<String> {
    ["http-01", "dns-01", "tls-alpn-01"]
        .map(str::to_owned)
        .to_vec()
}

const fn one_day() -> Span {
    Span::hours(24)
}

const fn eight_hours() -> Span {
    Span::hours(8)
}
