//! Names (RFC 5280 §4.1.2.4): written from text, shown as text, searched for common names.

mod member;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519;

pub use self::member::{NameFault, member_name};
use crate::certificate::CertificateError;
use crate::tlv::{self, Cursor, NotDer};
use crate::{DnsName, asn1};

/// Encodes subject text such as `CN=Example Issuing CA,O=Example,C=DE` as a Name, in the order of
/// writing; `\,` escapes a comma. Attributes: CN, O, OU, C, ST, L, serialNumber.
pub fn name_from_text(text: &str) -> Result<Vec<u8>, CertificateError> {
    let refuse = || CertificateError::Subject(text.chars().take(255).collect());
    let parts = split_unescaped(text).ok_or_else(refuse)?;
    let attributes: Option<Vec<Vec<u8>>> = parts.iter().map(|part| attribute(part)).collect();
    let attributes = attributes.ok_or_else(refuse)?;
    Ok(asn1::sequence(&[&attributes.concat()]))
}

/// Encodes a Name whose only attribute is the given common name.
///
/// A common name ends at 64 characters (RFC 5280 §A.1 ub-common-name); a longer DNS name gives the
/// empty Name, which is always allowed beside a subjectAltName.
pub fn name_with_common_name(name: &DnsName) -> Vec<u8> {
    if name.as_str().len() > 64 {
        return asn1::sequence(&[]);
    }
    let value = asn1::string(asn1::UTF8_STRING, name.as_str());
    asn1::sequence(&[&relative_name(&rfc4519::COMMON_NAME, &value)])
}

/// Tells whether two Names have the same attributes as texts, in whatever order and string types.
pub fn same_attributes(one_der: &[u8], other_der: &[u8]) -> bool {
    let texts = |der| -> Option<Vec<(ObjectIdentifier, String)>> {
        let attributes = attributes(der).ok()?;
        let texts = attributes
            .iter()
            .map(|it| Some((it.oid, it.text()?.to_owned())));
        let mut texts: Vec<_> = texts.collect::<Option<_>>()?;
        texts.sort();
        Some(texts)
    };
    texts(one_der).is_some_and(|one| Some(one) == texts(other_der))
}

/// Shows an encoded Name in the order of its encoding, with the escapes of RFC 4514 §2.4.
pub fn to_text(name_der: &[u8]) -> String {
    let Ok(attributes) = attributes(name_der) else {
        return String::new();
    };
    let shown: Vec<String> = attributes.iter().map(Attribute::to_text).collect();
    shown.join(",")
}

/// Returns every common name, wherever it stands; refuses string types whose text would have to be
/// guessed (BMPString and the like, TeletexString beyond ASCII).
pub(crate) fn common_names(name_der: &[u8]) -> Result<Vec<String>, NotDer> {
    let attributes = attributes(name_der)?;
    let common = attributes
        .iter()
        .filter(|attribute| attribute.oid == rfc4519::COMMON_NAME);
    common
        .map(|attribute| attribute.text().map(str::to_owned).ok_or(NotDer))
        .collect()
}

/// Checks that the bytes are a Name.
pub(crate) fn check(name_der: &[u8]) -> Result<(), NotDer> {
    attributes(name_der).map(drop)
}

/// One attribute of a relative name.
struct Attribute<'a> {
    oid: ObjectIdentifier,
    value: tlv::Tlv<'a>,
}

impl<'a> Attribute<'a> {
    fn text(&self) -> Option<&'a str> {
        let text = std::str::from_utf8(self.value.value).ok()?;
        match self.value.tag {
            asn1::UTF8_STRING => Some(text),
            asn1::PRINTABLE_STRING | TELETEX_STRING | IA5_STRING => text.is_ascii().then_some(text),
            _ => None,
        }
    }

    fn to_text(&self) -> String {
        let known = ATTRIBUTES.iter().find(|known| known.oid == self.oid);
        let name = known.map_or_else(|| self.oid.to_string(), |known| known.name.to_owned());
        match self.text() {
            Some(text) => format!("{name}={}", escaped(text)),
            None => {
                let octets = self.value.der.iter().map(|octet| format!("{octet:02x}"));
                format!("{name}=#{}", octets.collect::<String>())
            }
        }
    }
}

fn attributes(name_der: &[u8]) -> Result<Vec<Attribute<'_>>, NotDer> {
    let mut names = Cursor::only(name_der, tlv::SEQUENCE)?.inside();
    let mut attributes = Vec::new();
    while !names.is_empty() {
        let mut set = names.read(asn1::SET)?.inside();
        if set.is_empty() {
            return Err(NotDer);
        }
        while !set.is_empty() {
            let mut parts = set.read(tlv::SEQUENCE)?.inside();
            let oid = asn1::read::oid(&mut parts)?;
            attributes.push(Attribute {
                oid,
                value: parts.any()?,
            });
            parts.finish()?;
        }
    }
    Ok(attributes)
}

/// Splits at commas that no backslash escapes; `None` if an escape is cut off or a `+` would make
/// a name of several attributes.
fn split_unescaped(text: &str) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => parts.last_mut()?.extend(['\\', characters.next()?]),
            ',' => parts.push(String::new()),
            '+' => return None,
            _ => parts.last_mut()?.push(character),
        }
    }
    Some(parts)
}

fn attribute(part: &str) -> Option<Vec<u8>> {
    let (name, value) = part.split_once('=')?;
    let name = name.trim();
    let known = ATTRIBUTES
        .iter()
        .find(|known| known.name.eq_ignore_ascii_case(name))?;
    let value = unescaped(value);
    let value = value.trim();
    let length = value.chars().count();
    if length == 0 || length > known.longest || value.chars().any(char::is_control) {
        return None;
    }
    let is_country = known.oid == rfc4519::COUNTRY_NAME;
    if is_country && !(length == 2 && value.bytes().all(|octet| octet.is_ascii_uppercase())) {
        return None;
    }
    if known.tag == asn1::PRINTABLE_STRING && !value.bytes().all(is_printable) {
        return None;
    }
    Some(relative_name(&known.oid, &asn1::string(known.tag, value)))
}

fn relative_name(oid: &ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    asn1::set_of_one(&asn1::sequence(&[&asn1::oid(oid), value]))
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let literal = if character == '\\' {
            characters.next()
        } else {
            Some(character)
        };
        plain.extend(literal);
    }
    plain
}

/// Escapes as RFC 4514 §2.4 says, and control characters too: a certificate's text must not be able
/// to write lines of its own into a terminal or a log.
fn escaped(text: &str) -> String {
    let last = text.chars().count().saturating_sub(1);
    let mut shown = String::new();
    for (at, character) in text.chars().enumerate() {
        if character.is_control() {
            let octets = character.to_string().into_bytes();
            shown.extend(octets.iter().map(|octet| format!("\\{octet:02X}")));
            continue;
        }
        let at_an_edge =
            at == 0 && matches!(character, ' ' | '#') || at == last && character == ' ';
        if at_an_edge || "\\\"+,;<>".contains(character) {
            shown.push('\\');
        }
        shown.push(character);
    }
    shown
}

fn is_printable(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&octet)
}

/// An attribute that texts may name.
struct KnownAttribute {
    name: &'static str,
    oid: ObjectIdentifier,
    tag: u8,
    longest: usize,
}

/// Names, string types and upper bounds (RFC 5280 §A.1).
const ATTRIBUTES: [KnownAttribute; 7] = [
    known("CN", rfc4519::COMMON_NAME, asn1::UTF8_STRING, 64),
    known("O", rfc4519::ORGANIZATION_NAME, asn1::UTF8_STRING, 64),
    known(
        "OU",
        rfc4519::ORGANIZATIONAL_UNIT_NAME,
        asn1::UTF8_STRING,
        64,
    ),
    known("C", rfc4519::COUNTRY_NAME, asn1::PRINTABLE_STRING, 2),
    known("ST", rfc4519::ST, asn1::UTF8_STRING, 128),
    known("L", rfc4519::LOCALITY_NAME, asn1::UTF8_STRING, 128),
    known(
        "serialNumber",
        rfc4519::SERIAL_NUMBER,
        asn1::PRINTABLE_STRING,
        64,
    ),
];

const fn known(
    name: &'static str,
    oid: ObjectIdentifier,
    tag: u8,
    longest: usize,
) -> KnownAttribute {
    KnownAttribute {
        name,
        oid,
        tag,
        longest,
    }
}

const TELETEX_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_it_encoded() {
        for text in [
            "CN=Example Issuing CA,O=Example,C=DE",
            r"CN=Ann\, Lee,OU=a\+b,serialNumber=42",
            "CN=M\u{fc}nchen,ST=Bayern,L=M\u{fc}nchen",
            r"CN=\#1",
        ] {
            assert_eq!(
                name_from_text(text).map(|der| to_text(&der)).as_deref(),
                Ok(text)
            );
        }
    }

    #[test]
    fn shows_control_characters_and_unknown_attributes_as_hex() {
        let attribute =
            |oid, value: &[u8]| asn1::set_of_one(&asn1::sequence(&[&asn1::oid(&oid), value]));
        let name = asn1::sequence(&[
            &attribute(
                rfc4519::COMMON_NAME,
                &asn1::string(asn1::UTF8_STRING, "a\nb\u{85}"),
            ),
            &attribute(rfc4519::DC, &tlv::element(0x1e, &[&[0, 0x61]])),
        ]);

        assert_eq!(
            to_text(&name),
            r"CN=a\0Ab\C2\85,0.9.2342.19200300.100.1.25=#1e020061"
        );
    }

    #[test]
    fn refuses_text_that_is_not_a_subject() {
        let long = format!("CN={}", "a".repeat(65));
        for text in [
            "",
            "Example",
            "CN=",
            "CN=a,",
            "X=a",
            "C=de",
            "C=DEU",
            "CN=a+O=b",
            "CN=a\\",
            "CN=a\u{0}",
            "serialNumber=\u{fc}",
            long.as_str(),
        ] {
            assert!(name_from_text(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn finds_common_names_in_every_place_and_string_type() {
        let oid = rfc4519::COMMON_NAME;
        let value = |tag| asn1::sequence(&[&asn1::oid(&oid), &asn1::string(tag, "a")]);
        let both = tlv::element(asn1::SET, &[&value(TELETEX_STRING), &value(IA5_STRING)]);
        let name = asn1::sequence(&[
            &asn1::set_of_one(&value(asn1::UTF8_STRING)),
            &both,
            &asn1::set_of_one(&value(asn1::PRINTABLE_STRING)),
        ]);
        let bmp = asn1::sequence(&[&asn1::set_of_one(&value(0x1e))]);

        assert_eq!(common_names(&name), Ok(vec!["a".to_owned(); 4]));
        assert_eq!(common_names(&bmp), Err(NotDer));
    }

    #[test]
    fn compares_names_by_their_attributes_alone() {
        let name = |text| name_from_text(text).expect("it is a subject");

        assert!(same_attributes(
            &name("CN=a,O=b,O=c"),
            &name("O=c,O=b,CN=a")
        ));
        for other in ["CN=a,O=b", "CN=a,O=b,O=b", "CN=b,O=a,O=c", "CN=A,O=b,O=c"] {
            assert!(
                !same_attributes(&name("CN=a,O=b,O=c"), &name(other)),
                "{other}"
            );
        }
        assert!(!same_attributes(&[0x30], &[0x30]));
    }

    #[test]
    fn leaves_out_a_common_name_that_is_too_long() {
        let long: DnsName = format!("{}.{}", "a".repeat(60), "b".repeat(10))
            .parse()
            .expect("it is a DNS name");

        assert_eq!(name_with_common_name(&long), [0x30, 0x00]);
    }
}
