//! TLS handshakes a second, as the public listener makes them: TLS 1.3, a P-256 certificate, no
//! resumption. Only the server's half is counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ca_issuance::world::{SystemClock, SystemEntropy};
use ca_issuance::{Clock, Entropy};
use ca_keys::{KeyError, SigningKey, SoftwareKey};
use ca_pki::authority::{RootRequest, root};
use ca_pki::certificate::name_from_text;
use ca_pki::{Certificate, KeyAlgorithm, Serial, Validity};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, ConnectionCommon, DigitallySignedStruct, ServerConfig,
    ServerConnection, SideData, SignatureScheme,
};

use crate::error::Error;
use crate::tls::TlsError;

/// Measures.
pub(super) fn per_sec(span: Duration) -> Result<f64, Error> {
    let (server, client) = configurations()?;
    let begun = Instant::now();
    let (mut made, mut spent) = (0_u32, Duration::ZERO);
    while begun.elapsed() < span {
        spent += shake(&server, &client)?;
        made += 1;
    }
    Ok(f64::from(made) / spent.as_secs_f64().max(f64::EPSILON))
}

/// Makes one handshake in memory; returns what the server's half took.
fn shake(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> Result<Duration, Error> {
    let name = ServerName::try_from("localhost").map_err(|_| inexplicable())?;
    let mut client = ClientConnection::new(Arc::clone(client), name).map_err(refused)?;
    let begun = Instant::now();
    let mut server = ServerConnection::new(Arc::clone(server)).map_err(refused)?;
    let mut spent = begun.elapsed();
    while client.is_handshaking() || server.is_handshaking() {
        let sent = written(&mut client)?;
        let begun = Instant::now();
        take(&mut server, &sent)?;
        let answer = written(&mut server)?;
        spent += begun.elapsed();
        take(&mut client, &answer)?;
        if sent.is_empty() && answer.is_empty() {
            return Err(inexplicable());
        }
    }
    Ok(spent)
}

fn written<S: SideData>(from: &mut ConnectionCommon<S>) -> Result<Vec<u8>, Error> {
    let mut octets = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut octets).map_err(Error::Runtime)?;
    }
    Ok(octets)
}

fn take<S: SideData>(to: &mut ConnectionCommon<S>, mut octets: &[u8]) -> Result<(), Error> {
    while !octets.is_empty() {
        to.read_tls(&mut octets).map_err(Error::Runtime)?;
        to.process_new_packets().map_err(refused)?;
    }
    Ok(())
}

fn configurations() -> Result<(Arc<ServerConfig>, Arc<ClientConfig>), Error> {
    let key = SoftwareKey::generate(KeyAlgorithm::EcP256).map_err(unusable)?;
    let certificate = CertificateDer::from(self_signed(&key)?.der().to_vec());
    let private = PrivatePkcs8KeyDer::from(key.to_pkcs8_der().map_err(unusable)?.to_vec());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(refused)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], private.into())
        .map_err(refused)?;
    server.send_tls13_tickets = 0;
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(refused)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Credulous))
        .with_no_client_auth();
    Ok((Arc::new(server), Arc::new(client)))
}

fn self_signed(key: &SoftwareKey) -> Result<Certificate, Error> {
    let now = SystemClock.now();
    let mut random = [0; Serial::RANDOM_BYTES];
    SystemEntropy::default()
        .fill(&mut random)
        .map_err(|_| inexplicable())?;
    let malformed = |source| Error::CertificateFile {
        file: "limits".into(),
        source,
    };
    let template = root(RootRequest {
        subject_der: name_from_text("CN=limits").map_err(malformed)?,
        public_key: key.public_key().clone(),
        serial: Serial::new(now, random),
        validity: Validity {
            not_before: now,
            not_after: now.plus(Duration::from_secs(3_600)),
        },
    });
    let to_be_signed = template.to_be_signed().map_err(malformed)?;
    let signature = key
        .sign_blocking(&to_be_signed, Instant::now() + Duration::from_secs(5))
        .map_err(unusable)?;
    Certificate::assemble(&to_be_signed, key.algorithm(), &signature).map_err(malformed)
}

fn refused(error: rustls::Error) -> Error {
    Error::Tls(TlsError::Rustls(error))
}

fn unusable(source: KeyError) -> Error {
    Error::Tls(TlsError::Key(source))
}

fn inexplicable() -> Error {
    Error::Tls(TlsError::Rustls(rustls::Error::HandshakeNotComplete))
}

/// A client that believes everything: its half is not what is measured, and it talks to nobody.
#[derive(Debug)]
struct Credulous;

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
