//! What certificates below a CA may be for: purposes and names.

use std::net::IpAddr;

use ca_pki::certificate::{ExtendedKeyUsage, NameConstraints, Subtrees};
use serde::Deserialize;

use crate::Error;

/// `extended_key_usage`: names such as `serverAuth`, or dotted object identifiers.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Purposes(Vec<String>);

/// `[name_constraints]`: what is named in `permitted` bounds its type, `excluded` wins over it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConstraintTable {
    /// Within which names must lie; a type that is not listed is not bounded.
    #[serde(default)]
    permitted: NameTable,
    /// Within which names must not lie.
    #[serde(default)]
    excluded: NameTable,
}

/// Names by type.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NameTable {
    /// DNS suffixes: `example.internal` covers itself and everything below it.
    #[serde(default)]
    dns: Vec<String>,
    /// Networks: `10.0.0.0/8`, `fd00::/8`.
    #[serde(default)]
    ip: Vec<String>,
    /// Mail hosts (`example.com`) or everything below a domain (`.example.com`).
    #[serde(default)]
    email: Vec<String>,
    /// URI hosts (`example.com`) or everything below a domain (`.example.com`).
    #[serde(default)]
    uri: Vec<String>,
}

impl Purposes {
    /// Returns the purposes of a CA that is not restricted to any.
    pub(crate) fn unrestricted() -> Self {
        Self(Vec::new())
    }

    /// Returns the purposes as values.
    pub(crate) fn resolve(&self) -> Result<Vec<ExtendedKeyUsage>, Error> {
        let parse = |text: &String| {
            ExtendedKeyUsage::parse(text).ok_or_else(|| {
                Error::Ceremony(format!(
                    "extended_key_usage: {text:?} is neither a known purpose (serverAuth, \
                     clientAuth, codeSigning, emailProtection, timeStamping, OCSPSigning) nor an \
                     object identifier"
                ))
            })
        };
        self.0.iter().map(parse).collect()
    }

    /// Returns the purposes for people.
    pub(crate) fn text(&self) -> String {
        if self.0.is_empty() {
            return "not restricted".to_owned();
        }
        self.0.join(", ")
    }
}

impl Default for Purposes {
    /// OCSPSigning is there because relying parties ask it of every CA above a responder.
    fn default() -> Self {
        Self(
            ["serverAuth", "clientAuth", "OCSPSigning"]
                .map(str::to_owned)
                .into(),
        )
    }
}

impl ConstraintTable {
    /// Returns the constraints as values; a table without any name is refused.
    pub(crate) fn resolve(&self) -> Result<NameConstraints, Error> {
        let constraints = NameConstraints {
            permitted: self.permitted.resolve()?,
            excluded: self.excluded.resolve()?,
        };
        if constraints == NameConstraints::default() {
            return Err(Error::Ceremony(
                "[name_constraints] names nothing: leave it out or fill it".to_owned(),
            ));
        }
        Ok(constraints)
    }

    /// Returns the constraints for people.
    pub(crate) fn text(&self) -> String {
        format!(
            "permitted {}; excluded {}",
            self.permitted.text(),
            self.excluded.text()
        )
    }
}

impl NameTable {
    fn resolve(&self) -> Result<Subtrees, Error> {
        for (kind, names) in [
            ("dns", &self.dns),
            ("email", &self.email),
            ("uri", &self.uri),
        ] {
            if let Some(name) = names.iter().find(|name| !is_host(kind, name)) {
                return Err(Error::Ceremony(format!(
                    "name_constraints: {kind} = {name:?} is not a host or domain name"
                )));
            }
        }
        Ok(Subtrees {
            dns: self.dns.clone(),
            ip: self
                .ip
                .iter()
                .map(|text| network(text))
                .collect::<Result<_, _>>()?,
            email: self.email.clone(),
            uri: self.uri.clone(),
        })
    }

    fn text(&self) -> String {
        let lists = [
            ("dns", &self.dns),
            ("ip", &self.ip),
            ("email", &self.email),
            ("uri", &self.uri),
        ];
        let all: Vec<String> = lists
            .into_iter()
            .flat_map(|(kind, names)| names.iter().map(move |name| format!("{kind}:{name}")))
            .collect();
        if all.is_empty() {
            return "nothing named".to_owned();
        }
        all.join(" ")
    }
}

/// RFC 5280 §4.2.1.10: dNSName constraints have no leading dot, those of mail and URIs may.
fn is_host(kind: &str, name: &str) -> bool {
    let name = match kind {
        "dns" => name,
        _ => name.strip_prefix('.').unwrap_or(name),
    };
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// Reads `address/bits`; bits of the address beyond the prefix must be zero.
fn network(text: &str) -> Result<(IpAddr, u8), Error> {
    let parse = || {
        let (address, bits) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let bits: u8 = bits.parse().ok()?;
        let rest_is_zero = match address {
            IpAddr::V4(v4) => bits <= 32 && v4.to_bits().checked_shl(bits.into()).unwrap_or(0) == 0,
            IpAddr::V6(v6) => {
                bits <= 128 && v6.to_bits().checked_shl(bits.into()).unwrap_or(0) == 0
            }
        };
        rest_is_zero.then_some((address, bits))
    };
    parse().ok_or_else(|| {
        Error::Ceremony(format!(
            "name_constraints: ip = {text:?} is not a network such as 10.0.0.0/8"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> Result<NameConstraints, String> {
        let table: ConstraintTable = toml::from_str(text).unwrap();
        table.resolve().map_err(|error| error.to_string())
    }

    #[test]
    fn reads_names_of_every_type() {
        let constraints = resolved(
            r#"
            permitted = { dns = ["example.internal"], ip = ["10.0.0.0/8", "fd00::/8"] }
            excluded = { email = [".example.com"], uri = ["example.com"] }
            "#,
        )
        .unwrap();

        assert_eq!(constraints.permitted.dns, ["example.internal"]);
        assert_eq!(
            constraints.permitted.ip[0],
            ("10.0.0.0".parse().unwrap(), 8)
        );
        assert_eq!(constraints.permitted.ip[1], ("fd00::".parse().unwrap(), 8));
        assert_eq!(constraints.excluded.email, [".example.com"]);
    }

    #[test]
    fn refuses_names_and_networks_that_are_none() {
        for text in [
            "",
            "permitted = { dns = [\".example.internal\"] }",
            "permitted = { dns = [\"*.example.internal\"] }",
            "permitted = { dns = [\"\"] }",
            "permitted = { uri = [\"https://example.com\"] }",
            "permitted = { ip = [\"10.0.0.1\"] }",
            "permitted = { ip = [\"10.0.0.1/8\"] }",
            "permitted = { ip = [\"10.0.0.0/33\"] }",
            "permitted = { ip = [\"fd00::/129\"] }",
        ] {
            assert!(resolved(text).is_err(), "{text}");
        }
    }

    #[test]
    fn refuses_an_unknown_purpose() {
        let purposes = Purposes(vec!["serverauth".to_owned()]);

        assert!(
            purposes
                .resolve()
                .unwrap_err()
                .to_string()
                .contains("serverauth")
        );
    }
}
