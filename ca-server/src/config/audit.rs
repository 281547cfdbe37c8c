//! `[audit]`

use std::path::{Path, PathBuf};

use ca_keys::KeyUri;
use serde::{Deserialize, Serialize};

/// How the audit log is sealed, and who else gets it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSection {
    /// The key that signs checkpoints: `file:audit.key` or `pkcs11:…`, the same on every server.
    /// Left out, a secret in the database seals: whoever may write there could forge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Public keys in PEM files, of keys that signed checkpoints before `key` did. They stand
    /// here and not in the database, where a forger could add one. The word `database` trusts the
    /// secret that sealed while there was no key, until the key has sealed once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub former_keys: Vec<String>,
    /// A receiver of every sealed event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syslog: Option<SyslogSection>,
}

/// `[audit.syslog]`: RFC 5424 messages over TLS (RFC 5425).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogSection {
    /// Where the receiver listens: `host:6514`. `allow_networks` of `[validation]` does not
    /// apply: this is the operator's own destination, not one that a client names.
    pub address: String,
    /// The roots that its certificate must chain to, a PEM file.
    pub ca: PathBuf,
    /// The name in its certificate, where that is not the host of `address`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// What shows that it has read everything.
    #[serde(default)]
    pub confirmation: ConfirmationSetting,
}

/// What a receiver does when it has read a batch to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfirmationSetting {
    /// It answers with TLS's close_notify, as RFC 5425 §4.4 demands.
    #[default]
    CloseNotify,
    /// It ends the connection in order. Weaker: whoever sits between can do that, too.
    EndOfStream,
}

impl AuditSection {
    /// How checkpoints and `former_keys` name the database's secret.
    pub const DATABASE: &str = "database";

    /// Lists the files in `former_keys`.
    pub fn former_key_files(&self) -> impl Iterator<Item = &String> {
        self.former_keys.iter().filter(|one| *one != Self::DATABASE)
    }

    /// Returns whether a chain that the database's secret sealed may be continued.
    pub fn trusts_the_database(&self) -> bool {
        self.former_keys.iter().any(|one| one == Self::DATABASE)
    }

    pub(super) fn faults(&self, base: &Path) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(Err(error)) = self.key.as_ref().map(|key| KeyUri::parse(key, base)) {
            faults.push(format!("audit.key: {error}"));
        }
        if self.key.is_none() && !self.former_keys.is_empty() {
            faults.push("audit.former_keys: there is no audit.key that came after them".to_owned());
        }
        if let Some(syslog) = &self.syslog {
            faults.extend(syslog.faults());
        }
        faults
    }
}

impl SyslogSection {
    /// Splits the address into host and port; an IPv6 address stands in brackets.
    pub fn destination(&self) -> Option<(&str, u16)> {
        let (host, port) = self.address.rsplit_once(':')?;
        let inner = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = match inner {
            Some(inner) => inner,
            None if host.contains(':') => return None,
            None => host,
        };
        let port = port.parse().ok().filter(|port| *port != 0)?;
        (!host.is_empty()).then_some((host, port))
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.destination().is_none() {
            faults.push(format!(
                "audit.syslog.address {:?}: write host:port, an IPv6 address in brackets",
                self.address
            ));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(address: &str) -> SyslogSection {
        SyslogSection {
            address: address.to_owned(),
            ca: "roots.pem".into(),
            server_name: None,
            confirmation: ConfirmationSetting::default(),
        }
    }

    #[test]
    fn splits_an_address() {
        for (address, expected) in [
            (
                "logs.example.internal:6514",
                ("logs.example.internal", 6514),
            ),
            ("10.0.0.1:601", ("10.0.0.1", 601)),
            ("[2001:db8::1]:6514", ("2001:db8::1", 6514)),
        ] {
            assert_eq!(section(address).destination(), Some(expected));
        }
    }

    #[test]
    fn refuses_what_is_no_address() {
        for address in [
            "logs",
            "logs:",
            ":6514",
            "logs:0",
            "logs:99999",
            "::1:6514",
            "[]:1",
        ] {
            assert_eq!(section(address).faults().len(), 1, "{address}");
        }
    }

    #[test]
    fn refuses_former_keys_without_a_key() {
        let section = AuditSection {
            former_keys: vec!["old.pem".to_owned()],
            ..AuditSection::default()
        };

        assert_eq!(section.faults(Path::new("")).len(), 1);
    }
}
