//! Purposes: their names in configurations and their object identifiers.

use std::fmt;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280;

use crate::asn1;
use crate::tlv::{self, Cursor, NotDer};

/// Purposes (RFC 5280 §4.2.1.12).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExtendedKeyUsage {
    /// id-kp-serverAuth, `serverAuth`.
    ServerAuth,
    /// id-kp-clientAuth, `clientAuth`.
    ClientAuth,
    /// id-kp-codeSigning, `codeSigning`.
    CodeSigning,
    /// id-kp-emailProtection, `emailProtection`.
    EmailProtection,
    /// id-kp-timeStamping, `timeStamping`.
    TimeStamping,
    /// id-kp-OCSPSigning, `OCSPSigning`.
    OcspSigning,
    /// Any other, as a dotted object identifier.
    Other(String),
}

impl ExtendedKeyUsage {
    /// Parses the name that configurations use (`serverAuth`) or a dotted object identifier.
    pub fn parse(text: &str) -> Option<Self> {
        let named = NAMED.into_iter().find(|(name, _, _)| *name == text);
        named.map(|(_, _, purpose)| purpose).or_else(|| {
            let oid = ObjectIdentifier::new(text).ok()?;
            Some(Self::from_oid(oid))
        })
    }

    fn from_oid(oid: ObjectIdentifier) -> Self {
        let named = NAMED.into_iter().find(|(_, known, _)| *known == oid);
        named.map_or_else(|| Self::Other(oid.to_string()), |(_, _, purpose)| purpose)
    }

    /// Returns the object identifier; `None` where `Other` holds none.
    pub(crate) fn oid(&self) -> Option<ObjectIdentifier> {
        match self {
            Self::Other(dotted) => ObjectIdentifier::new(dotted).ok(),
            Self::ServerAuth
            | Self::ClientAuth
            | Self::CodeSigning
            | Self::EmailProtection
            | Self::TimeStamping
            | Self::OcspSigning => NAMED
                .into_iter()
                .find(|(_, _, known)| known == self)
                .map(|(_, oid, _)| oid),
        }
    }
}

impl fmt::Display for ExtendedKeyUsage {
    /// Writes the name that configurations use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMED.into_iter().find(|(_, _, known)| known == self) {
            Some((name, _, _)) => f.write_str(name),
            None => match self.oid() {
                Some(oid) => write!(f, "{oid}"),
                None => f.write_str("unknown"),
            },
        }
    }
}

/// Reads the extension's value; at least one purpose.
pub(super) fn read(value: &[u8]) -> Result<Vec<ExtendedKeyUsage>, NotDer> {
    let mut list = Cursor::only(value, tlv::SEQUENCE)?.inside();
    let mut purposes = Vec::new();
    while !list.is_empty() {
        purposes.push(ExtendedKeyUsage::from_oid(asn1::read::oid(&mut list)?));
    }
    if purposes.is_empty() {
        Err(NotDer)
    } else {
        Ok(purposes)
    }
}

const NAMED: [(&str, ObjectIdentifier, ExtendedKeyUsage); 6] = [
    (
        "serverAuth",
        rfc5280::ID_KP_SERVER_AUTH,
        ExtendedKeyUsage::ServerAuth,
    ),
    (
        "clientAuth",
        rfc5280::ID_KP_CLIENT_AUTH,
        ExtendedKeyUsage::ClientAuth,
    ),
    (
        "codeSigning",
        rfc5280::ID_KP_CODE_SIGNING,
        ExtendedKeyUsage::CodeSigning,
    ),
    (
        "emailProtection",
        rfc5280::ID_KP_EMAIL_PROTECTION,
        ExtendedKeyUsage::EmailProtection,
    ),
    (
        "timeStamping",
        rfc5280::ID_KP_TIME_STAMPING,
        ExtendedKeyUsage::TimeStamping,
    ),
    (
        "OCSPSigning",
        rfc5280::ID_KP_OCSP_SIGNING,
        ExtendedKeyUsage::OcspSigning,
    ),
];
