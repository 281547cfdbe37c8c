//! One connection, however many requests: HTTP/1.1 without a pool that could open another.

use std::fmt::Write as _;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Holder;
use crate::TestCa;

/// A connection that stays open; it cannot be opened again.
#[derive(Debug)]
pub struct KeptConnection(TlsStream<TcpStream>);

impl KeptConnection {
    /// Opens it and shows a certificate, if there is one.
    pub async fn open(ca: &TestCa, holder: Option<&Holder>) -> Self {
        let stream = TcpStream::connect(ca.address("public")).await;
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = TlsConnector::from(Arc::new(config(ca, holder)));
        let stream = connector.connect(name, stream.expect("the server listens"));
        Self(stream.await.expect("a handshake"))
    }

    /// Sends a GET with these headers and returns the status.
    pub async fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n");
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").expect("memory");
        }
        request.push_str("\r\n");
        let sent = self.0.write_all(request.as_bytes()).await;
        sent.expect("the connection is open");
        self.0.flush().await.expect("the connection is open");
        self.answer().await
    }

    /// Reads one answer to its end.
    async fn answer(&mut self) -> u16 {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.expect("the connection is open"));
        }
        let head = String::from_utf8(head).expect("text").to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().expect("a number"));
        let mut body = vec![0; length];
        let read = self.0.read_exact(&mut body).await;
        read.expect("the connection is open");
        let status = head.split(' ').nth(1).expect("a status");
        status.parse().expect("a status")
    }
}

fn config(ca: &TestCa, holder: Option<&Holder>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_file(ca.root_file()).expect("the CA has a root");
    roots.add(root).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let Some(Holder { chain_pem, key_pem }) = holder else {
        return config.with_no_client_auth();
    };
    let chain = CertificateDer::pem_slice_iter(chain_pem.as_bytes());
    let chain = chain.map(|certificate| certificate.expect("PEM")).collect();
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).expect("a key");
    let config = config.with_client_auth_cert(chain, key);
    config.expect("a certificate and its key")
}
