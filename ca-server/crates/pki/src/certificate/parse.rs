//! Reading a certificate; anyone may hand in anything (RFC 8555 §7.6 revocation).

use super::{Certificate, CertificateError, Extensions};
use crate::asn1::read;
use crate::tlv::{self, Cursor, NotDer};
use crate::{PublicKey, Validity, name};

pub(super) fn parse(unverified_der: &[u8]) -> Result<Certificate, CertificateError> {
    if unverified_der.len() > MAX_BYTES {
        return Err(CertificateError::Malformed);
    }
    let signed = read::signed(unverified_der)?;
    let mut parts = Cursor::only(signed.tbs_der, tlv::SEQUENCE)?.inside();
    let mut version = read::explicit(&mut parts, 0)?.ok_or(NotDer)?;
    read::version(&mut version, V3)?;
    version.finish()?;
    let serial = read::serial(&mut parts)?;
    // Both copies must agree (RFC 5280 §4.1.1.2): only the inner one is signed.
    if parts.read(tlv::SEQUENCE)?.der != signed.algorithm_der {
        return Err(CertificateError::Malformed);
    }
    let signature_algorithm = tlv::algorithm::from_identifier(signed.algorithm_der)
        .ok_or(CertificateError::SignatureAlgorithm)?;
    let issuer_der = name(&mut parts)?;
    let validity = validity(&mut parts)?;
    let subject_der = name(&mut parts)?;
    let spki_der = parts.read(tlv::SEQUENCE)?.der;
    let extensions = extensions(&mut parts)?;
    parts.finish()?;
    Ok(Certificate {
        der: unverified_der.to_vec(),
        tbs_der: signed.tbs_der.to_vec(),
        serial,
        issuer_der,
        subject_der,
        validity,
        public_key: PublicKey::from_spki_der(spki_der)?,
        signature_algorithm,
        signature: signed.signature.to_vec(),
        extensions,
    })
}

fn name(parts: &mut Cursor<'_>) -> Result<Vec<u8>, NotDer> {
    let name_der = parts.read(tlv::SEQUENCE)?.der;
    name::check(name_der)?;
    Ok(name_der.to_vec())
}

fn validity(parts: &mut Cursor<'_>) -> Result<Validity, NotDer> {
    let mut times = parts.read(tlv::SEQUENCE)?.inside();
    let not_before = tlv::read_time(times.any()?)?;
    let not_after = tlv::read_time(times.any()?)?;
    times.finish()?;
    Ok(Validity {
        not_before,
        not_after,
    })
}

/// Unique identifiers ([1], [2]) are refused with everything else that is not expected here.
fn extensions(parts: &mut Cursor<'_>) -> Result<Extensions, NotDer> {
    let Some(mut field) = read::explicit(parts, 3)? else {
        return Ok(Extensions::default());
    };
    let list = read::extensions(&mut field)?;
    field.finish()?;
    Extensions::read(&list)
}

impl From<NotDer> for CertificateError {
    fn from(_: NotDer) -> Self {
        Self::Malformed
    }
}

const MAX_BYTES: usize = 64 * 1024;
const V3: u8 = 2;
