//! GeneralName (RFC 5280 §4.2.1.6): how identifiers are written in extensions, and read back.

use std::net::IpAddr;

use crate::identifier::IdentifierError;
use crate::tlv::{self, Cursor, NotDer, Tlv};
use crate::{Identifier, asn1};

/// Why a GeneralName is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GeneralNameError {
    /// A type that is never issued: otherName, directoryName and so on.
    OtherType,
    /// Bytes that the type does not allow.
    Malformed,
    /// Text that is not an identifier of its type.
    Identifier(IdentifierError),
}

/// Writes an identifier.
pub(crate) fn write(identifier: &Identifier) -> Vec<u8> {
    match identifier {
        Identifier::Email(mailbox) => asn1::primitive(RFC822_NAME, mailbox.as_bytes()),
        Identifier::Dns(name) => asn1::primitive(DNS_NAME, name.as_str().as_bytes()),
        Identifier::Uri(text) => write_uri(text),
        Identifier::Ip(IpAddr::V4(four)) => asn1::primitive(IP_ADDRESS, &four.octets()),
        Identifier::Ip(IpAddr::V6(six)) => asn1::primitive(IP_ADDRESS, &six.octets()),
    }
}

/// Writes a URI, as distribution points hold it too.
pub(crate) fn write_uri(text: &str) -> Vec<u8> {
    asn1::primitive(URI, text.as_bytes())
}

/// Writes a SubjectAltName, each identifier once and in a fixed order.
pub(crate) fn write_alternative_names(identifiers: &[Identifier]) -> Vec<u8> {
    let sorted: std::collections::BTreeSet<_> = identifiers.iter().collect();
    let written: Vec<Vec<u8>> = sorted.into_iter().map(write).collect();
    asn1::sequence(&[&written.concat()])
}

/// Reads the entries of a SubjectAltName; at least one.
pub(crate) fn entries(unverified_der: &[u8]) -> Result<Vec<Tlv<'_>>, NotDer> {
    let mut list = Cursor::only(unverified_der, tlv::SEQUENCE)?.inside();
    let mut entries = Vec::new();
    while !list.is_empty() {
        entries.push(list.any()?);
    }
    if entries.is_empty() {
        Err(NotDer)
    } else {
        Ok(entries)
    }
}

/// Reads one entry as an identifier, by the same rules as text from an order.
pub(crate) fn read(entry: Tlv<'_>) -> Result<Identifier, GeneralNameError> {
    let number = entry.tag.checked_sub(asn1::CONTEXT_PRIMITIVE);
    let (kind, text) = match number {
        Some(RFC822_NAME) => ("email", ascii(entry.value)?),
        Some(DNS_NAME) => ("dns", ascii(entry.value)?),
        Some(URI) => ("uri", ascii(entry.value)?),
        Some(IP_ADDRESS) => ("ip", address(entry.value)?.to_string()),
        Some(REGISTERED_ID) => return Err(GeneralNameError::OtherType),
        Some(constructed) if CONSTRUCTED.contains(&constructed) => {
            return Err(GeneralNameError::OtherType);
        }
        Some(_) | None => return Err(GeneralNameError::Malformed),
    };
    Identifier::parse(kind, &text).map_err(GeneralNameError::Identifier)
}

/// Takes an IA5String; a byte above 127 would be shown differently by each reader.
fn ascii(octets: &[u8]) -> Result<String, GeneralNameError> {
    let text = std::str::from_utf8(octets)
        .ok()
        .filter(|text| text.is_ascii());
    text.map(str::to_owned).ok_or(GeneralNameError::Malformed)
}

fn address(octets: &[u8]) -> Result<IpAddr, GeneralNameError> {
    if let Ok(four) = <[u8; 4]>::try_from(octets) {
        return Ok(IpAddr::from(four));
    }
    let six = <[u8; 16]>::try_from(octets).map_err(|_| GeneralNameError::Malformed)?;
    Ok(IpAddr::from(six))
}

/// `[1]` rfc822Name.
pub(crate) const RFC822_NAME: u8 = 1;
/// `[2]` dNSName.
pub(crate) const DNS_NAME: u8 = 2;
/// `[6]` uniformResourceIdentifier.
pub(crate) const URI: u8 = 6;
/// `[7]` iPAddress.
pub(crate) const IP_ADDRESS: u8 = 7;
const REGISTERED_ID: u8 = 8;
/// `[0]` otherName, `[3]` x400Address, `[4]` directoryName, `[5]` ediPartyName.
const CONSTRUCTED: [u8; 4] = [0x20, 0x23, 0x24, 0x25];
