//! An HTTPS server with a certificate below a root of its own, and the answer that a test wants.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// The running server; it ends when dropped.
pub(crate) struct HttpsServer {
    pub(crate) address: SocketAddr,
    /// The root that its certificate chains to, in PEM.
    pub(crate) root: String,
    requests: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

/// When the server's certificate holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Time {
    Now,
    Past,
}

impl HttpsServer {
    /// Serves as `name`; no answer means silence.
    pub(crate) async fn start(name: &str, time: Time, answer: Option<Vec<u8>>) -> Self {
        let (root, config) = identity(name, time);
        Self::start_with(root, config, answer).await
    }

    /// Serves as `name` with a root's own certificate.
    pub(crate) async fn start_as_authority(name: &str, answer: Option<Vec<u8>>) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).expect("a root");
        Self::start_with(root.pem(), configured(&root, &key), answer).await
    }

    async fn start_with(root: String, config: ServerConfig, answer: Option<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tasks.spawn(serve(listener, acceptor, answer, Arc::clone(&requests)));
        Self {
            address,
            root,
            requests,
            _tasks: tasks,
        }
    }

    /// Returns the heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("not poisoned").clone()
    }
}

/// Returns a root in PEM and a server's configuration with a certificate below it.
fn identity(name: &str, time: Time) -> (String, ServerConfig) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&key).expect("a root").pem();
    let issuer = Issuer::new(params, key);

    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
    if time == Time::Past {
        params.not_after = date_time_ymd(2001, 1, 1);
    }
    let leaf = params.signed_by(&key, &issuer).expect("a certificate");
    (root, configured(&leaf, &key))
}

fn configured(certificate: &Certificate, key: &KeyPair) -> ServerConfig {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a certificate for its key")
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    answer: Option<Vec<u8>>,
    requests: Arc<Mutex<Vec<String>>>,
) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _peer)) = listener.accept().await {
        let (acceptor, answer) = (acceptor.clone(), answer.clone());
        let requests = Arc::clone(&requests);
        connections.spawn(async move {
            // A client that does not like the certificate hangs up; that is no error here.
            let _ = converse(stream, acceptor, answer, requests).await;
        });
    }
}

async fn converse(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    answer: Option<Vec<u8>>,
    requests: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    requests.lock().expect("not poisoned").push(head);
    let Some(answer) = answer else {
        return std::future::pending().await;
    };
    stream.write_all(&answer).await?;
    stream.shutdown().await
}
