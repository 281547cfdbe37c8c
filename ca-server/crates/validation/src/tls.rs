//! TLS clients that judge certificates themselves, or not at all.

use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, VerifierBuilderError, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::dial::Host;
use crate::error::{ConnectionFault, Error, TlsFault};

/// Makes a client that believes any certificate: an http-01 redirect to `https` is followed by
/// hosts that have none yet, and proves no more than `http` does.
pub(crate) fn trusting_client() -> Arc<ClientConfig> {
    Arc::new(client(|provider| Arc::new(Trusting { provider })))
}

/// Makes a client that believes certificates below `roots`, for the name that was dialled.
pub(crate) fn verifying_client(
    roots: RootCertStore,
) -> Result<Arc<ClientConfig>, VerifierBuilderError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
    Ok(Arc::new(client(|_provider| verifier)))
}

/// Makes a client with a verifier of its own and no memory of earlier sessions.
pub(crate) fn client(
    verifier: impl FnOnce(Arc<CryptoProvider>) -> Arc<dyn ServerCertVerifier>,
) -> ClientConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("the provider has suites for TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(verifier(provider))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config
}

/// Says why a handshake failed.
pub(crate) fn failure(error: &io::Error, host: &Host, port: u16) -> Error {
    tracing::debug!(%host, port, %error, "no TLS handshake");
    let host = host.to_string();
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(tls) => Error::Tls {
            host,
            port,
            fault: fault(tls),
        },
        None => Error::Connection {
            host,
            port,
            fault: ConnectionFault::from(error.kind()),
        },
    }
}

fn fault(error: &rustls::Error) -> TlsFault {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext,
        NotValidYet, NotValidYetContext, UnknownIssuer,
    };
    if let rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)
    | rustls::Error::NoApplicationProtocol = error
    {
        TlsFault::Protocol
    } else if let rustls::Error::AlertReceived(_) = error {
        TlsFault::Alert
    } else if let rustls::Error::InvalidCertificate(BadSignature) = error {
        TlsFault::Possession
    } else if let rustls::Error::InvalidCertificate(UnknownIssuer) = error {
        TlsFault::UnknownIssuer
    } else if let rustls::Error::InvalidCertificate(
        NotValidForName | NotValidForNameContext { .. },
    ) = error
    {
        TlsFault::OtherName
    } else if let rustls::Error::InvalidCertificate(
        Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. },
    ) = error
    {
        TlsFault::OutOfTime
    } else if let rustls::Error::InvalidCertificate(_) = error {
        TlsFault::NotServers
    } else {
        TlsFault::Handshake
    }
}

#[derive(Debug)]
struct Trusting {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Trusting {
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
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
