//! Client certificates at the TLS layer: any is taken, once its key is shown to be there.
//!
//! A handshake happens once and a connection lives on, so nothing about trust is decided here: each
//! request asks the store whether the certificate counts. A certificate of somebody else is no
//! error either, since clients offer what they have, and ACME asks for none.

use std::sync::Arc;

use ca_issuance::Issuer;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// The certificate whose key a connection's peer has shown to hold; in each request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerCertificate(pub(crate) Arc<[u8]>);

/// Asks every client for a certificate, demands none, and checks only the handshake's signature.
#[derive(Debug)]
pub(crate) struct AnyClient {
    subjects: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyClient {
    /// Prepares to ask for certificates below these subjects, each an encoded Name.
    pub(crate) fn new(subjects: Vec<Vec<u8>>, provider: &CryptoProvider) -> Arc<Self> {
        Arc::new(Self {
            subjects: subjects.into_iter().map(DistinguishedName::from).collect(),
            algorithms: provider.signature_verification_algorithms,
        })
    }
}

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Returns the subjects by which browsers and clients pick the certificate to offer: the issuers',
/// and the roots' for chains that another intermediate of theirs begins.
pub(crate) fn subjects_of<'a>(issuers: impl Iterator<Item = &'a Issuer>) -> Vec<Vec<u8>> {
    let mut subjects: Vec<Vec<u8>> = Vec::new();
    for issuer in issuers {
        for certificate in [issuer.certificate(), issuer.root()] {
            let subject = certificate.subject_der().to_vec();
            if !subjects.contains(&subject) {
                subjects.push(subject);
            }
        }
    }
    subjects
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
    use rustls::crypto::aws_lc_rs;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
    use rustls::sign::{CertifiedKey, SingleCertAndKey};
    use rustls::{
        ClientConfig, ClientConnection, ConfigBuilder, RootCertStore, ServerConfig,
        ServerConnection, SupportedProtocolVersion, version,
    };

    use super::*;

    /// A certificate and its key; the first one is the server's.
    struct Pair {
        certificate: CertificateDer<'static>,
        key: KeyPair,
    }

    impl Pair {
        fn new(name: &str, key: KeyPair) -> Self {
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            let certificate = params.self_signed(&key).unwrap().der().clone();
            Self { certificate, key }
        }

        fn chain(&self) -> Vec<CertificateDer<'static>> {
            vec![self.certificate.clone()]
        }

        fn key(&self) -> PrivateKeyDer<'static> {
            PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
        }
    }

    struct Bench {
        server: Pair,
        config: Arc<ServerConfig>,
    }

    impl Bench {
        fn new() -> Self {
            let provider = Arc::new(aws_lc_rs::default_provider());
            let server = Pair::new("ca.example", KeyPair::generate().unwrap());
            let verifier = AnyClient::new(vec![vec![0x30, 0x00]], &provider);
            let config = ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_client_cert_verifier(verifier)
                .with_single_cert(server.chain(), server.key())
                .unwrap();
            let config = Arc::new(config);
            Self { server, config }
        }

        fn client(
            &self,
            version: &'static SupportedProtocolVersion,
        ) -> ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
            let mut roots = RootCertStore::empty();
            roots.add(self.server.certificate.clone()).unwrap();
            ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_protocol_versions(&[version])
                .unwrap()
                .with_root_certificates(roots)
        }

        /// Shakes hands and returns what the server takes its peer for.
        fn greet(&self, client: ClientConfig) -> Result<Option<Vec<u8>>, Error> {
            let name = ServerName::try_from("ca.example").unwrap();
            let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
            let mut server = ServerConnection::new(Arc::clone(&self.config)).unwrap();
            while client.is_handshaking() || server.is_handshaking() {
                let mut wire = Vec::new();
                client.write_tls(&mut wire).unwrap();
                server.read_tls(&mut wire.as_slice()).unwrap();
                server.process_new_packets()?;
                let mut wire = Vec::new();
                server.write_tls(&mut wire).unwrap();
                client.read_tls(&mut wire.as_slice()).unwrap();
                client.process_new_packets()?;
            }
            let shown = server.peer_certificates().and_then(<[_]>::first);
            Ok(shown.map(|certificate| certificate.to_vec()))
        }
    }

    #[test]
    fn asks_and_takes_no_for_an_answer() {
        let bench = Bench::new();

        for version in [&version::TLS12, &version::TLS13] {
            let silent = bench.client(version).with_no_client_auth();

            assert_eq!(bench.greet(silent), Ok(None));
        }
    }

    #[test]
    fn takes_a_certificate_of_anybody_and_any_key() {
        let bench = Bench::new();

        for algorithm in [&PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
            for version in [&version::TLS12, &version::TLS13] {
                let own = Pair::new("a.test", KeyPair::generate_for(algorithm).unwrap());
                let client = bench.client(version);
                let client = client.with_client_auth_cert(own.chain(), own.key());

                let shown = bench.greet(client.unwrap()).unwrap();

                assert_eq!(shown, Some(own.certificate.to_vec()));
            }
        }
    }

    #[test]
    fn refuses_a_certificate_without_its_key() {
        let bench = Bench::new();

        for version in [&version::TLS12, &version::TLS13] {
            let theirs = Pair::new("a.test", KeyPair::generate().unwrap());
            let other = Pair::new("b.test", KeyPair::generate().unwrap());
            let signer = aws_lc_rs::sign::any_supported_type(&other.key()).unwrap();
            let stolen = SingleCertAndKey::from(CertifiedKey::new(theirs.chain(), signer));
            let client = bench.client(version);

            let outcome = bench.greet(client.with_client_cert_resolver(Arc::new(stolen)));

            assert!(
                matches!(outcome, Err(Error::InvalidCertificate(_))),
                "{outcome:?}"
            );
        }
    }
}
