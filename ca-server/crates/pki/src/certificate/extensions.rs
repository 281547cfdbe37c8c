//! The extensions that this CA writes and acts upon.

use std::collections::BTreeSet;

use const_oid::db::rfc5280;

use super::{ExtendedKeyUsage, NameConstraints, extended_key_usage};
use crate::asn1::read::Extension;
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
            rfc5280::ID_CE_EXT_KEY_USAGE => {
                self.extended_key_usage = extended_key_usage::read(value)?
            }
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
