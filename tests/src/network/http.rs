//! An HTTP server, plain or over TLS, that says what it is told to, path by path.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use crate::background;

/// A running server.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    paths: Arc<Mutex<Paths>>,
}

/// What a path is answered with.
#[derive(Clone, Debug)]
pub enum HttpAnswer {
    /// 200 and this body.
    Body(String),
    /// This status, these header lines, this body.
    Whole(u16, Vec<String>, String),
    /// 200 and this body, when the other side lets it go.
    After(Arc<Notify>, String),
    /// These octets, then silence with the connection open.
    Stall(Vec<u8>),
}

#[derive(Debug, Default)]
struct Paths {
    answers: HashMap<String, HttpAnswer>,
    requested: Vec<String>,
}

impl HttpServer {
    pub(super) fn start() -> Self {
        let (listener, address) = background::enter(listen);
        let paths = Arc::default();
        background::spawn(serve(listener, Arc::clone(&paths)));
        Self { address, paths }
    }

    /// Starts one that speaks TLS; it ends with the process.
    pub(crate) fn start_tls(acceptor: TlsAcceptor) -> Self {
        let (listener, address) = background::enter(listen);
        let paths = Arc::default();
        background::spawn(serve_tls(listener, acceptor, Arc::clone(&paths)));
        Self { address, paths }
    }

    /// Returns where it listens; its port is `validation.http_port`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers the challenge with this token.
    pub fn answer_challenge(&self, token: &str, key_authorization: &str) {
        self.set(
            &format!("/.well-known/acme-challenge/{token}"),
            HttpAnswer::Body(key_authorization.to_owned()),
        );
    }

    /// Answers a path.
    pub fn set(&self, path: &str, answer: HttpAnswer) {
        let mut paths = self.paths.lock().unwrap();
        paths.answers.insert(path.to_owned(), answer);
    }

    /// Returns how often a path was requested.
    pub fn times_requested(&self, path: &str) -> usize {
        let paths = self.paths.lock().unwrap();
        paths.requested.iter().filter(|one| *one == path).count()
    }
}

async fn serve(listener: TcpListener, paths: Arc<Mutex<Paths>>) {
    while let Ok((stream, _peer)) = listener.accept().await {
        let paths = Arc::clone(&paths);
        background::spawn(async move {
            // Whoever asked may have gone.
            let _ = answer(stream, &paths).await;
        });
    }
}

async fn serve_tls(listener: TcpListener, acceptor: TlsAcceptor, paths: Arc<Mutex<Paths>>) {
    while let Ok((stream, _peer)) = listener.accept().await {
        let (handshake, paths) = (acceptor.accept(stream), Arc::clone(&paths));
        background::spawn(async move {
            // Whoever asked may have gone, or trust another certificate.
            if let Ok(stream) = handshake.await {
                let _ = answer(stream, &paths).await;
            }
        });
    }
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    paths: &Mutex<Paths>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let found = {
        let mut paths = paths.lock().unwrap();
        let found = paths.answers.get(&path).cloned();
        paths.requested.push(path);
        found
    };
    let octets = match found {
        None => whole(404, &[], "nothing here"),
        Some(HttpAnswer::Body(body)) => whole(200, &[], &body),
        Some(HttpAnswer::Whole(status, headers, body)) => whole(status, &headers, &body),
        Some(HttpAnswer::After(released, body)) => {
            released.notified().await;
            whole(200, &[], &body)
        }
        Some(HttpAnswer::Stall(octets)) => {
            stream.write_all(&octets).await?;
            // Ends when the other side hangs up.
            stream.read_to_end(&mut Vec::new()).await?;
            return Ok(());
        }
    };
    stream.write_all(&octets).await?;
    stream.shutdown().await
}

fn whole(status: u16, headers: &[String], body: &str) -> Vec<u8> {
    let length = body.len();
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    format!(
        "HTTP/1.1 {status} As told\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("sockets can wait");
    let address = listener.local_addr().expect("bound");
    let listener = TcpListener::from_std(listener).expect("inside of a runtime");
    (listener, address)
}
