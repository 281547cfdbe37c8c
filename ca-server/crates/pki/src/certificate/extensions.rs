//! The extensions that this CA writes and acts upon.

use std::collections::BTreeSet;
use std::fmt;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280;

use super::NameConstraints;
use crate::asn1::read::{self, Extension};
use crate::general_name::{self, GeneralNameError};
use crate::tlv::{self, Cursor, NotDer};
use crate::{Identifier, asn1};

/// The extensions that this CA acts upon, as read from a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// basicConstraints: `None` where absent or cA is false.
    pub authority: Option<PathLength>,
    /// keyUsage, absent or present.
    pub key_usage: Option<BTreeSet<KeyUsage>>,
    /// extendedKeyUsage in order.
    pub extended_key_usage: Vec<ExtendedKeyUsage>,
    /// subjectAltName entries of the types we know.
    pub sans: BTreeSet<Identifier>,
    /// nameConstraints.
    pub name_constraints: Option<NameConstraints>,
    /// subjectKeyIdentifier.
    pub subject_key_identifier: Option<Vec<u8>>,
    /// authorityKeyIdentifier, its keyIdentifier.
    pub authority_key_identifier: Option<Vec<u8>>,
    /// Object identifiers (dotted) of critical extensions that are not known here.
    pub unknown_critical: Vec<String>,
}

/// pathLenConstraint of a CA certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathLength {
    /// No constraint.
    Unlimited,
    /// At most so many intermediates below.
    AtMost(u8),
}

/// Bits of keyUsage that this CA sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyUsage {
    /// digitalSignature.
    DigitalSignature,
    /// keyEncipherment: RSA server keys only.
    KeyEncipherment,
    /// keyAgreement.
    KeyAgreement,
    /// keyCertSign.
    KeyCertSign,
    /// cRLSign.
    CrlSign,
}

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

impl Extensions {
    /// Sorts what was read into its fields.
    pub(super) fn read(list: &[Extension<'_>]) -> Result<Self, NotDer> {
        let mut extensions = Self::default();
        for extension in list {
            extensions.take(extension)?;
        }
        Ok(extensions)
    }

    fn take(&mut self, extension: &Extension<'_>) -> Result<(), NotDer> {
        let value = extension.value;
        match extension.oid {
            rfc5280::ID_CE_BASIC_CONSTRAINTS => self.authority = read_basic_constraints(value)?,
            rfc5280::ID_CE_KEY_USAGE => self.key_usage = Some(read_key_usage(value)?),
            rfc5280::ID_CE_EXT_KEY_USAGE => self.extended_key_usage = read_purposes(value)?,
            rfc5280::ID_CE_SUBJECT_ALT_NAME => self.sans = read_names(value)?,
            rfc5280::ID_CE_NAME_CONSTRAINTS => self.take_name_constraints(extension)?,
            rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER => {
                let identifier = Cursor::only(value, tlv::OCTET_STRING)?.value;
                self.subject_key_identifier = Some(identifier.to_vec());
            }
            rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER => {
                self.authority_key_identifier = read_authority_key_identifier(value)?;
            }
            other if extension.critical => self.unknown_critical.push(other.to_string()),
            _ => {}
        }
        Ok(())
    }

    /// Constraints of types that are not judged here count as an unknown extension.
    fn take_name_constraints(&mut self, extension: &Extension<'_>) -> Result<(), NotDer> {
        self.name_constraints = NameConstraints::read(extension.value)?;
        if self.name_constraints.is_none() {
            self.unknown_critical.push(extension.oid.to_string());
        }
        Ok(())
    }
}

impl KeyUsage {
    /// Every bit that is known here.
    const ALL: [Self; 5] = [
        Self::DigitalSignature,
        Self::KeyEncipherment,
        Self::KeyAgreement,
        Self::KeyCertSign,
        Self::CrlSign,
    ];

    /// Returns the bit within the first octet (RFC 5280 §4.2.1.3).
    fn mask(self) -> u8 {
        match self {
            Self::DigitalSignature => 0x80,
            Self::KeyEncipherment => 0x20,
            Self::KeyAgreement => 0x08,
            Self::KeyCertSign => 0x04,
            Self::CrlSign => 0x02,
        }
    }

    /// Writes the extension's value.
    pub(super) fn write(bits: &[Self]) -> Vec<u8> {
        asn1::named_bits(bits.iter().fold(0, |octet, bit| octet | bit.mask()))
    }
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

fn read_basic_constraints(value: &[u8]) -> Result<Option<PathLength>, NotDer> {
    let mut parts = Cursor::only(value, tlv::SEQUENCE)?.inside();
    let is_authority = match parts.optional(tlv::BOOLEAN)?.map(|boolean| boolean.value) {
        Some([0xff]) => true,
        Some([0x00]) | None => false,
        Some(_) => return Err(NotDer),
    };
    let path_length = match parts
        .optional(tlv::INTEGER)?
        .map(|it| it.integer())
        .transpose()?
    {
        None => PathLength::Unlimited,
        Some([most @ 0..0x80]) => PathLength::AtMost(*most),
        Some([0, most]) => PathLength::AtMost(*most),
        Some(_) => return Err(NotDer),
    };
    parts.finish()?;
    Ok(is_authority.then_some(path_length))
}

fn read_key_usage(value: &[u8]) -> Result<BTreeSet<KeyUsage>, NotDer> {
    let bits = Cursor::only(value, tlv::BIT_STRING)?.value;
    let [0..8, first, rest @ ..] = bits else {
        return Err(NotDer);
    };
    if rest.len() > 1 {
        return Err(NotDer);
    }
    Ok(KeyUsage::ALL
        .into_iter()
        .filter(|bit| first & bit.mask() != 0)
        .collect())
}

fn read_purposes(value: &[u8]) -> Result<Vec<ExtendedKeyUsage>, NotDer> {
    let mut list = Cursor::only(value, tlv::SEQUENCE)?.inside();
    let mut purposes = Vec::new();
    while !list.is_empty() {
        purposes.push(ExtendedKeyUsage::from_oid(read::oid(&mut list)?));
    }
    if purposes.is_empty() {
        Err(NotDer)
    } else {
        Ok(purposes)
    }
}

/// Passes over types that are never issued; a name of a known type must be a good one, or a
/// certificate would seem to have fewer names than it has.
fn read_names(value: &[u8]) -> Result<BTreeSet<Identifier>, NotDer> {
    let mut names = BTreeSet::new();
    for entry in general_name::entries(value)? {
        match general_name::read(entry) {
            Ok(name) => {
                names.insert(name);
            }
            Err(GeneralNameError::OtherType) => {}
            Err(GeneralNameError::Malformed | GeneralNameError::Identifier(_)) => {
                return Err(NotDer);
            }
        }
    }
    Ok(names)
}

fn read_authority_key_identifier(value: &[u8]) -> Result<Option<Vec<u8>>, NotDer> {
    let mut parts = Cursor::only(value, tlv::SEQUENCE)?.inside();
    let identifier = parts
        .optional(asn1::CONTEXT_PRIMITIVE)?
        .map(|field| field.value.to_vec());
    // Issuer and serial may follow; nothing here looks at them.
    while !parts.is_empty() {
        parts.any()?;
    }
    Ok(identifier)
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
