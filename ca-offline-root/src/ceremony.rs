//! The ceremony file: TOML that is written and reviewed before the day.
//!
//! Unknown keys are refused with the nearest known one. Paths are relative to the file. Moments are
//! RFC 3339 text, spans a number with `y`, `d` or `h`.

mod constraints;
mod key;
mod period;
mod revocation;
mod unknown_key;

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Error;

pub(crate) use constraints::{ConstraintTable, Purposes};
pub(crate) use key::{Algorithm, Custody, ExistingKey, NewCustody, NewKey, Split};
pub(crate) use period::Period;
pub(crate) use revocation::{Revoke, Target};

/// A ceremony file that was understood.
#[derive(Debug)]
pub(crate) enum Ceremony {
    /// Makes a root.
    Root(Root),
    /// Signs an intermediate's CSR.
    Intermediate(Intermediate),
    /// Revokes and issues the root's CRL.
    Crl(Crl),
    /// Signs an existing CA's key and name.
    CrossSign(CrossSign),
    /// Makes a new root, and both cross-certificates.
    Rollover(Rollover),
}

/// `kind = "root"`: makes a key and a self-signed certificate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Root {
    /// Always `root`.
    #[serde(rename = "kind")]
    _kind: Kind,
    /// The root's name: `CN=Example Root CA,O=Example`, in the order of writing.
    pub(crate) subject: String,
    /// The key that the ceremony makes.
    pub(crate) key: NewKey,
    /// From when to when the root holds.
    pub(crate) validity: Period,
    /// What is written.
    pub(crate) output: CertificateOutput,
}

/// `kind = "intermediate"`: signs a CSR; path length 0 always.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Intermediate {
    /// Always `intermediate`.
    #[serde(rename = "kind")]
    _kind: Kind,
    /// The request in PEM, from `ca-server issuer request`. Its subject and key are taken over.
    pub(crate) csr: PathBuf,
    /// The root's certificate.
    pub(crate) root: PathBuf,
    /// The root's key.
    pub(crate) key: ExistingKey,
    /// From when to when the intermediate holds; inside the root's validity.
    pub(crate) validity: Period,
    /// What its certificates may be used for. Default: serverAuth, clientAuth, OCSPSigning.
    #[serde(default)]
    pub(crate) extended_key_usage: Purposes,
    /// For which names it may issue; without the table, for all.
    pub(crate) name_constraints: Option<ConstraintTable>,
    /// Where the root's CRL will be: an `http://` URL.
    pub(crate) crl_url: Option<String>,
    /// Where the root's certificate will be: an `http://` URL.
    pub(crate) issuer_url: Option<String>,
    /// What is written.
    pub(crate) output: CertificateOutput,
}

/// `kind = "crl"`: adds revocations to the root's CRL and issues it anew.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Crl {
    /// Always `crl`.
    #[serde(rename = "kind")]
    _kind: Kind,
    /// The root's certificate.
    pub(crate) root: PathBuf,
    /// The root's key.
    pub(crate) key: ExistingKey,
    /// The root's last CRL, in DER or PEM; its entries are all kept. Left out only for the first.
    pub(crate) previous: Option<PathBuf>,
    /// The new CRL's number. Default: the previous one's plus 1, or 1.
    pub(crate) number: Option<u64>,
    /// thisUpdate and nextUpdate, written as `not_before`, `lifetime` and `not_after`.
    pub(crate) validity: Period,
    /// What is revoked now.
    #[serde(default)]
    pub(crate) revoke: Vec<Revoke>,
    /// What is written.
    pub(crate) output: CrlOutput,
}

/// `kind = "cross-sign"`: signs the key and name of a CA that exists already.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CrossSign {
    /// Always `cross-sign`.
    #[serde(rename = "kind")]
    _kind: Kind,
    /// The existing CA's certificate in PEM, followed by those above it up to a self-signed one.
    pub(crate) certificate: PathBuf,
    /// The certificate of the root that signs.
    pub(crate) root: PathBuf,
    /// The key of the root that signs.
    pub(crate) key: ExistingKey,
    /// From when to when the cross-certificate holds; inside the signing root's validity.
    pub(crate) validity: Period,
    /// How many CAs may follow below. Default: as the existing certificate says.
    pub(crate) path_length: Option<u8>,
    /// What certificates below may be used for. Default: not restricted.
    #[serde(default = "Purposes::unrestricted")]
    pub(crate) extended_key_usage: Purposes,
    /// For which names; without the table, for all.
    pub(crate) name_constraints: Option<ConstraintTable>,
    /// Where the signing root's CRL will be: an `http://` URL.
    pub(crate) crl_url: Option<String>,
    /// Where the signing root's certificate will be: an `http://` URL.
    pub(crate) issuer_url: Option<String>,
    /// What is written.
    pub(crate) output: CertificateOutput,
}

/// `kind = "rollover"`: makes a new root; old and new sign each other.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rollover {
    /// Always `rollover`.
    #[serde(rename = "kind")]
    _kind: Kind,
    /// The old root's certificate.
    pub(crate) old_root: PathBuf,
    /// The old root's key.
    pub(crate) old_key: ExistingKey,
    /// The new root's name; it differs from the old one's.
    pub(crate) subject: String,
    /// The key that the ceremony makes.
    pub(crate) key: NewKey,
    /// From when to when the new root holds. Both cross-certificates begin with it and end with
    /// whichever root ends first.
    pub(crate) validity: Period,
    /// URLs in the certificate of the new root by the old one.
    #[serde(default)]
    pub(crate) new_by_old: CrossUrls,
    /// URLs in the certificate of the old root by the new one.
    #[serde(default)]
    pub(crate) old_by_new: CrossUrls,
    /// What is written.
    pub(crate) output: RolloverOutput,
}

/// Where a cross-certificate's issuer publishes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CrossUrls {
    /// Where the signing root's CRL will be: an `http://` URL.
    pub(crate) crl_url: Option<String>,
    /// Where the signing root's certificate will be: an `http://` URL.
    pub(crate) issuer_url: Option<String>,
}

/// `[output]` of ceremonies that make one certificate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateOutput {
    /// The certificate, in PEM.
    pub(crate) certificate: PathBuf,
    /// The transcript, in JSON; its signature goes beside it with `.sig` appended.
    pub(crate) transcript: PathBuf,
}

/// `[output]` of the `crl` kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CrlOutput {
    /// The CRL, in DER, or in PEM if the name ends in `.pem`.
    pub(crate) crl: PathBuf,
    /// The transcript, in JSON; its signature goes beside it with `.sig` appended.
    pub(crate) transcript: PathBuf,
}

/// `[output]` of the `rollover` kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RolloverOutput {
    /// The new root's certificate, in PEM.
    pub(crate) certificate: PathBuf,
    /// The new root's name and key, signed by the old root, in PEM.
    pub(crate) new_by_old: PathBuf,
    /// The old root's name and key, signed by the new root, in PEM.
    pub(crate) old_by_new: PathBuf,
    /// The transcript, in JSON; the new root's signature goes beside it with `.sig` appended, the
    /// old root's with `.old.sig`.
    pub(crate) transcript: PathBuf,
}

/// The value of `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Makes a root.
    Root,
    /// Signs an intermediate's CSR.
    Intermediate,
    /// Issues the root's CRL.
    Crl,
    /// Signs an existing CA's key and name.
    CrossSign,
    /// Makes a new root and both cross-certificates.
    Rollover,
}

impl Ceremony {
    /// The most that a ceremony file may hold.
    pub(crate) const MAX_BYTES: u64 = 64 * 1024;

    /// Reads the text of a ceremony file.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        /// Reads the kind alone, which decides what else is known.
        #[derive(Deserialize)]
        struct Header {
            kind: Kind,
        }

        let header: Header = read(text)?;
        Ok(match header.kind {
            Kind::Root => Self::Root(read(text)?),
            Kind::Intermediate => Self::Intermediate(read(text)?),
            Kind::Crl => Self::Crl(read(text)?),
            Kind::CrossSign => Self::CrossSign(read(text)?),
            Kind::Rollover => Self::Rollover(read(text)?),
        })
    }

    /// Returns the kind's name.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Root(_) => "root",
            Self::Intermediate(_) => "intermediate",
            Self::Crl(_) => "crl",
            Self::CrossSign(_) => "cross-sign",
            Self::Rollover(_) => "rollover",
        }
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| Error::Ceremony(unknown_key::explain(text, &error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = r#"
        kind = "root"
        subject = "CN=Example Root CA"
        key = { uri = "file:root.key" }
        validity = { lifetime = "20y" }
        output = { certificate = "root.pem", transcript = "root.json" }
    "#;

    fn refusal(text: &str) -> String {
        Ceremony::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn takes_p384_and_one_passphrase_unless_told_otherwise() {
        let Ceremony::Root(root) = Ceremony::parse(ROOT).unwrap() else {
            panic!("not a root ceremony");
        };

        assert_eq!(root.key.algorithm.to_string(), "ec-p384");
        assert!(root.key.passphrase.is_none());
    }

    #[test]
    fn names_the_nearest_known_key() {
        let text = ROOT.replace("subject", "sbject");

        let message = refusal(&text);

        assert!(message.contains("line 3"), "{message}");
        assert!(message.contains("unknown key \"sbject\""), "{message}");
        assert!(message.contains("did you mean \"subject\""), "{message}");
    }

    #[test]
    fn refuses_a_key_of_another_kind() {
        let message = refusal(&format!("csr = \"x\"\n{ROOT}"));

        assert!(message.contains("unknown key \"csr\""), "{message}");
    }

    #[test]
    fn names_a_missing_key_and_an_unknown_kind() {
        let missing = refusal(&ROOT.replace("subject", "#"));
        let kind = refusal(&ROOT.replace("\"root\"", "\"rot\""));

        assert!(missing.contains("subject"), "{missing}");
        assert!(kind.contains("did you mean \"root\""), "{kind}");
    }

    #[test]
    fn never_allows_another_path_length_for_intermediates() {
        let message = refusal(
            r#"
            kind = "intermediate"
            csr = "a"
            root = "b"
            path_length = 1
            key = { uri = "file:root.key" }
            validity = { lifetime = "5y" }
            output = { certificate = "a", transcript = "b" }
            "#,
        );

        assert!(message.contains("unknown key \"path_length\""), "{message}");
    }
}
