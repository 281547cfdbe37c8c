//! The server's own key and certificate in a file: what a start goes on with while the signer is
//! away.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ca_keys::SoftwareKey;
use ca_pki::{Certificate, Identifier, Timestamp};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::files::{self, Mode};

/// A key with its certificate and what stands between that and the root.
pub(crate) struct Kept {
    pub(super) key: SoftwareKey,
    pub(super) certificate: Certificate,
    pub(super) above: Vec<Certificate>,
}

impl Kept {
    /// Reads the file, if it serves these names now. One that cannot be used is as good as none:
    /// the log says why, and a new certificate replaces it.
    pub(crate) fn read(file: &Path, names: &BTreeSet<Identifier>, now: Timestamp) -> Option<Self> {
        match Self::try_read(file) {
            Ok(None) => None,
            Ok(Some(kept)) if kept.serves(names, now) => Some(kept),
            Ok(Some(_other)) => {
                tracing::info!(file = %file.display(), "the kept certificate is of other names or another time");
                None
            }
            Err(reason) => {
                tracing::warn!(file = %file.display(), reason, "the kept certificate is not used");
                None
            }
        }
    }

    /// Writes the file, for its owner only. A crash leaves the one before or this one.
    pub(super) fn write(&self, file: &Path) -> Result<(), Error> {
        let unusable = |source| Error::Tls(super::TlsError::Key(source));
        let key = self.key.to_pkcs8_pem(None).map_err(unusable)?;
        let certificates = std::iter::once(&self.certificate).chain(&self.above);
        let chain: String = certificates.map(Certificate::pem).collect();
        // As large as it gets, for a text that moves leaves a copy of the key behind.
        let mut text = Zeroizing::new(String::with_capacity(key.len() + chain.len()));
        text.push_str(&key);
        text.push_str(&chain);
        files::replace(file, text.as_bytes(), Mode::Secret)
    }

    fn try_read(file: &Path) -> Result<Option<Self>, String> {
        if !file.exists() {
            return Ok(None);
        }
        let mode = fs::metadata(file).map_err(in_words)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err("others may read it".to_owned());
        }
        let text = Zeroizing::new(fs::read_to_string(file).map_err(in_words)?);
        let (key, chain) = text
            .find("-----BEGIN CERTIFICATE-----")
            .and_then(|place| text.split_at_checked(place))
            .ok_or("it holds no certificate")?;
        let mut chain = Certificate::parse_pem_chain(chain).map_err(in_words)?;
        let kept = Self {
            key: SoftwareKey::from_pkcs8_pem(key, None).map_err(in_words)?,
            certificate: chain.remove(0),
            above: chain,
        };
        Ok(Some(kept))
    }

    fn serves(&self, names: &BTreeSet<Identifier>, now: Timestamp) -> bool {
        use ca_keys::SigningKey;

        self.certificate.public_key() == self.key.public_key()
            && self.certificate.extensions().sans == *names
            && self.certificate.validity().contains(now)
    }
}

fn in_words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
