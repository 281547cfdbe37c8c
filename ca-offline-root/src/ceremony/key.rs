//! Where a root's key lies and who can open it.

use std::fmt;
use std::path::PathBuf;

use ca_pki::KeyAlgorithm;
use serde::Deserialize;

/// `[key]` where the ceremony makes the key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// `file:root.key` (encrypted PKCS#8), or `pkcs11:token=…;object=…?module-path=…`.
    pub(crate) uri: String,
    /// `ec-p384` (default), `ec-p256`, `rsa-3072` or `rsa-4096`.
    #[serde(default)]
    pub(crate) algorithm: Algorithm,
    /// Who can open a key file: `"typed"` (default) asks for a passphrase, twice;
    /// `{ split = { shares = 5, threshold = 3 } }` draws one that nobody sees and splits it. A token
    /// has a PIN instead.
    pub(crate) passphrase: Option<NewCustody>,
}

/// `[key]` where the key exists already.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExistingKey {
    /// `file:root.key`, or `pkcs11:token=…;object=…?module-path=…`.
    pub(crate) uri: String,
    /// How a key file is opened: `"typed"` (default) asks for the passphrase, `"shares"` for the
    /// custodians' shares. A token's PIN is typed.
    #[serde(default)]
    pub(crate) passphrase: Custody,
}

/// Who will hold the passphrase of a new key file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NewCustody {
    /// Whoever types it.
    Typed,
    /// Custodians, each with a share.
    Split(Split),
}

/// How a new passphrase is split.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Split {
    /// How many shares there are.
    pub(crate) shares: u8,
    /// How many of them open the key.
    pub(crate) threshold: u8,
    /// The folder for the files `share-1-of-5.txt` and so on. Without it each share is shown on
    /// the terminal, to be written down and typed back.
    pub(crate) folder: Option<PathBuf>,
}

/// Who holds the passphrase of a key file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Custody {
    /// Somebody who types it.
    #[default]
    Typed,
    /// Custodians, each with a share.
    Shares,
}

/// The kinds of key that a root may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Algorithm {
    /// NIST P-384 with SHA-384.
    #[default]
    #[serde(rename = "ec-p384")]
    EcP384,
    /// NIST P-256 with SHA-256.
    #[serde(rename = "ec-p256")]
    EcP256,
    /// RSA with 3072 bits.
    #[serde(rename = "rsa-3072")]
    Rsa3072,
    /// RSA with 4096 bits.
    #[serde(rename = "rsa-4096")]
    Rsa4096,
}

impl From<Algorithm> for KeyAlgorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::EcP384 => Self::EcP384,
            Algorithm::EcP256 => Self::EcP256,
            Algorithm::Rsa3072 => Self::Rsa { bits: 3072 },
            Algorithm::Rsa4096 => Self::Rsa { bits: 4096 },
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        KeyAlgorithm::from(*self).fmt(f)
    }
}
