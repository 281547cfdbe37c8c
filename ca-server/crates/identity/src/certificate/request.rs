//! What is asked for.

use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ca_pki::Csr;

use crate::Error;

/// A request for a certificate.
#[derive(Clone, Debug)]
pub struct CertificateRequest {
    /// PKCS#10 in PEM, or in base64 of its DER.
    pub unverified_csr: String,
    /// The profile's name.
    pub profile: String,
    /// notAfter - notBefore as asked for.
    pub lifetime: Option<Duration>,
    /// The key under which the same request may be sent again.
    pub idempotency_key: Option<String>,
}

/// A request for a successor of the certificate that the caller shows.
#[derive(Clone, Debug)]
pub struct RenewalRequest {
    /// PKCS#10 in PEM, or in base64 of its DER, with the same names and a new key.
    pub unverified_csr: String,
    /// notAfter - notBefore as asked for.
    pub lifetime: Option<Duration>,
    /// The key under which the same request may be sent again.
    pub idempotency_key: Option<String>,
}

/// Reads a CSR in PEM or base64 of DER, whatever breaks its lines.
pub(super) fn read_csr(unverified: &str) -> Result<Csr, Error> {
    if unverified.contains("-----BEGIN") {
        return Csr::parse_pem(unverified).map_err(|error| malformed(&error));
    }
    let text: String = unverified.split_ascii_whitespace().collect();
    let der = STANDARD.decode(text).map_err(|_| {
        Error::Malformed("csr is neither PEM nor base64 of PKCS#10 in DER".to_owned())
    })?;
    Csr::parse(&der).map_err(|error| malformed(&error))
}

/// Hashes what is asked for, with lengths in front: no two requests have the same octets.
pub(super) fn request_hash(
    purpose: &str,
    csr: &Csr,
    profile: &str,
    lifetime: Option<Duration>,
) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [purpose.as_bytes(), csr.der(), profile.as_bytes()] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let secs = lifetime.map_or(u64::MAX, |span| span.as_secs());
    context.update(&secs.to_be_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

fn malformed(error: &ca_pki::csr::CsrError) -> Error {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    Error::Malformed(text)
}
