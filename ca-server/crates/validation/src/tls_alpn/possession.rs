//! A handshake's proof that the other side holds its certificate's key.

use std::sync::Arc;

use der::asn1::AnyRef;
use der::{Decode, Encode};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature_with_raw_key};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{
    CertificateDer, ServerName, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer, UnixTime,
};
use x509_cert::Certificate;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

/// Verifies handshake signatures, and leaves the certificate to be judged afterwards.
///
/// rustls's own verifiers refuse every certificate with a critical extension that they do not know,
/// which RFC 8737 §3 makes of acmeIdentifier.
#[derive(Debug)]
pub(super) struct PossessionVerifier {
    provider: Arc<CryptoProvider>,
}

impl PossessionVerifier {
    /// Verifies with the provider's algorithms.
    pub(super) fn new(provider: Arc<CryptoProvider>) -> Self {
        Self { provider }
    }
}

impl ServerCertVerifier for PossessionVerifier {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let key = public_key(certificate)?;
        let algorithms = self.provider.signature_verification_algorithms;
        let (_scheme, candidates) = algorithms
            .mapping
            .iter()
            .find(|(scheme, _)| *scheme == signed.scheme)
            .ok_or(BAD_SIGNATURE)?;
        // TLS 1.2's schemes leave the curve open (RFC 5246 §7.4.1.4.1).
        let is_valid = candidates
            .iter()
            .any(|algorithm| verifies(*algorithm, &key, message, signed.signature()));
        if !is_valid {
            return Err(BAD_SIGNATURE);
        }
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let key = public_key(certificate)?.to_der();
        let key = SubjectPublicKeyInfoDer::from(key.map_err(|_| BAD_ENCODING)?);
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Returns whether `signature` is this algorithm's, by this key.
pub(super) fn verifies(
    algorithm: &dyn SignatureVerificationAlgorithm,
    key: &SubjectPublicKeyInfoOwned,
    message: &[u8],
    signature: &[u8],
) -> bool {
    is_named(algorithm.public_key_alg_id().as_ref(), &key.algorithm)
        && algorithm
            .verify_signature(key.subject_public_key.raw_bytes(), message, signature)
            .is_ok()
}

/// Compares an AlgorithmIdentifier with the content octets that rustls knows algorithms by.
pub(super) fn is_named(content: &[u8], identifier: &AlgorithmIdentifierOwned) -> bool {
    let Ok(encoded) = identifier.to_der() else {
        return false;
    };
    AnyRef::from_der(&encoded).is_ok_and(|sequence| sequence.value() == content)
}

fn public_key(
    certificate: &CertificateDer<'_>,
) -> Result<SubjectPublicKeyInfoOwned, rustls::Error> {
    let certificate = Certificate::from_der(certificate).map_err(|_| BAD_ENCODING)?;
    Ok(certificate
        .tbs_certificate()
        .subject_public_key_info()
        .clone())
}

const BAD_SIGNATURE: rustls::Error =
    rustls::Error::InvalidCertificate(CertificateError::BadSignature);
const BAD_ENCODING: rustls::Error =
    rustls::Error::InvalidCertificate(CertificateError::BadEncoding);
