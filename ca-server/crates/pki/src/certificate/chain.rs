//! Which certificate vouches for which (RFC 5280 §6.1, for chains of CAs).

use super::{Certificate, CertificateError, KeyUsage, PathLength};
use crate::Timestamp;

/// Verifies that `chain` (a CA first, then what signed it) leads to `root` at `at`: signatures,
/// names, validity, CA flag, keyCertSign, path lengths, unknown critical extensions.
///
/// The root may, but need not, be the chain's last member; it is trusted for being handed in, and
/// must still be valid and signed by itself.
pub fn verify_authority_chain(
    chain: &[Certificate],
    root: &Certificate,
    at: Timestamp,
) -> Result<(), CertificateError> {
    if chain.is_empty() || chain.len() > MAX_LENGTH {
        return Err(broken("it must have 1 to 8 certificates"));
    }
    let issuers = chain.iter().skip(1).chain([root]);
    let mut intermediates_below = 0;
    for (certificate, issuer) in chain.iter().zip(issuers) {
        verify_authority(certificate, intermediates_below, at)?;
        verify_issued_by(certificate, issuer)?;
        if certificate.issuer_der != certificate.subject_der {
            intermediates_below += 1; // self-issued ones do not count (RFC 5280 §4.2.1.9)
        }
    }
    verify_authority(root, intermediates_below, at)?;
    verify_issued_by(root, root)
}

/// Verifies the signature with `issuer`'s key and that names and key identifiers match.
pub(super) fn verify_issued_by(
    certificate: &Certificate,
    issuer: &Certificate,
) -> Result<(), CertificateError> {
    let subject = certificate.subject_text();
    if certificate.issuer_der != issuer.subject_der {
        return Err(broken(format!(
            "{subject} names another issuer than {}",
            issuer.subject_text()
        )));
    }
    let identifier = certificate.extensions.authority_key_identifier.as_ref();
    let issuers_own = issuer.extensions.subject_key_identifier.as_ref();
    if identifier
        .zip(issuers_own)
        .is_some_and(|(named, own)| named != own)
    {
        return Err(broken(format!("{subject} names another key of its issuer")));
    }
    issuer
        .public_key
        .verify(
            certificate.signature_algorithm,
            &certificate.tbs_der,
            &certificate.signature,
        )
        .map_err(|_| broken(format!("the signature on {subject} does not verify")))
}

fn verify_authority(
    certificate: &Certificate,
    intermediates_below: usize,
    at: Timestamp,
) -> Result<(), CertificateError> {
    let subject = certificate.subject_text();
    let extensions = &certificate.extensions;
    let Some(path_length) = extensions.authority else {
        return Err(broken(format!("{subject} is not a CA")));
    };
    if !certificate.validity.contains(at) {
        return Err(broken(format!("{subject} is not valid at {at}")));
    }
    let may_sign = |bits: &std::collections::BTreeSet<_>| bits.contains(&KeyUsage::KeyCertSign);
    if !extensions.key_usage.as_ref().is_some_and(may_sign) {
        return Err(broken(format!("{subject} may not sign certificates")));
    }
    if let Some(unknown) = extensions.unknown_critical.first() {
        return Err(broken(format!(
            "{subject} has the unknown critical extension {unknown}"
        )));
    }
    match path_length {
        PathLength::AtMost(most) if intermediates_below > usize::from(most) => {
            Err(broken(format!("{subject} allows {most} CAs below it")))
        }
        PathLength::AtMost(_) | PathLength::Unlimited => Ok(()),
    }
}

fn broken(why: impl Into<String>) -> CertificateError {
    CertificateError::Chain(why.into())
}

/// Longer than any sensible chain; bounds the signatures to verify.
const MAX_LENGTH: usize = 8;

#[cfg(test)]
mod tests;
