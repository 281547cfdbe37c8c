//! TLS servers for tls-alpn-01, with certificates as right or wrong as a test wants.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{CertificateParams, CustomExtension, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// The running server; it ends when dropped.
pub(crate) struct TlsServer {
    pub(crate) address: SocketAddr,
    names_asked: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

/// A certificate and its key.
pub(crate) struct Identity {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl Identity {
    /// The certificate that RFC 8737 asks for.
    pub(crate) fn proof(name: &str, key_authorization: &str) -> Self {
        Self::self_signed(&[name], vec![acme_identifier(key_authorization)])
    }

    /// A self-signed certificate.
    pub(crate) fn self_signed(names: &[&str], extensions: Vec<CustomExtension>) -> Self {
        let key = KeyPair::generate().expect("a key");
        Self::of_key(key, names, extensions)
    }

    /// A self-signed certificate for a key.
    pub(crate) fn of_key(key: KeyPair, names: &[&str], extensions: Vec<CustomExtension>) -> Self {
        let params = params(names, extensions);
        let certificate = params.self_signed(&key).expect("a certificate");
        Self {
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
        }
    }

    /// A certificate that another key signed.
    pub(crate) fn signed_by_another(name: &str, key_authorization: &str) -> Self {
        let authority = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        // The same names on both, so that only the signature tells.
        let issuer = rcgen::Issuer::new(params(&[name], Vec::new()), authority);
        let key = KeyPair::generate().expect("a key");
        let certificate = params(&[name], vec![acme_identifier(key_authorization)])
            .signed_by(&key, &issuer)
            .expect("a certificate");
        Self {
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
        }
    }

    /// The same certificate with another's key, which the holder of only the certificate would use.
    pub(crate) fn with_key_of(mut self, other: Self) -> Self {
        self.key = other.key;
        self
    }
}

/// The acmeIdentifier extension for a key authorization.
pub(crate) fn acme_identifier(key_authorization: &str) -> CustomExtension {
    CustomExtension::new_acme_identifier(digest(&SHA256, key_authorization.as_bytes()).as_ref())
}

impl TlsServer {
    /// Serves over TLS 1.2 and 1.3, speaking `protocol` if there is one.
    pub(crate) async fn start(identity: Identity, protocol: Option<&str>) -> Self {
        Self::start_with(identity, protocol, rustls::ALL_VERSIONS).await
    }

    /// Serves over the given versions.
    pub(crate) async fn start_with(
        identity: Identity,
        protocol: Option<&str>,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Self {
        let provider = Arc::new(default_provider());
        let signer = provider
            .key_provider
            .load_private_key(identity.key)
            .expect("a key that signs");
        let certified = rustls::sign::CertifiedKey::new(vec![identity.certificate], signer);
        let names_asked = Arc::new(Mutex::new(Vec::new()));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Recorder {
                certified: Arc::new(certified),
                names_asked: Arc::clone(&names_asked),
            }));
        config.alpn_protocols = protocol
            .iter()
            .map(|text| text.as_bytes().to_vec())
            .collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let address = listener.local_addr().expect("bound");
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, TlsAcceptor::from(Arc::new(config))));
        Self {
            address,
            names_asked,
            _tasks: tasks,
        }
    }

    /// Returns the server names of the handshakes so far.
    pub(crate) fn names_asked(&self) -> Vec<String> {
        self.names_asked.lock().expect("not poisoned").clone()
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _peer)) = listener.accept().await {
        let handshake = acceptor.accept(stream);
        connections.spawn(async move {
            // What the other side makes of the handshake is what the test looks at.
            let _ = handshake.await;
        });
    }
}

/// Shows one certificate, whoever is asked for.
#[derive(Debug)]
struct Recorder {
    certified: Arc<rustls::sign::CertifiedKey>,
    names_asked: Arc<Mutex<Vec<String>>>,
}

impl rustls::server::ResolvesServerCert for Recorder {
    fn resolve(
        &self,
        hello: rustls::server::ClientHello<'_>,
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        let name = hello.server_name().unwrap_or_default().to_owned();
        self.names_asked.lock().expect("not poisoned").push(name);
        Some(Arc::clone(&self.certified))
    }
}

fn params(names: &[&str], extensions: Vec<CustomExtension>) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.custom_extensions = extensions;
    params
}

/// A web server with a certificate that nobody would trust.
pub(crate) struct HttpsServer {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl HttpsServer {
    /// Answers every request with `body`.
    pub(crate) async fn start(body: &str) -> Self {
        let identity = Identity::self_signed(&["unrelated.test"], Vec::new());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![identity.certificate], identity.key)
            .expect("a certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let address = listener.local_addr().expect("bound");
        let length = body.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((stream, _peer)) = listener.accept().await {
                let mut stream = acceptor.accept(stream).await.expect("a handshake");
                let mut request = [0; 1024];
                let _length = stream.read(&mut request).await.expect("a request");
                stream.write_all(answer.as_bytes()).await.expect("written");
                stream.shutdown().await.expect("closed");
            }
        });
        Self {
            address,
            _tasks: tasks,
        }
    }
}
