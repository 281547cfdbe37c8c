//! `[[profile]]`

use std::collections::BTreeSet;

use ca_issuance::profile::{
    CiClaims, Holder, IdentifierKind, Pointer, Profile, RevocationRule, SubjectRule,
};
use ca_pki::KeyAlgorithm;
use ca_pki::certificate::ExtendedKeyUsage;
use serde::{Deserialize, Serialize};

use super::Span;
use crate::tls;

/// One kind of certificate.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileSection {
    /// Its name in orders and requests.
    pub name: String,
    /// For people; shown in ACME directories.
    #[serde(default)]
    pub description: String,
    /// Which `[[issuer]]` signs.
    pub issuer: String,
    /// notAfter - notBefore where nothing else is asked for, backdating included. At most 24h.
    #[serde(default = "one_day")]
    pub lifetime: Span,
    /// The most that may be asked for; `lifetime` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lifetime: Option<Span>,
    /// How far notBefore lies in the past, for clocks that are behind.
    #[serde(default = "one_minute")]
    pub backdate: Span,
    /// Kinds of keys: ec-p256, ec-p384, ec-p521, ed25519, rsa-2048, rsa-3072, rsa-4096.
    #[serde(default = "default_keys")]
    pub keys: Vec<String>,
    /// Purposes: serverAuth, clientAuth, or dotted object identifiers.
    pub extended_key_usage: Vec<String>,
    /// Types of names: dns, ip, uri, email.
    pub identifiers: Vec<String>,
    /// What the subject holds.
    #[serde(default)]
    pub subject: SubjectSetting,
    /// Whether it says what a CI system says of the job that asks, in the certificate extensions
    /// of Sigstore's Fulcio (1.3.6.1.4.1.57264.1.8 to .24).
    #[serde(default)]
    pub ci_claims: bool,
    /// Which pointers to revocation data: crl, ocsp; or "none-needed" (RFC 9608).
    #[serde(default)]
    pub revocation: RevocationSetting,
}

/// What the subject field holds.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectSetting {
    /// Nothing.
    #[default]
    Empty,
    /// The first DNS name as common name.
    FirstDnsName,
    /// Organizations and common name as the `[[grant]]` says: groups and user for kubectl. There
    /// may be no names then, where the profile is not for servers.
    Grant,
}

/// `["crl", "ocsp"]` or `"none-needed"`.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum RevocationSetting {
    /// Some of `crl`, `ocsp`.
    Pointers(Vec<String>),
    /// `none-needed`.
    Word(String),
}

impl Default for RevocationSetting {
    fn default() -> Self {
        Self::Pointers(vec!["crl".to_owned(), "ocsp".to_owned()])
    }
}

impl ProfileSection {
    /// Converts to the corridor's form; `Err` lists what is wrong.
    pub fn to_profile(&self) -> Result<Profile, Vec<String>> {
        let mut faults = Vec::new();
        let keys: BTreeSet<KeyAlgorithm> =
            parse_each(&self.keys, "key", |text| text.parse().ok(), &mut faults);
        let extended_key_usage: Vec<ExtendedKeyUsage> = parse_each(
            &self.extended_key_usage,
            "extended key usage",
            ExtendedKeyUsage::parse,
            &mut faults,
        );
        let identifiers: BTreeSet<IdentifierKind> = parse_each(
            &self.identifiers,
            "identifier type",
            IdentifierKind::parse,
            &mut faults,
        );
        if extended_key_usage.contains(&ExtendedKeyUsage::OcspSigning) {
            faults.push("OCSPSigning is for the server's own responders".to_owned());
        }
        let revocation = self.revocation_rule(&mut faults);
        if !faults.is_empty() {
            return Err(self.named(faults));
        }
        Ok(Profile {
            name: self.name.clone(),
            description: self.description.clone(),
            issuer: self.issuer.clone(),
            lifetime: self.lifetime.0,
            max_lifetime: self.max_lifetime.unwrap_or(self.lifetime).0,
            backdate: self.backdate.0,
            keys,
            extended_key_usage,
            identifiers,
            subject: match self.subject {
                SubjectSetting::Empty => SubjectRule::Empty,
                SubjectSetting::FirstDnsName => SubjectRule::FirstDnsName,
                SubjectSetting::Grant => SubjectRule::Grant,
            },
            revocation,
            ci_claims: match self.ci_claims {
                true => CiClaims::Included,
                false => CiClaims::LeftOut,
            },
            holder: Holder::EndEntity,
        })
    }

    fn revocation_rule(&self, faults: &mut Vec<String>) -> RevocationRule {
        match &self.revocation {
            RevocationSetting::Word(word) => {
                if word != "none-needed" {
                    faults.push(format!(
                        "revocation {word:?} must be a list of crl, ocsp, or \"none-needed\""
                    ));
                }
                RevocationRule::NoneNeeded
            }
            RevocationSetting::Pointers(words) => {
                let mut rule = (Pointer::LeftOut, Pointer::LeftOut);
                for word in words {
                    match word.as_str() {
                        "crl" => rule.0 = Pointer::Included,
                        "ocsp" => rule.1 = Pointer::Included,
                        other => faults.push(format!("revocation {other:?} is not crl or ocsp")),
                    }
                }
                RevocationRule::Published {
                    crl: rule.0,
                    ocsp: rule.1,
                }
            }
        }
    }

    pub(super) fn faults(&self, issuers: &BTreeSet<&str>) -> Vec<String> {
        let mut faults = Vec::new();
        let most = self.max_lifetime.unwrap_or(self.lifetime);
        if !issuers.contains(self.issuer.as_str()) {
            faults.push(format!("there is no [[issuer]] {:?}", self.issuer));
        }
        if self.lifetime > one_day() || most > one_day() {
            faults.push("lifetime and max_lifetime must be at most 24h".to_owned());
        }
        if most < self.lifetime {
            faults.push("max_lifetime must not be less than lifetime".to_owned());
        }
        if self.lifetime.0 < self.backdate.0 * 2 || self.lifetime < Span::minutes(2) {
            faults.push("lifetime must be at least 2m and twice backdate".to_owned());
        }
        if self.keys.is_empty() || self.extended_key_usage.is_empty() {
            // A certificate without purposes may be used for any.
            faults.push("keys and extended_key_usage must not be empty".to_owned());
        }
        if self.identifiers.is_empty() && self.subject != SubjectSetting::Grant {
            faults.push("identifiers must not be empty unless subject is \"grant\"".to_owned());
        }
        if self.name == tls::PROFILE {
            faults.push("the name is taken by the server's own certificate".to_owned());
        }
        let mut faults = self.named(faults);
        if let Err(more) = self.to_profile() {
            faults.extend(more);
        }
        faults
    }

    /// Tells whether its certificates may hold names that ACME can prove.
    pub(super) fn can_be_ordered(&self) -> bool {
        self.identifiers
            .iter()
            .any(|kind| kind == "dns" || kind == "ip")
    }

    fn named(&self, faults: Vec<String>) -> Vec<String> {
        faults
            .into_iter()
            .map(|fault| format!("profile {}: {fault}", self.name))
            .collect()
    }
}

fn parse_each<T, C: FromIterator<T>>(
    texts: &[String],
    what: &str,
    parse: impl Fn(&str) -> Option<T>,
    faults: &mut Vec<String>,
) -> C {
    texts
        .iter()
        .filter_map(|text| {
            let parsed = parse(text);
            if parsed.is_none() {
                faults.push(format!("{text:?} is not a known {what}"));
            }
            parsed
        })
        .collect()
}

const fn one_day() -> Span {
    Span::hours(24)
}

const fn one_minute() -> Span {
    Span::minutes(1)
}

fn default_keys() -> Vec<String> {
    [
        "ec-p256", "ec-p384", "ed25519", "rsa-2048", "rsa-3072", "rsa-4096",
    ]
    .map(str::to_owned)
    .to_vec()
}
