//! `[database]`

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use url::Url;

use super::Span;

/// Where the server remembers.
#[derive(Clone, Deserialize, Serialize)]
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
        match self.url.strip_prefix(SQLITE) {
            Some(path) => format!("{SQLITE}{}", base.join(path).display()),
            None => self.url.clone(),
        }
    }

    /// Returns whether other servers may use the same database.
    pub fn is_shared(&self) -> bool {
        !self.url.starts_with(SQLITE)
    }

    /// Returns the URL without its secrets, wherever in it they stand. A file has none; of a URL
    /// in which they may stand anywhere nothing is left.
    pub(super) fn redacted_url(&self) -> String {
        if !self.is_shared() {
            return self.url.clone();
        }
        let Ok(mut url) = self.server_url() else {
            return REDACTED.to_owned();
        };
        let in_query = url
            .query_pairs()
            .any(|(key, value)| is_secret(&key, &value));
        if url.password().is_none() && !in_query {
            return self.url.clone();
        }
        if url.password().is_some() && url.set_password(Some(REDACTED)).is_err() {
            return REDACTED.to_owned();
        }
        if in_query {
            let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            let shown = pairs.iter().map(|(key, value)| {
                let is_secret = is_secret(key, value);
                (key, if is_secret { REDACTED } else { value.as_str() })
            });
            url.query_pairs_mut().clear().extend_pairs(shown);
        }
        url.to_string()
    }

    pub(super) fn faults(&self, base: &Path) -> Vec<String> {
        let fault = self.fault(base);
        let named = fault.map(|fault| format!("database.url {fault}"));
        named.into_iter().collect()
    }

    /// Says what is wrong with the URL, and quotes nothing of it: where it is not cut as it was
    /// meant, each part may be the password's.
    fn fault(&self, base: &Path) -> Option<String> {
        if self.url == SQLITE {
            return Some("must name a file after sqlite://".to_owned());
        }
        if self.is_shared() {
            let url = match self.server_url() {
                Ok(url) => url,
                Err(fault) => return Some(fault),
            };
            // The driver would ignore them, and log them with their values.
            if !url.query_pairs().all(|(key, _)| is_parameter(&key)) {
                let known = PARAMETERS.join(", ");
                return Some(format!("has a parameter that is none of {known}"));
            }
        }
        let understood = ca_store::understands(&self.resolved_url(base));
        let fault = "has a parameter whose value cannot be, or text that is not UTF-8";
        understood.is_err().then(|| fault.to_owned())
    }

    /// Parses the URL of a database server; `Err` if its password may stand where none is looked
    /// for. RFC 3986 §3.2: the authority, and the password in it, ends before `/`, `?` and `#`.
    fn server_url(&self) -> Result<Url, String> {
        let mut schemes = POSTGRES.iter();
        let Some(rest) = schemes.find_map(|scheme| self.url.strip_prefix(scheme)) else {
            return Err("must begin with sqlite:// or postgres://".to_owned());
        };
        let behind = rest.find(['/', '?', '#']).and_then(|end| rest.get(end..));
        if behind.is_some_and(|text| text.contains(['@', '#'])) {
            return Err(format!("has @ or # after the host's place: {ENCODE}"));
        }
        // The parser's reasons hold nothing of the text.
        Url::parse(&self.url).map_err(|error| format!("is not a URL ({error}): {ENCODE}"))
    }
}

impl fmt::Debug for DatabaseSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseSection")
            .field("url", &self.redacted_url())
            .field("retention", &self.retention)
            .finish()
    }
}

/// A private key may stand where its file's name is meant to.
fn is_secret(key: &str, value: &str) -> bool {
    match key {
        "password" => true,
        "sslkey" | "ssl-key" => value.trim_start().starts_with("-----BEGIN"),
        _ => false,
    }
}

fn is_parameter(key: &str) -> bool {
    PARAMETERS.contains(&key) || (key.starts_with("options[") && key.ends_with(']'))
}

const fn default_retention() -> Span {
    Span::hours(24 * 30)
}

const SQLITE: &str = "sqlite://";
const POSTGRES: [&str; 2] = ["postgres://", "postgresql://"];
const REDACTED: &str = "REDACTED";
const ENCODE: &str =
    "percent-encode user, password and parameters (% as %25, / %2F, ? %3F, # %23, @ %40)";

/// What the driver knows.
const PARAMETERS: [&str; 19] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
    "options[…]",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn section(url: &str) -> DatabaseSection {
        DatabaseSection {
            url: url.to_owned(),
            retention: default_retention(),
        }
    }

    fn faults(url: &str) -> Vec<String> {
        section(url).faults(Path::new("/etc/ca"))
    }

    #[test]
    fn takes_what_the_driver_understands() {
        for url in [
            "sqlite://ca.db",
            "sqlite:///var/lib/a folder/c@.db",
            "postgres://ca@db:5432/ca?sslmode=verify-full&sslrootcert=/etc/ca/root.pem",
            "postgresql://ca:a%2Fb%3Fc%23d%40e@db/ca",
            "postgres://ca:p@ss@db/ca",
            "postgres:///ca?host=/var/run/postgresql&user=ca&options[search_path]=ca",
        ] {
            assert_eq!(faults(url), Vec::<String>::new(), "{url}");
        }
    }

    #[test]
    fn neither_quotes_nor_shows_a_password_that_ends_the_host() {
        for url in [
            "postgres://ca:hunter2/x@db/ca",
            "postgres://ca:1/hunter2@db/ca",
            "postgres://ca:1?hunter2@db/ca",
            "postgres://ca:1#hunter2@db/ca",
            "postgres://ca:1#hunter2",
            "postgres://ca:hunter2",
            "postgres://:hunter2@/ca",
        ] {
            let section = section(url);

            let [fault] = &section.faults(Path::new("/etc/ca"))[..] else {
                panic!("{url} has not one fault");
            };
            assert!(fault.contains("percent-encode"), "{fault}");
            assert!(!fault.contains("hunter2"), "{fault}");
            assert_eq!(section.redacted_url(), "REDACTED");
            assert!(!format!("{section:?}").contains("hunter2"));
        }
    }

    #[test]
    fn refuses_parameters_that_the_driver_does_not_take() {
        for (url, expected) in [
            ("postgres://ca@db/ca?pasword=hunter2", "none of"),
            ("postgres://ca@db/ca?sslmode=hunter2", "cannot be"),
            ("postgres://ca:%ff@db/ca", "UTF-8"),
            ("sqlite://ca.db?mode=memory", "cannot be"),
            ("sqlite://ca.db?mode=hunter2", "cannot be"),
            ("sqlite://", "name a file"),
            ("ca:hunter2@db/ca", "must begin with"),
            ("mysql://ca:hunter2@db/ca", "must begin with"),
        ] {
            let fault = faults(url).concat();

            assert!(fault.contains(expected), "{url}: {fault}");
            assert!(!fault.contains("hunter2"), "{fault}");
        }
    }

    #[test]
    fn shows_everything_but_secrets() {
        for (url, shown) in [
            ("sqlite://ca.db", "sqlite://ca.db"),
            ("postgres://ca@db/ca", "postgres://ca@db/ca"),
            (
                "postgres://ca:hunter2@db/ca",
                "postgres://ca:REDACTED@db/ca",
            ),
            (
                "postgres://ca@db/ca?port=1&p%61ssword=hunter2",
                "postgres://ca@db/ca?port=1&password=REDACTED",
            ),
            (
                "postgres://db/ca?sslkey=-----BEGIN%20PRIVATE%20KEY-----",
                "postgres://db/ca?sslkey=REDACTED",
            ),
            (
                "postgres://db/ca?sslkey=a.pem",
                "postgres://db/ca?sslkey=a.pem",
            ),
            ("mysql://ca:hunter2@db/ca", "REDACTED"),
        ] {
            assert_eq!(section(url).redacted_url(), shown);
        }
    }
}
