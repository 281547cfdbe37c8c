//! DER that strangers send: CSRs, certificates to revoke, OCSP requests.

use ca_pki::ocsp::{OcspFailure, OcspRequest};
use ca_pki::{Certificate, Csr};

use crate::text;

/// A CSR, in DER or PEM: what is taken is kept octet for octet, and is bounded.
pub fn csr(unverified: &[u8]) {
    if let Ok(csr) = Csr::parse(unverified) {
        assert_eq!(csr.der(), unverified, "a CSR is kept as it was signed");
        assert!(csr.sans().len() <= 100, "names are bounded");
        for name in csr.sans() {
            same_identifier(name);
        }
    }
    if let Some(pem) = text(unverified) {
        let _ = Csr::parse_pem(pem);
    }
}

/// A certificate, as revokeCert (RFC 8555 §7.6) is given one, or a chain of them in PEM.
pub fn certificate(unverified: &[u8]) {
    if let Ok(certificate) = Certificate::parse(unverified) {
        assert_eq!(certificate.der(), unverified, "nothing is encoded anew");
        let _ = certificate.subject_text();
        let _ = certificate.key_identifier();
        if let Some(id) = certificate.renewal_id() {
            // An empty key identifier or a serial that is not positive names nothing.
            let _ = ca_acme::renewal_info::RenewalId::parse(&id);
        }
        let _ = certificate.verify_issued_by(&certificate);
        let again = Certificate::parse_pem_chain(&certificate.pem());
        assert!(
            again.is_ok_and(|chain| chain.len() == 1),
            "PEM holds the same certificate"
        );
    }
    if let Some(pem) = text(unverified) {
        let _ = Certificate::parse_pem_chain(pem);
    }
}

/// An OCSP request, as a POST's body and as a GET's path (RFC 6960 appendix A).
pub fn ocsp(unverified: &[u8]) {
    if let Ok(request) = OcspRequest::parse(unverified) {
        assert!(
            unverified.len() <= OcspRequest::MAX_BYTES,
            "requests are bounded"
        );
        assert!(
            !request.cert_ids.is_empty() && request.cert_ids.len() <= OcspRequest::MAX_CERT_IDS,
            "questions are bounded"
        );
    }
    if let Some(path) = text(unverified) {
        let _ = OcspRequest::from_get_path(path);
    }
    assert!(
        !OcspFailure::MalformedRequest.to_der().is_empty(),
        "a refusal can be encoded"
    );
}

fn same_identifier(name: &ca_pki::Identifier) {
    let again = ca_pki::Identifier::parse(name.kind(), &name.value());
    assert_eq!(again.as_ref(), Ok(name), "names have one text form");
}
