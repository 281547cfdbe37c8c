use axum::body::{Body, to_bytes};
use axum::routing::get;
use axum::{Extension, Router};
use ca_identity::source::Exempt;
use hyper::Response;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioExecutor;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::spoken::Version;
use super::*;
use crate::tls::client::AnyClient;
use crate::tls::resume_by_tickets;

const IMPATIENT: Spoken = Spoken {
    version: Version::Http1,
    patience: Patience {
        handshake: Duration::from_millis(1),
        headers: Duration::from_millis(1),
        stall: Duration::from_millis(1),
    },
};

async fn serve(stream: DuplexStream, spoken: Spoken) {
    serve_while(stream, spoken, Presence::default()).await;
}

async fn serve_while(stream: DuplexStream, spoken: Spoken, presence: Presence) {
    let router = Router::new().route("/", get(|| async { "here" }));
    let peer = Peer::unknown(
        SocketAddr::from(([192, 0, 2, 1], 1_024)),
        Waiting::new(Exempt::default()),
    );
    let served = Served {
        routes: router.into(),
        presence,
        peer,
    };
    let graceful = GracefulShutdown::new();
    speak(stream, served, graceful.watcher(), spoken).await;
}

#[tokio::test]
async fn hangs_up_on_whoever_connects_and_says_nothing() {
    for version in [Version::Http1, Version::Http2] {
        let (_silent, stream) = duplex(64);
        let spoken = Spoken {
            version,
            ..IMPATIENT
        };

        let ended = tokio::time::timeout(Patience::USUAL.headers, serve(stream, spoken)).await;

        assert!(ended.is_ok());
    }
}

#[tokio::test]
async fn keeps_a_rush_of_clients_in_the_queue() {
    let socket = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = socket.local_addr().unwrap();

    let connect =
        |_| std::net::TcpStream::connect_timeout(&address, Patience::USUAL.handshake / 20);
    let rush: Vec<_> = (0..300).map(connect).collect();

    assert!(rush.iter().all(Result::is_ok));
}

#[tokio::test]
async fn answers_whoever_asks() {
    let (mut client, stream) = duplex(1_024);
    let request = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
    client.write_all(request).await.unwrap();

    serve(stream, Spoken::negotiated(None, Patience::USUAL)).await;

    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn ends_a_connection_with_its_next_answer_while_it_drains() {
    let (mut client, stream) = duplex(1_024);
    let presence = Presence::default();
    presence.leave();
    let request = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    client.write_all(request).await.unwrap();

    serve_while(stream, Spoken::negotiated(None, Patience::USUAL), presence).await;

    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

/// A self-signed certificate and its key.
struct Pair {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Pair {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { certificate, key }
    }

    fn key(&self) -> PrivatePkcs8KeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der())
    }
}

/// A listener that answers with the length of its peer's certificate.
struct Doorman {
    pair: Pair,
    address: SocketAddr,
    shutdown: CancellationToken,
}

impl Doorman {
    fn open() -> Self {
        let pair = Pair::new("ca.example");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = AnyClient::new(Vec::new(), &provider);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![pair.certificate.clone()], pair.key().into())
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        resume_by_tickets(&mut config).unwrap();
        let socket = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let doorman = Self {
            pair,
            address: socket.local_addr().unwrap(),
            shutdown: CancellationToken::new(),
        };
        let listener = Listener {
            name: "test",
            socket,
            transport: Transport::Tls(Arc::new(config)),
            routes: Router::new().route("/", get(length_of_certificate)).into(),
            places: 16,
            share: Share::default(),
            presence: Presence::default(),
        };
        tokio::spawn(listener.serve(doorman.shutdown.clone()));
        doorman
    }

    /// A client that trusts the doorman, speaks `protocol` and remembers sessions.
    fn client(&self, protocol: &str, own: Option<&Pair>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.pair.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match own {
            Some(own) => config
                .with_client_auth_cert(vec![own.certificate.clone()], own.key().into())
                .unwrap(),
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        TlsConnector::from(Arc::new(config))
    }

    async fn connect(&self, client: &TlsConnector) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("ca.example").unwrap();
        client.connect(name, stream).await.unwrap()
    }

    /// Asks twice over one connection that speaks `protocol` and returns both answers.
    async fn ask(&self, protocol: &str, own: Option<&Pair>) -> [String; 2] {
        let stream = self.connect(&self.client(protocol, own)).await;
        let stream = TokioIo::new(stream);
        let request = || {
            let request = Request::get("https://ca.example/").header("host", "ca.example");
            request.body(Body::empty()).unwrap()
        };
        if protocol == "h2" {
            let executor = TokioExecutor::new();
            let (mut sender, connection) = http2::handshake(executor, stream).await.unwrap();
            tokio::spawn(connection);
            let first = text(sender.send_request(request()).await.unwrap()).await;
            [
                first,
                text(sender.send_request(request()).await.unwrap()).await,
            ]
        } else {
            let (mut sender, connection) = http1::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            let first = text(sender.send_request(request()).await.unwrap()).await;
            sender.ready().await.unwrap();
            [
                first,
                text(sender.send_request(request()).await.unwrap()).await,
            ]
        }
    }
}

impl Drop for Doorman {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

async fn length_of_certificate(leaf: Option<Extension<PeerCertificate>>) -> String {
    leaf.map_or(0, |Extension(leaf)| leaf.0.len()).to_string()
}

async fn text(response: Response<Incoming>) -> String {
    let octets = to_bytes(Body::new(response.into_body()), usize::MAX)
        .await
        .unwrap();
    String::from_utf8(octets.to_vec()).unwrap()
}

#[tokio::test]
async fn every_request_of_a_connection_carries_its_certificate() {
    let doorman = Doorman::open();
    let own = Pair::new("client.example");
    let length = own.certificate.len().to_string();

    for protocol in ["http/1.1", "h2"] {
        let with = doorman.ask(protocol, Some(&own)).await;
        let without = doorman.ask(protocol, None).await;

        assert_eq!(with, [length.as_str(), length.as_str()], "{protocol}");
        assert_eq!(without, ["0", "0"], "{protocol}");
    }
}

#[tokio::test]
async fn a_session_taken_up_again_carries_its_certificate() {
    let doorman = Doorman::open();
    let own = Pair::new("client.example");
    let client = doorman.client("http/1.1", Some(&own));
    let mut kinds = Vec::new();
    let mut answers = Vec::new();

    for _ in 0..2 {
        let mut stream = doorman.connect(&client).await;
        kinds.push(stream.get_ref().1.handshake_kind());
        let request = b"GET / HTTP/1.1\r\nHost: ca.example\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answers.push(answer);
    }

    use rustls::HandshakeKind::{Full, Resumed};
    assert_eq!(kinds, [Some(Full), Some(Resumed)]);
    let length = format!("\r\n\r\n{}", own.certificate.len());
    assert!(
        answers.iter().all(|answer| answer.ends_with(&length)),
        "{answers:?}"
    );
}
