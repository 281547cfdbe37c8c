//! The configuration file: TOML in, checked values out.
//!
//! Every key is documented beside its field. Unknown keys are refused with the nearest known one.
//! Paths are relative to the file. Nothing here opens a key or a database.

mod acme;
mod api;
mod audit;
mod database;
mod grant;
mod issuer;
mod limits;
mod listen;
mod oidc;
mod operator;
mod profile;
mod refusal;
mod revocation;
mod server;
mod span;
mod validation;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ca_identity::grant::KnownNames;
use ca_pki::Timestamp;
use serde::{Deserialize, Serialize};

pub use acme::{AcmeSection, ExternalAccountSetting};
pub use api::ApiSection;
pub use audit::{AuditSection, ConfirmationSetting, SyslogSection};
pub use database::DatabaseSection;
pub use grant::GrantSection;
pub use issuer::IssuerSection;
pub use limits::{AccountLimits, AddressLimits, LimitsSection};
pub use listen::ListenSection;
pub use oidc::{Audience, KindSetting, OidcSection};
pub use operator::OperatorSection;
pub use profile::{ProfileSection, RevocationSetting, SubjectSetting};
pub use refusal::ConfigError;
pub use revocation::RevocationSection;
pub use server::ServerSection;
pub use span::Span;
pub use validation::ValidationSection;

/// A whole configuration.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who this server is to its clients.
    pub server: ServerSection,
    /// Where it listens.
    #[serde(default)]
    pub listen: ListenSection,
    /// Where it remembers.
    pub database: DatabaseSection,
    /// CRL and OCSP.
    #[serde(default)]
    pub revocation: RevocationSection,
    /// How the audit log is sealed.
    #[serde(default)]
    pub audit: AuditSection,
    /// The intermediates, at least one.
    #[serde(rename = "issuer")]
    pub issuers: Vec<IssuerSection>,
    /// Kinds of certificates, at least one.
    #[serde(rename = "profile")]
    pub profiles: Vec<ProfileSection>,
    /// ACME directories.
    #[serde(rename = "acme", default)]
    pub acme: Vec<AcmeSection>,
    /// CI systems and clusters whose tokens are taken as credentials.
    #[serde(rename = "oidc", default, skip_serializing_if = "Vec::is_empty")]
    pub oidc: Vec<OidcSection>,
    /// The JSON API.
    #[serde(default)]
    pub api: ApiSection,
    /// How much one client may take.
    #[serde(default)]
    pub limits: LimitsSection,
    /// How control of names is checked.
    #[serde(default)]
    pub validation: ValidationSection,
    /// Who has a role.
    #[serde(rename = "operator", default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<OperatorSection>,
    /// Who may have which certificates without proving control of each name.
    #[serde(rename = "grant", default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<GrantSection>,
    /// The folder of the file: what paths are relative to.
    #[serde(skip)]
    pub base: PathBuf,
    /// The file, if it was read from one.
    #[serde(skip)]
    pub file: PathBuf,
}

impl Config {
    /// Reads and checks a file.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable {
            file: file.to_owned(),
            source,
        };
        let length = std::fs::metadata(file).map_err(unreadable)?.len();
        if length > LARGEST_FILE_BYTES {
            return Err(ConfigError::TooLarge {
                file: file.to_owned(),
            });
        }
        let text = std::fs::read_to_string(file).map_err(unreadable)?;
        let base = file.parent().map(Path::to_owned).unwrap_or_default();
        let base = if base.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            base
        };
        let mut config = Self::parse(&text, base)?;
        file.clone_into(&mut config.file);
        Ok(config)
    }

    /// Parses and checks text; `base` is what its paths are relative to.
    pub fn parse(text: &str, base: PathBuf) -> Result<Self, ConfigError> {
        let mut config: Self =
            toml::from_str(text).map_err(|error| ConfigError::syntax(text, &error))?;
        config.base = base;
        config.check()?;
        Ok(config)
    }

    /// Checks that all sections can work together.
    pub fn check(&self) -> Result<(), ConfigError> {
        let faults = self.faults();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(ConfigError::Faults(faults))
        }
    }

    /// Returns a path as it is meant: relative to the configuration file.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// Returns the sections by name, to tell which of two configurations differ.
    pub(crate) fn sections(&self) -> Result<toml::Table, ConfigError> {
        toml::Table::try_from(self).map_err(|error| ConfigError::Syntax(error.to_string()))
    }

    /// Returns the effective configuration as TOML. It holds no secret: PINs and passphrases are
    /// only ever named by where they are, and a database URL's password is cut out.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        let mut shown = self.clone();
        shown.database.url = self.database.redacted_url();
        toml::to_string_pretty(&shown).map_err(|error| ConfigError::Syntax(error.to_string()))
    }

    /// Lists everything wrong that TOML itself cannot see.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        faults.extend(self.server.faults(&self.issuers));
        faults.extend(self.listen.faults());
        faults.extend(self.database.faults(&self.base));
        faults.extend(self.revocation.faults());
        faults.extend(self.audit.faults(&self.base));
        faults.extend(duplicates(
            "issuer",
            self.issuers.iter().map(|issuer| &issuer.name),
        ));
        faults.extend(duplicates(
            "profile",
            self.profiles.iter().map(|profile| &profile.name),
        ));
        faults.extend(duplicates("acme", self.acme.iter().map(|acme| &acme.name)));
        if self.issuers.is_empty() || self.profiles.is_empty() {
            faults.push("at least one [[issuer]] and one [[profile]] are needed".to_owned());
        }
        for issuer in &self.issuers {
            faults.extend(issuer.faults(&self.base));
        }
        let issuers: BTreeSet<&str> = self
            .issuers
            .iter()
            .map(|issuer| issuer.name.as_str())
            .collect();
        for profile in &self.profiles {
            faults.extend(profile.faults(&issuers));
        }
        for acme in &self.acme {
            faults.extend(acme.faults(&self.profiles));
        }
        faults.extend(self.oidc_faults());
        faults.extend(self.api.faults());
        faults.extend(self.limits.faults());
        faults.extend(self.validation.faults());
        let known = self.known_names();
        faults.extend(operator::faults(&self.operators, &known));
        faults.extend(grant::faults(&self.grants, &known));
        faults
    }

    /// A token's `iss` must lead to one provider.
    fn oidc_faults(&self) -> Vec<String> {
        let mut faults = duplicates("oidc", self.oidc.iter().map(|oidc| &oidc.name));
        let mut issuers = BTreeSet::new();
        for oidc in &self.oidc {
            if !issuers.insert(&oidc.issuer) {
                let issuer = &oidc.issuer;
                faults.push(format!(
                    "oidc {}: issuer {issuer:?} stands twice",
                    oidc.name
                ));
            }
            faults.extend(oidc.faults(&self.server.external_url));
        }
        faults
    }

    /// Returns the names that grants may refer to.
    pub fn known_names(&self) -> KnownNames {
        KnownNames {
            profiles: self.profiles.iter().map(|it| it.name.clone()).collect(),
            providers: self.oidc.iter().map(|it| it.name.clone()).collect(),
        }
    }

    /// Lists what can work and is probably not meant.
    pub fn warnings(&self, now: Timestamp) -> Vec<String> {
        let mut warnings: Vec<String> = self.oidc.iter().filter_map(OidcSection::warning).collect();
        warnings.extend(grant::warnings(&self.grants, &self.profiles, now));
        warnings
    }
}

/// Finds names that stand twice, and those that no name may look like.
fn duplicates<'a>(section: &str, names: impl Iterator<Item = &'a String> + Clone) -> Vec<String> {
    let odd = names.clone().filter(|name| !is_path_segment(name));
    let odd = odd.map(|name| {
        format!("[[{section}]] name {name:?}: use 1 to 64 lower-case letters, digits, - and _")
    });
    twice(section, names).into_iter().chain(odd).collect()
}

fn twice<'a>(section: &str, names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names
        .filter(|name| !seen.insert(*name))
        .map(|name| format!("[[{section}]] {name:?} stands twice"))
        .collect()
}

/// Names of issuers, profiles and directories become path segments of URLs.
fn is_path_segment(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
}

const LARGEST_FILE_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests;
