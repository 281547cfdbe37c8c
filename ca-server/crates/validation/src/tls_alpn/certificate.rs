//! The certificate of tls-alpn-01 (RFC 8737 §3).

use ca_pki::Identifier;
use der::asn1::{ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode, Reader, SliceReader};
use rustls::crypto::aws_lc_rs;
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::possession::{is_named, verifies};

/// Why a certificate is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CertificateFault {
    /// Not a certificate.
    #[error("it is not a certificate in DER")]
    Malformed,
    /// Signed by another, or with a broken signature.
    #[error("it is not self-signed")]
    NotSelfSigned,
    /// The names are not the identifier alone.
    #[error("its subjectAltName must hold the identifier and nothing else")]
    WrongNames,
    /// No acmeIdentifier, or several.
    #[error("it must have one acmeIdentifier extension")]
    NoAcmeIdentifier,
    /// acmeIdentifier is not critical.
    #[error("its acmeIdentifier extension must be critical")]
    NotCritical,
    /// acmeIdentifier holds something else.
    #[error("its acmeIdentifier is not the SHA-256 digest of the key authorization")]
    WrongDigest,
}

/// Checks everything that RFC 8737 §3 asks of the certificate.
pub(super) fn judge(
    unverified_der: &[u8],
    identifier: &Identifier,
    expected: &[u8; 32],
) -> Result<(), CertificateFault> {
    let certificate =
        Certificate::from_der(unverified_der).map_err(|_| CertificateFault::Malformed)?;
    if !is_self_signed(&certificate, unverified_der) {
        return Err(CertificateFault::NotSelfSigned);
    }
    let names = only_extension(&certificate, SUBJECT_ALT_NAME);
    if !names.is_some_and(|extension| names_only(extension, identifier)) {
        return Err(CertificateFault::WrongNames);
    }
    let proof =
        only_extension(&certificate, ACME_IDENTIFIER).ok_or(CertificateFault::NoAcmeIdentifier)?;
    if !proof.critical {
        return Err(CertificateFault::NotCritical);
    }
    match <&OctetStringRef>::from_der(proof.extn_value.as_bytes()) {
        Ok(digest) if digest.as_bytes() == expected => Ok(()),
        Ok(_) | Err(_) => Err(CertificateFault::WrongDigest),
    }
}

fn is_self_signed(certificate: &Certificate, der: &[u8]) -> bool {
    let body = certificate.tbs_certificate();
    if body.subject().to_der().ok() != body.issuer().to_der().ok() {
        return false;
    }
    // Over the octets as sent: encoding anew might repair what was signed.
    let Ok(signed) = signed_octets(der) else {
        return false;
    };
    let Some(signature) = certificate.signature().as_bytes() else {
        return false;
    };
    aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .all
        .iter()
        .filter(|algorithm| {
            let named = algorithm.signature_alg_id();
            is_named(named.as_ref(), certificate.signature_algorithm())
        })
        .any(|algorithm| {
            verifies(
                *algorithm,
                body.subject_public_key_info(),
                signed,
                signature,
            )
        })
}

fn signed_octets(der: &[u8]) -> Result<&[u8], der::Error> {
    SliceReader::new(der)?.sequence(|reader| {
        let signed = reader.tlv_bytes()?;
        while !reader.is_finished() {
            reader.tlv_bytes()?;
        }
        Ok(signed)
    })
}

/// Returns the extension if there is exactly one with this identifier.
fn only_extension(certificate: &Certificate, id: ObjectIdentifier) -> Option<&Extension> {
    let extensions = certificate.tbs_certificate().extensions()?;
    let mut found = extensions
        .iter()
        .filter(|extension| extension.extn_id == id);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

fn names_only(extension: &Extension, identifier: &Identifier) -> bool {
    let Ok(SubjectAltName(names)) = SubjectAltName::from_der(extension.extn_value.as_bytes())
    else {
        return false;
    };
    let [name] = names.as_slice() else {
        return false;
    };
    match identifier {
        Identifier::Dns(wanted) => matches!(
            name,
            GeneralName::DnsName(found) if found.as_str().eq_ignore_ascii_case(wanted.base())
        ),
        Identifier::Ip(wanted) => {
            let octets = match wanted {
                std::net::IpAddr::V4(four) => four.octets().to_vec(),
                std::net::IpAddr::V6(six) => six.octets().to_vec(),
            };
            matches!(name, GeneralName::IpAddress(found) if found.as_bytes() == octets)
        }
        Identifier::Uri(_) | Identifier::Email(_) => false,
    }
}

const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const ACME_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.31");
