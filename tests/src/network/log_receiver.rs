//! A receiver of syslog over TLS (RFC 5425) that can die and come back.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::certificate::self_signed;
use crate::background;
use crate::server::addresses;

/// A running receiver.
pub struct LogReceiver {
    address: SocketAddr,
    certificate_pem: String,
    acceptor: TlsAcceptor,
    seen: watch::Sender<Seen>,
}

/// What it read, over all its lives.
#[derive(Clone, Debug, Default)]
struct Seen {
    messages: Vec<String>,
    /// After how many messages in all it dies, if it does.
    dies_after: Option<usize>,
    died: bool,
    /// Whether the next connection ends with nonsense.
    raves: bool,
}

impl LogReceiver {
    /// Starts one; it ends with the process.
    pub fn start() -> Self {
        let (certificate_pem, acceptor) = self_signed("localhost");
        let [address, ..] = addresses();
        let receiver = Self {
            address: address.parse().expect("an address"),
            certificate_pem,
            acceptor,
            seen: watch::Sender::default(),
        };
        receiver.come_back();
        receiver
    }

    /// Returns where it listens, under the name in its certificate.
    pub fn address(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// Returns its certificate, which is its own root.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Makes it die after so many messages more, in the middle of whatever comes then.
    pub fn die_after(&self, messages: usize) {
        self.seen.send_modify(|seen| {
            seen.dies_after = Some(seen.messages.len() + messages);
            seen.died = false;
        });
    }

    /// Makes it answer the next connection with nonsense where its close_notify should be.
    pub fn rave_once(&self) {
        self.seen.send_modify(|seen| seen.raves = true);
    }

    /// Tells whether it is yet to do so.
    pub fn raves(&self) -> bool {
        self.seen.borrow().raves
    }

    /// Waits until it is dead: nobody listens any more.
    pub async fn death(&self) {
        self.wait_until(|seen| seen.died).await;
    }

    /// Listens again at the same address.
    pub fn come_back(&self) {
        let listener = std::net::TcpListener::bind(self.address).expect("the port is free");
        listener.set_nonblocking(true).expect("sockets can wait");
        let listener = background::enter(|| TcpListener::from_std(listener).expect("a runtime"));
        let (acceptor, seen) = (self.acceptor.clone(), self.seen.clone());
        background::spawn(async move { serve(listener, &acceptor, &seen).await });
    }

    /// Waits for a message that is like this.
    pub async fn wait_for(&self, like: impl Fn(&str) -> bool) {
        self.wait_until(|seen| seen.messages.iter().any(|message| like(message)))
            .await;
    }

    /// Returns every message so far.
    pub fn messages(&self) -> Vec<String> {
        self.seen.borrow().messages.clone()
    }

    async fn wait_until(&self, condition: impl Fn(&Seen) -> bool) {
        let mut watching = self.seen.subscribe();
        let reached = watching.wait_for(|seen| condition(seen));
        let reached = tokio::time::timeout(PATIENCE, reached).await;
        assert!(reached.is_ok(), "only these came: {:?}", self.messages());
    }
}

/// Returns the event in a message: what follows the structured data.
pub fn event_of(message: &str) -> Value {
    let (_, text) = message.split_once("\"] ").expect("structured data");
    serde_json::from_str(text).expect("JSON")
}

/// Takes connections one by one until it dies.
async fn serve(listener: TcpListener, acceptor: &TlsAcceptor, seen: &watch::Sender<Seen>) {
    loop {
        let (stream, _peer) = listener.accept().await.expect("a connection");
        if take(stream, acceptor, seen).await.is_none() {
            drop(listener);
            seen.send_modify(|seen| seen.died = true);
            return;
        }
    }
}

/// Reads what comes in a connection; `None` if it dies over it, with data unread.
async fn take(stream: TcpStream, acceptor: &TlsAcceptor, seen: &watch::Sender<Seen>) -> Option<()> {
    let Ok(stream) = acceptor.accept(stream).await else {
        return Some(());
    };
    let mut stream = BufReader::with_capacity(64, stream);
    while let Some(message) = read_message(&mut stream).await {
        seen.send_modify(|seen| seen.messages.push(message));
        let now = seen.borrow();
        if now.dies_after == Some(now.messages.len()) {
            return None;
        }
    }
    let mut stream = stream.into_inner();
    // Whoever hung up learns nothing more.
    let _ = match seen.send_if_modified(|seen| std::mem::take(&mut seen.raves)) {
        true => stream.get_mut().0.write_all(&NONSENSE).await,
        false => stream.shutdown().await,
    };
    Some(())
}

/// Reads a message framed by its length (RFC 5425 §4.3).
async fn read_message(
    stream: &mut BufReader<tokio_rustls::server::TlsStream<TcpStream>>,
) -> Option<String> {
    let mut length = Vec::new();
    stream.read_until(b' ', &mut length).await.ok()?;
    let length = String::from_utf8(length).ok()?;
    let length: usize = length.strip_suffix(' ')?.parse().ok()?;
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await.ok()?;
    String::from_utf8(message).ok()
}

/// A record of application data (RFC 8446 §5.2) that nobody encrypted.
const NONSENSE: [u8; 37] = {
    let mut record = [0; 37];
    [record[0], record[1], record[2], record[4]] = [23, 3, 3, 32];
    record
};

/// Sealing and handing on each take some seconds.
const PATIENCE: Duration = Duration::from_secs(60);
