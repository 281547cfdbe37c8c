//! Reading: strict DER, bounded, nothing ignored that is marked critical.

use super::{Crl, PEM_LABEL, RevocationReason, RevokedCertificate};
use crate::certificate::CertificateError;
use crate::pem;
use crate::tlv::{self, Cursor, NotDer, Tlv, algorithm, read_time};
use crate::{Serial, Timestamp};

/// Parses DER or PEM.
pub(super) fn parse(unverified: &[u8]) -> Result<Crl, CertificateError> {
    if unverified.len() > Crl::MAX_BYTES {
        return Err(Refusal("it is too large").into());
    }
    if unverified.first() == Some(&tlv::SEQUENCE) {
        return Ok(parse_der(unverified.to_vec())?);
    }
    let text = std::str::from_utf8(unverified).map_err(|_not_text| MALFORMED)?;
    let mut blocks = pem::decode_all(PEM_LABEL, text)?;
    match (blocks.pop(), blocks.is_empty()) {
        (Some(der), true) => Ok(parse_der(der)?),
        (_, false) => Err(Refusal("the file holds more than one CRL").into()),
        (None, true) => Err(MALFORMED.into()),
    }
}

/// Why a CRL is refused.
#[derive(Clone, Copy)]
struct Refusal(&'static str);

/// What a TBSCertList holds.
struct CertList<'a> {
    signature_algorithm_der: &'a [u8],
    issuer_der: &'a [u8],
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    revoked: Vec<RevokedCertificate>,
    number: Option<u64>,
}

fn parse_der(der: Vec<u8>) -> Result<Crl, Refusal> {
    let mut outer = Cursor::only(&der, tlv::SEQUENCE)?.inside();
    let tbs = outer.read(tlv::SEQUENCE)?;
    let algorithm_der = outer.read(tlv::SEQUENCE)?.der;
    let signature = outer.read(tlv::BIT_STRING)?.whole_octets()?.to_vec();
    outer.finish()?;

    let list = read_cert_list(tbs)?;
    if list.signature_algorithm_der != algorithm_der {
        return Err(Refusal("its two signature algorithms differ"));
    }
    let signature_algorithm = algorithm::from_identifier(algorithm_der)
        .ok_or(Refusal("its signature algorithm is not supported"))?;
    Ok(Crl {
        tbs_der: tbs.der.to_vec(),
        signature_algorithm,
        signature,
        issuer_der: list.issuer_der.to_vec(),
        number: list.number,
        this_update: list.this_update,
        next_update: list.next_update,
        revoked: list.revoked,
        der,
    })
}

fn read_cert_list(tbs: Tlv<'_>) -> Result<CertList<'_>, Refusal> {
    let mut fields = tbs.inside();
    if fields
        .optional(tlv::INTEGER)?
        .is_none_or(|version| version.value != [1])
    {
        return Err(Refusal("it is not version 2"));
    }
    let signature_algorithm_der = fields.read(tlv::SEQUENCE)?.der;
    let issuer_der = fields.read(tlv::SEQUENCE)?.der;
    let this_update = read_time(fields.any()?)?;
    let next_update = match fields.peek() {
        Some(tlv::UTC_TIME | tlv::GENERALIZED_TIME) => Some(read_time(fields.any()?)?),
        Some(_) | None => None,
    };
    let revoked = match fields.optional(tlv::SEQUENCE)? {
        Some(list) => read_entries(list)?,
        None => Vec::new(),
    };
    let number = match fields.optional(tlv::context(0))? {
        Some(wrapped) => read_list_extensions(wrapped)?,
        None => None,
    };
    fields.finish()?;
    Ok(CertList {
        signature_algorithm_der,
        issuer_der,
        this_update,
        next_update,
        revoked,
        number,
    })
}

fn read_entries(list: Tlv<'_>) -> Result<Vec<RevokedCertificate>, Refusal> {
    let mut entries = list.inside();
    if entries.is_empty() {
        return Err(MALFORMED); // absent when nothing is revoked (RFC 5280 §5.1.2.6)
    }
    let mut revoked = Vec::with_capacity(list.value.len() / LEAST_ENTRY_BYTES);
    while !entries.is_empty() {
        revoked.push(read_entry(entries.read(tlv::SEQUENCE)?)?);
    }
    Ok(revoked)
}

fn read_entry(entry: Tlv<'_>) -> Result<RevokedCertificate, Refusal> {
    let mut fields = entry.inside();
    let number = fields.read(tlv::INTEGER)?.integer()?;
    if number.first().is_some_and(|first| first & 0x80 != 0) {
        return Err(MALFORMED);
    }
    let serial = Serial::from_be_bytes(number).map_err(|_not_a_serial| MALFORMED)?;
    let revoked_at = read_time(fields.any()?)?;
    let mut reason = None;
    if let Some(extensions) = fields.optional(tlv::SEQUENCE)? {
        for_each_extension(extensions, |extension| {
            if extension.oid != OID_REASON_CODE {
                return extension.refuse_if_critical();
            }
            let code = Cursor::only(extension.value, tlv::ENUMERATED)?.value;
            let [code] = *code else { return Err(MALFORMED) };
            let known = RevocationReason::from_code(code).ok_or(MALFORMED)?;
            if reason.replace(known).is_some() {
                Err(MALFORMED)
            } else {
                Ok(())
            }
        })?;
    }
    fields.finish()?;
    Ok(RevokedCertificate {
        serial,
        revoked_at,
        reason: reason.unwrap_or(RevocationReason::Unspecified),
    })
}

/// Reads crlExtensions and returns cRLNumber, if it is there and fits.
fn read_list_extensions(wrapped: Tlv<'_>) -> Result<Option<u64>, Refusal> {
    let extensions = Cursor::only(wrapped.value, tlv::SEQUENCE)?;
    let mut number: Option<Option<u64>> = None;
    for_each_extension(extensions, |extension| {
        if extension.oid != OID_CRL_NUMBER {
            return extension.refuse_if_critical();
        }
        let octets = Cursor::only(extension.value, tlv::INTEGER)?.integer()?;
        if number.replace(unsigned(octets)).is_some() {
            Err(MALFORMED)
        } else {
            Ok(())
        }
    })?;
    Ok(number.flatten())
}

struct Extension<'a> {
    oid: &'a [u8],
    critical: bool,
    value: &'a [u8],
}

impl Extension<'_> {
    fn refuse_if_critical(&self) -> Result<(), Refusal> {
        if self.critical {
            return Err(Refusal(
                "it has a critical extension that is not known here",
            ));
        }
        Ok(())
    }
}

fn for_each_extension(
    extensions: Tlv<'_>,
    mut visit: impl FnMut(Extension<'_>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut list = extensions.inside();
    if list.is_empty() {
        return Err(MALFORMED); // SIZE (1..MAX)
    }
    while !list.is_empty() {
        let mut fields = list.read(tlv::SEQUENCE)?.inside();
        let oid = fields.read(tlv::OBJECT_IDENTIFIER)?.value;
        let critical = match fields.optional(tlv::BOOLEAN)? {
            None => false,
            Some(flag) if flag.value == [0xff] => true,
            Some(_) => return Err(MALFORMED), // FALSE is the default, which DER leaves out
        };
        let value = fields.read(tlv::OCTET_STRING)?.value;
        fields.finish()?;
        visit(Extension {
            oid,
            critical,
            value,
        })?;
    }
    Ok(())
}

fn unsigned(octets: &[u8]) -> Option<u64> {
    let significant = match octets {
        [0, rest @ ..] => rest,
        [0x80..=0xff, ..] => return None,
        all => all,
    };
    (significant.len() <= 8).then(|| {
        significant
            .iter()
            .fold(0, |sum, octet| sum << 8 | u64::from(*octet))
    })
}

impl From<NotDer> for Refusal {
    fn from(_: NotDer) -> Self {
        MALFORMED
    }
}

impl From<Refusal> for CertificateError {
    fn from(Refusal(why): Refusal) -> Self {
        Self::Crl(why)
    }
}

const MALFORMED: Refusal = Refusal("it is not a CRL in DER");

/// A header, a serial of one octet and a UTCTime: what a list of entries is reserved by.
const LEAST_ENTRY_BYTES: usize = 20;
const OID_REASON_CODE: &[u8] = b"\x55\x1d\x15";
const OID_CRL_NUMBER: &[u8] = b"\x55\x1d\x14";
