//! `[database]`

use std::path::Path;

use serde::{Deserialize, Serialize};
use url::Url;

use super::Span;

/// Where the server remembers.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSection {
    /// `sqlite://ca.db` (relative to this file) or `postgres://user@host/db`.
    pub url: String,
    /// How long certificates stay readable after they expired.
    #[serde(default = "default_retention")]
    pub retention: Span,
}

impl DatabaseSection {
    /// Returns the URL with a SQLite path made absolute or relative to `base`.
    pub fn resolved_url(&self, base: &Path) -> String {
        match self.url.strip_prefix("sqlite://") {
            Some(path) => format!("sqlite://{}", base.join(path).display()),
            None => self.url.clone(),
        }
    }

    /// Returns whether other servers may use the same database.
    pub fn is_shared(&self) -> bool {
        !self.url.starts_with("sqlite://")
    }

    /// Returns the URL without its password, wherever in it that stands.
    pub(super) fn redacted_url(&self) -> String {
        let Ok(mut url) = Url::parse(&self.url) else {
            return self.url.clone();
        };
        let in_query = url.query_pairs().any(|(key, _)| key == "password");
        if url.password().is_none() && !in_query {
            return self.url.clone();
        }
        if url.password().is_some() && url.set_password(Some(REDACTED)).is_err() {
            return REDACTED.to_owned();
        }
        if in_query {
            let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            let shown = pairs.iter().map(|(key, value)| match key.as_str() {
                "password" => (key.as_str(), REDACTED),
                _ => (key.as_str(), value.as_str()),
            });
            url.query_pairs_mut().clear().extend_pairs(shown);
        }
        url.to_string()
    }

    pub(super) fn faults(&self) -> Vec<String> {
        let known = ["sqlite://", "postgres://", "postgresql://"];
        if known.iter().any(|scheme| self.url.starts_with(scheme)) {
            Vec::new()
        } else {
            vec!["database.url must begin with sqlite:// or postgres://".to_owned()]
        }
    }
}

const fn default_retention() -> Span {
    Span::hours(24 * 30)
}

const REDACTED: &str = "REDACTED";
