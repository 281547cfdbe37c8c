//! A TLS server for tls-alpn-01 (RFC 8737).

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{CertificateParams, CustomExtension, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::background;

/// A running server.
#[derive(Debug)]
pub struct TlsAlpnServer {
    address: SocketAddr,
    certificates: Arc<Certificates>,
}

/// What the certificate says; the defaults of `for_name` and `for_address` are right.
#[derive(Clone, Debug)]
pub struct AlpnCertificate {
    /// The SNI that it is shown for.
    pub server_name: String,
    /// Its subject alternative names.
    pub names: Vec<SanType>,
    /// What the acmeIdentifier extension holds the SHA-256 of; without it, none.
    pub key_authorization: Option<String>,
}

#[derive(Debug, Default)]
struct Certificates(Mutex<HashMap<String, Arc<CertifiedKey>>>);

impl TlsAlpnServer {
    pub(super) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("sockets can wait");
        let address = listener.local_addr().expect("bound");
        let certificates: Arc<Certificates> = Arc::default();
        let config = server_config(Arc::clone(&certificates));
        let listener = background::enter(|| TcpListener::from_std(listener).expect("a runtime"));
        background::spawn(serve(listener, TlsAcceptor::from(config)));
        Self {
            address,
            certificates,
        }
    }

    /// Returns where it listens; its port is `validation.tls_alpn_port`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows a certificate from now on.
    pub fn show(&self, certificate: &AlpnCertificate) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.subject_alt_names.clone_from(&certificate.names);
        if let Some(key_authorization) = &certificate.key_authorization {
            let hash = digest(&SHA256, key_authorization.as_bytes());
            params.custom_extensions = vec![CustomExtension::new_acme_identifier(hash.as_ref())];
        }
        let signed = params.self_signed(&key).expect("a certificate");
        let signer = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let signer = any_supported_type(&signer).expect("a key");
        let certified = CertifiedKey::new(vec![signed.der().clone()], signer);
        let mut shown = self.certificates.0.lock().unwrap();
        shown.insert(certificate.server_name.clone(), Arc::new(certified));
    }
}

impl AlpnCertificate {
    /// Returns the right answer for a name.
    pub fn for_name(name: &str, key_authorization: &str) -> Self {
        Self {
            server_name: name.to_owned(),
            names: vec![SanType::DnsName(name.try_into().expect("a name"))],
            key_authorization: Some(key_authorization.to_owned()),
        }
    }

    /// Returns the right answer for an address (RFC 8738 §6).
    pub fn for_address(address: IpAddr, key_authorization: &str) -> Self {
        Self {
            server_name: reverse_name(address),
            names: vec![SanType::IpAddress(address)],
            key_authorization: Some(key_authorization.to_owned()),
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.0.lock().unwrap();
        shown.get(hello.server_name()?).cloned()
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((stream, _peer)) = listener.accept().await {
        let accepting = acceptor.accept(stream);
        background::spawn(async move {
            // Clients hang up when they have seen the certificate.
            drop(accepting.await);
        });
    }
}

fn server_config(certificates: Arc<Certificates>) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider's own versions")
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    Arc::new(config)
}

fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let nibbles: Vec<String> = address
                .octets()
                .iter()
                .rev()
                .flat_map(|octet| [octet & 15, octet >> 4])
                .map(|nibble| format!("{nibble:x}"))
                .collect();
            format!("{}.ip6.arpa", nibbles.join("."))
        }
    }
}
