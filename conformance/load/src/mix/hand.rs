//! The certificates that clients hold.

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::KeyPair;
use rustls_pki_types::CertificateDer;

use crate::der::{self, Leaf};
use crate::error::Error;

/// A certificate in a client's hands.
pub(super) struct Held {
    /// The leaf, then its issuers.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// What the leaf says.
    pub(super) leaf: Leaf,
    /// The name that it is for.
    pub(super) name: String,
}

/// Certificates to renew, revoke or ask about; the oldest go when there are too many.
#[derive(Default)]
pub(super) struct Hand {
    /// With the number of the account that ordered it.
    pub(super) ordered: Pile<u64>,
    /// With its key.
    pub(super) asked: Pile<KeyPair>,
    /// Serials whose revocation was acknowledged.
    pub(super) revoked: Vec<Vec<u8>>,
}

/// Certificates, each with what its holder needs to act for it.
pub(super) struct Pile<T>(Vec<(Held, T)>);

impl Held {
    /// Reads a chain in PEM.
    pub(super) fn read(pem: &[u8], name: &str) -> Result<Self, Error> {
        let chain = der::certificates(pem)?;
        let first = chain.first().ok_or(Error::Lacking {
            step: "certificate",
            what: "certificate",
        })?;
        Ok(Self {
            leaf: Leaf::read(first)?,
            name: name.to_owned(),
            chain,
        })
    }

    /// Returns the leaf's DER.
    pub(super) fn der(&self) -> &[u8] {
        self.chain.first().map_or(&[], |leaf| leaf.as_ref())
    }

    /// Returns the leaf's SHA-256 in hex.
    pub(super) fn fingerprint(&self) -> String {
        der::hex(digest(&SHA256, self.der()).as_ref())
    }
}

impl Hand {
    /// Returns any serial, and whether its revocation was acknowledged.
    pub(super) fn any_serial(&self) -> Option<(Vec<u8>, bool)> {
        let dice = dice();
        if dice.is_multiple_of(4) && !self.revoked.is_empty() {
            return self
                .revoked
                .get(index(self.revoked.len()))
                .map(|serial| (serial.clone(), true));
        }
        let serial = match self.ordered.any_serial() {
            Some(serial) if dice.is_multiple_of(2) => Some(serial),
            other => self.asked.any_serial().or(other),
        };
        serial.map(|serial| (serial, false))
    }
}

impl<T> Pile<T> {
    /// Puts a certificate there.
    pub(super) fn put(&mut self, held: Held, by: T) {
        if self.0.len() >= MOST {
            self.0.swap_remove(index(MOST));
        }
        self.0.push((held, by));
    }

    /// Takes any certificate away.
    pub(super) fn take(&mut self) -> Option<(Held, T)> {
        let count = self.0.len();
        (count > 0).then(|| self.0.swap_remove(index(count)))
    }

    fn any_serial(&self) -> Option<Vec<u8>> {
        let (held, _) = self.0.get(index(self.0.len()))?;
        Some(held.leaf.serial.clone())
    }
}

impl<T> Default for Pile<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

fn index(count: usize) -> usize {
    usize::try_from(dice()).unwrap_or_default() % count.max(1)
}

fn dice() -> u32 {
    let mut octets = [0; 4];
    // Without chance the first one is as good as any.
    let _ = aws_lc_rs::rand::fill(&mut octets);
    u32::from_ne_bytes(octets)
}

const MOST: usize = 2_000;
