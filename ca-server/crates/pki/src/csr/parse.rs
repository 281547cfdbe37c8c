//! Reading a request: structure first, then key, signature and names.

use std::collections::BTreeSet;

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5280, rfc5912};

use super::{Csr, CsrError};
use crate::asn1::read::{self, Extension};
use crate::certificate::TLS_FEATURE;
use crate::general_name::{self, GeneralNameError};
use crate::identifier::IdentifierError;
use crate::tlv::{self, Cursor, NotDer};
use crate::{Identifier, PublicKey, asn1, name};

/// Parses and verifies a request in DER.
pub(super) fn parse(unverified_der: &[u8]) -> Result<Csr, CsrError> {
    if unverified_der.len() > MAX_BYTES {
        return Err(CsrError::Malformed);
    }
    let signed = read::signed(unverified_der)?;
    let info = request_info(signed.tbs_der)?;
    let public_key = PublicKey::from_spki_der(info.spki_der)?;
    let algorithm = tlv::algorithm::from_identifier(signed.algorithm_der)
        .ok_or(CsrError::SignatureAlgorithm)?;
    public_key
        .verify(algorithm, signed.tbs_der, signed.signature)
        .map_err(|_| CsrError::Signature)?;
    Ok(Csr {
        der: unverified_der.to_vec(),
        public_key,
        subject_der: info.subject_der.to_vec(),
        sans: alternative_names(&info.extensions)?,
        common_names: common_names(info.subject_der)?,
        must_staple: asks_for_stapling(&info.extensions)?,
    })
}

/// CertificationRequestInfo (RFC 2986 §4.1), still in its original bytes.
struct RequestInfo<'a> {
    subject_der: &'a [u8],
    spki_der: &'a [u8],
    extensions: Vec<Extension<'a>>,
}

fn request_info(der: &[u8]) -> Result<RequestInfo<'_>, CsrError> {
    let mut parts = Cursor::only(der, tlv::SEQUENCE)?.inside();
    read::version(&mut parts, 0)?;
    let subject_der = parts.read(tlv::SEQUENCE)?.der;
    name::check(subject_der)?;
    let spki_der = parts.read(tlv::SEQUENCE)?.der;
    // Some clients leave the attributes out instead of sending none.
    let attributes = read::explicit(&mut parts, 0)?;
    parts.finish()?;
    let extensions = attributes
        .map(requested_extensions)
        .transpose()?
        .unwrap_or_default();
    Ok(RequestInfo {
        subject_der,
        spki_der,
        extensions,
    })
}

/// Returns what the one extensionRequest attribute (RFC 2985 §5.4.2) asks for. Attributes may come
/// in any order: what counts is that they were signed.
fn requested_extensions(mut attributes: Cursor<'_>) -> Result<Vec<Extension<'_>>, NotDer> {
    let mut requested = None;
    while !attributes.is_empty() {
        let mut attribute = attributes.read(tlv::SEQUENCE)?.inside();
        let oid = read::oid(&mut attribute)?;
        let mut values = attribute.read(asn1::SET)?.inside();
        attribute.finish()?;
        if oid != rfc5912::ID_EXTENSION_REQ {
            continue;
        }
        let extensions = read::extensions(&mut values)?;
        values.finish()?;
        if requested.replace(extensions).is_some() {
            return Err(NotDer);
        }
    }
    Ok(requested.unwrap_or_default())
}

fn alternative_names(extensions: &[Extension<'_>]) -> Result<BTreeSet<Identifier>, CsrError> {
    let Some(value) = value_of(extensions, &rfc5280::ID_CE_SUBJECT_ALT_NAME) else {
        return Ok(BTreeSet::new());
    };
    let entries = general_name::entries(value)?;
    if entries.len() > MAX_NAMES {
        return Err(CsrError::TooManyNames);
    }
    entries
        .into_iter()
        .map(|entry| general_name::read(entry).map_err(CsrError::from))
        .collect()
}

fn common_names(subject_der: &[u8]) -> Result<Vec<String>, CsrError> {
    let names = name::common_names(subject_der).map_err(|_| IdentifierError::NotADnsName {
        value: name::to_text(subject_der).chars().take(255).collect(),
        reason: "a common name is in a string type other than UTF8String or plain ASCII",
    })?;
    if names.len() > MAX_NAMES {
        return Err(CsrError::TooManyNames);
    }
    Ok(names.iter().map(|name| name.trim().to_owned()).collect())
}

/// Returns whether the TLS features (RFC 7633 §4) have status_request.
fn asks_for_stapling(extensions: &[Extension<'_>]) -> Result<bool, NotDer> {
    let Some(value) = value_of(extensions, &TLS_FEATURE) else {
        return Ok(false);
    };
    let mut features = Cursor::only(value, tlv::SEQUENCE)?.inside();
    let mut asks = false;
    while !features.is_empty() {
        asks |= features.read(tlv::INTEGER)?.integer()? == [STATUS_REQUEST];
    }
    Ok(asks)
}

fn value_of<'a>(extensions: &[Extension<'a>], oid: &ObjectIdentifier) -> Option<&'a [u8]> {
    extensions
        .iter()
        .find(|extension| extension.oid == *oid)
        .map(|extension| extension.value)
}

impl From<NotDer> for CsrError {
    fn from(_: NotDer) -> Self {
        Self::Malformed
    }
}

impl From<GeneralNameError> for CsrError {
    fn from(error: GeneralNameError) -> Self {
        match error {
            GeneralNameError::OtherType => Self::SanType,
            GeneralNameError::Malformed => Self::Malformed,
            GeneralNameError::Identifier(identifier) => Self::Name(identifier),
        }
    }
}

const MAX_BYTES: usize = 64 * 1024;
const MAX_NAMES: usize = 100;
/// The TLS extension number that asks for OCSP stapling (RFC 6066 §8).
const STATUS_REQUEST: u8 = 5;
