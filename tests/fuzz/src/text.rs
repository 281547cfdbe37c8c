//! Text that people and their tools write: names, key URIs, configurations, ceremonies.

use std::path::{Path, PathBuf};

use ca_issuance::pattern::Pattern;
use ca_keys::KeyUri;
use ca_pki::Identifier;
use ca_server::config::Config;

use crate::text;

/// Identifiers and the patterns that cover them: parsing what was printed changes nothing.
pub fn identifier(unverified: &[u8]) {
    let Some(unverified) = text(unverified) else {
        return;
    };
    let (pattern, name) = unverified.split_once('\n').unwrap_or(("", unverified));
    let pattern = pattern.parse::<Pattern>().ok();
    if let Some(pattern) = &pattern {
        assert_eq!(
            pattern.to_string().parse().as_ref(),
            Ok(pattern),
            "a pattern has one text form"
        );
    }
    for kind in ["dns", "ip", "uri", "email"] {
        let Ok(identifier) = Identifier::parse(kind, name) else {
            continue;
        };
        let value = identifier.value();
        assert_eq!(
            Identifier::parse(kind, &value).as_ref(),
            Ok(&identifier),
            "an identifier has one text form"
        );
        assert!(
            !value.chars().any(char::is_control),
            "an identifier never holds a control character"
        );
        if let Some(pattern) = &pattern {
            let _ = pattern.covers(&identifier);
        }
    }
}

/// A key URI (RFC 7512, or `file:`): what is shown of it never holds the PIN.
pub fn pkcs11_uri(unverified: &[u8]) {
    let Some(unverified) = text(unverified) else {
        return;
    };
    if let Ok(uri) = KeyUri::parse(unverified, Path::new("/etc/ca")) {
        let shown = uri.to_string();
        assert!(
            matches!(uri, KeyUri::File(_)) || !shown.contains("pin-value="),
            "a PIN is never shown"
        );
        assert!(
            !shown.chars().any(char::is_control),
            "a URI is one line of a log"
        );
    }
}

/// A configuration file: what `check-config` prints of it is a configuration again, and the same.
pub fn configuration(unverified: &[u8]) {
    let Some(unverified) = text(unverified) else {
        return;
    };
    let Ok(config) = Config::parse(unverified, PathBuf::from("/etc/ca")) else {
        return;
    };
    let Ok(printed) = config.to_toml() else {
        return;
    };
    match Config::parse(&printed, PathBuf::from("/etc/ca")) {
        Ok(again) => assert_eq!(
            again.to_toml().ok().as_ref(),
            Some(&printed),
            "the effective configuration is its own"
        ),
        Err(error) => panic!("the effective configuration does not load: {error}\n{printed}"),
    }
}

/// A ceremony file.
pub fn ceremony(unverified: &[u8]) {
    if let Some(unverified) = text(unverified) {
        let _ = ca_offline_root::testing::read_ceremony(unverified);
    }
}
