//! As much of DER as a load tool reads: elements in a row, a certificate's parts.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::error::Error;

/// One element: its tag, its content, and all of its octets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    /// The identifier octet; tags above 30 do not come up.
    pub(crate) tag: u8,
    /// What is in it.
    pub(crate) content: &'a [u8],
    /// Tag, length and content.
    pub(crate) whole: &'a [u8],
}

/// What a client needs of a certificate.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    /// The serial's content octets.
    pub(crate) serial: Vec<u8>,
    /// Its own name, as DER.
    pub(crate) subject: Vec<u8>,
    /// The key identifier of the issuer, if the certificate names it.
    pub(crate) authority_key: Option<Vec<u8>>,
    /// The key inside the public key's BIT STRING.
    pub(crate) public_key: Vec<u8>,
}

impl Leaf {
    /// Reads a certificate.
    pub(crate) fn read(certificate: &[u8]) -> Result<Self, Error> {
        Self::parts(certificate).ok_or(Error::Body("a certificate that is none".to_owned()))
    }

    /// Returns how RFC 9773 §4.1 names it.
    pub(crate) fn renewal_id(&self) -> Option<String> {
        use crate::jws::encode;

        let authority = encode(self.authority_key.as_ref()?);
        Some(format!("{authority}.{}", encode(&self.serial)))
    }

    /// Returns the serial in lower-case hex.
    pub(crate) fn serial_hex(&self) -> String {
        hex(&self.serial)
    }

    // RFC 5280 §4.1: version, serial, signature, issuer, validity, subject, key, extensions.
    fn parts(certificate: &[u8]) -> Option<Self> {
        let tbs = elements(element(certificate)?.content).next()?;
        let mut fields = elements(tbs.content).skip_while(|field| field.tag == VERSION);
        let serial = fields.next()?.content.to_vec();
        let subject = fields.nth(3)?.whole.to_vec();
        let key = fields.next()?;
        let bits = elements(key.content).nth(1)?.content;
        let extensions = fields.find(|field| field.tag == EXTENSIONS);
        Some(Self {
            serial,
            subject,
            authority_key: extensions.and_then(|all| authority_key(all.content)),
            public_key: bits.get(1..)?.to_vec(),
        })
    }
}

/// Reads the element at the beginning.
pub(crate) fn element(octets: &[u8]) -> Option<Element<'_>> {
    let (&tag, rest) = octets.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, body) = match first {
        short @ 0..=0x7f => (usize::from(short), rest),
        long => {
            let (octets, body) = rest.split_at_checked(usize::from(long & 0x7f))?;
            let length = octets.iter().try_fold(0_usize, |sum, &octet| {
                Some(sum.checked_mul(256)? + usize::from(octet))
            })?;
            (length, body)
        }
    };
    let header = octets.len() - body.len();
    Some(Element {
        tag,
        content: body.get(..length)?,
        whole: octets.get(..header.checked_add(length)?)?,
    })
}

/// Reads elements in a row; ends where something else follows.
pub(crate) fn elements(mut octets: &[u8]) -> impl Iterator<Item = Element<'_>> {
    std::iter::from_fn(move || {
        let found = element(octets)?;
        octets = octets.get(found.whole.len()..).unwrap_or_default();
        Some(found)
    })
}

/// Returns the extension with this identifier, from a list in its SEQUENCE.
pub(crate) fn extension<'a>(list: &'a [u8], identifier: &[u8]) -> Option<&'a [u8]> {
    let found = elements(element(list)?.content).find(|extension| {
        elements(extension.content)
            .next()
            .is_some_and(|name| name.content == identifier)
    })?;
    elements(found.content).last().map(|value| value.content)
}

/// Reads the certificates in PEM text.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| Error::Body(error.to_string()))
}

/// Writes lower-case hex.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Reads hex of whole octets.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let whole = text.len().is_multiple_of(2) && !text.is_empty();
    whole.then(|| pairs.map(octet).collect())?
}

fn authority_key(extensions: &[u8]) -> Option<Vec<u8>> {
    let identifier = element(extension(extensions, AUTHORITY_KEY)?)?;
    let key = elements(identifier.content).next()?;
    (key.tag == 0x80).then(|| key.content.to_vec())
}

const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// 2.5.29.35
const AUTHORITY_KEY: &[u8] = &[0x55, 0x1d, 0x23];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_serial_and_key_of_a_certificate() {
        let mut params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.serial_number = Some(vec![0x12, 0x34].into());
        let key = rcgen::KeyPair::generate().unwrap();

        let leaf = Leaf::read(params.self_signed(&key).unwrap().der()).unwrap();

        assert_eq!(leaf.serial_hex(), "1234");
        assert_eq!(leaf.public_key, key.public_key_raw());
    }

    #[test]
    fn reads_no_element_beyond_its_octets() {
        for octets in [
            &[][..],
            &[0x30],
            &[0x30, 5, 1],
            &[0x30, 0x84, 255, 255, 255, 255, 0],
        ] {
            assert!(element(octets).is_none(), "{octets:?}");
        }
    }
}
