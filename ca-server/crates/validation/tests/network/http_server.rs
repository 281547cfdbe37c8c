//! HTTP servers that answer with whatever octets a test wants.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What is sent in answer to a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// These octets, then the end of the connection.
    Octets(Vec<u8>),
    /// These octets, then more of them as long as they are read.
    Endless(Vec<u8>, Vec<u8>),
    /// These octets, then one more every few milliseconds.
    Drip(Vec<u8>),
    /// Nothing, ever.
    Silence,
    /// A reset.
    Reset,
}

/// The running server; it ends when dropped.
pub(crate) struct HttpServer {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Answer {
    /// A whole answer with a body.
    pub(crate) fn status(status: u16, body: &str) -> Self {
        Self::with_header(status, "Content-Type: text/plain", body)
    }

    /// A redirect.
    pub(crate) fn redirect(location: &str) -> Self {
        Self::with_header(302, &format!("Location: {location}"), "")
    }

    /// A whole answer with one more header field.
    pub(crate) fn with_header(status: u16, field: &str, body: &str) -> Self {
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status} Status\r\n{field}\r\nContent-Length: {length}\r\n\r\n");
        Self::Octets((head + body).into_bytes())
    }
}

impl HttpServer {
    /// Serves at a free port of `address`; the answer is chosen by the request's head.
    pub(crate) async fn start(
        address: &str,
        answer: impl Fn(&str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start_at(format!("{address}:0").parse().expect("an address"), answer).await
    }

    /// Serves at one port.
    pub(crate) async fn start_at(
        address: SocketAddr,
        answer: impl Fn(&str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.expect("a socket");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, Arc::new(answer), Arc::clone(&requests)));
        Self {
            address,
            requests,
            _tasks: tasks,
        }
    }

    /// Returns the heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("not poisoned").clone()
    }
}

async fn serve(
    listener: TcpListener,
    answer: Arc<dyn Fn(&str) -> Answer + Send + Sync>,
    requests: Arc<Mutex<Vec<String>>>,
) {
    let mut connections = JoinSet::new();
    while let Ok((mut stream, _peer)) = listener.accept().await {
        let (answer, requests) = (Arc::clone(&answer), Arc::clone(&requests));
        connections.spawn(async move {
            let head = read_head(&mut stream).await;
            requests.lock().expect("not poisoned").push(head.clone());
            // A client that has seen enough hangs up; that is no error here.
            let _ = send(&mut stream, answer(&head)).await;
        });
    }
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(octet) => head.push(octet),
            Err(_closed) => break,
        }
        // What does not begin like a request will not end like one.
        if head.first() != Some(&b'G') {
            break;
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

async fn send(stream: &mut TcpStream, answer: Answer) -> std::io::Result<()> {
    match answer {
        Answer::Octets(octets) => {
            stream.write_all(&octets).await?;
            stream.shutdown().await
        }
        Answer::Endless(first, more) => {
            stream.write_all(&first).await?;
            loop {
                stream.write_all(&more).await?;
            }
        }
        Answer::Drip(first) => {
            stream.write_all(&first).await?;
            let mut beat = tokio::time::interval(Duration::from_millis(5));
            loop {
                beat.tick().await;
                stream.write_all(b"x").await?;
            }
        }
        Answer::Silence => std::future::pending().await,
        Answer::Reset => stream.set_zero_linger(),
    }
}
