//! Accepting connections: handshakes in tasks of their own, every wait bounded.

mod crowd;
mod routes;
mod stall;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::Extensions;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::{ServerConfig, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use self::crowd::Crowd;
pub(crate) use self::crowd::Share;
pub(crate) use self::routes::Routes;
use self::routes::Served;
use self::stall::Stall;
use crate::http::presence::Presence;
use crate::tls::client::PeerCertificate;

/// How a listener speaks.
#[derive(Clone)]
pub(crate) enum Transport {
    /// Plain HTTP.
    Plain,
    /// HTTPS with this configuration.
    Tls(Arc<ServerConfig>),
}

/// One listener and what it serves.
pub(crate) struct Listener {
    /// For logs: `public`, `pki`, `ops`.
    pub(crate) name: &'static str,
    /// The bound socket.
    pub(crate) socket: TcpListener,
    /// Plain or TLS.
    pub(crate) transport: Transport,
    /// What answers.
    pub(crate) routes: Routes,
    /// How many connections it holds; past it, new ones wait in the kernel's queue.
    pub(crate) places: usize,
    /// What of it one peer may have.
    pub(crate) share: Share,
    /// Whether connections are to end with their next answer.
    pub(crate) presence: Presence,
}

/// Binds an address. Whoever comes when the kernel's queue is full tries again a second later,
/// so the queue is longer than the usual 128.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A restart need not wait for the connections of the run before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Listener {
    /// Serves until `shutdown`, then lets requests in flight finish, at most [`DRAIN`].
    pub(crate) async fn serve(self, shutdown: CancellationToken) {
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(self.places));
        let crowd = Crowd::new(self.share.clone());
        loop {
            let place = tokio::select! {
                () = shutdown.cancelled() => break,
                place = Arc::clone(&places).acquire_owned() => place,
            };
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let Some(counted) = crowd.enter(peer.ip()) else {
                        tracing::debug!(listener = self.name, %peer, "too many connections");
                        continue;
                    };
                    let connection = self.connection(stream, peer, graceful.watcher());
                    tokio::spawn(async move {
                        connection.await;
                        drop((place, counted));
                    });
                }
                Err(error) => {
                    tracing::warn!(listener = self.name, %error, "cannot accept, pausing");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.socket);
        if tokio::time::timeout(DRAIN, graceful.shutdown())
            .await
            .is_err()
        {
            tracing::warn!(
                listener = self.name,
                "some connections did not finish in time"
            );
        }
    }

    fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        watcher: Watcher,
    ) -> impl Future<Output = ()> + use<> {
        let (transport, name) = (self.transport.clone(), self.name);
        let served = Served {
            routes: self.routes.clone(),
            presence: self.presence.clone(),
        };
        async move {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(listener = name, %peer, %error, "no TCP_NODELAY");
            }
            match transport {
                Transport::Plain => {
                    let peer = Peer::unknown(peer);
                    speak(stream, peer, served, watcher, Spoken::HTTP_1).await;
                }
                Transport::Tls(config) => {
                    let handshake = TlsAcceptor::from(config).accept(stream);
                    match tokio::time::timeout(HANDSHAKE, handshake).await {
                        Ok(Ok(stream)) => {
                            let session = stream.get_ref().1;
                            let spoken = Spoken::negotiated(session.alpn_protocol());
                            let peer = Peer::of_session(peer, session);
                            speak(stream, peer, served, watcher, spoken).await;
                        }
                        Ok(Err(error)) => {
                            tracing::debug!(listener = name, %peer, %error, "handshake failed");
                        }
                        Err(_elapsed) => {
                            tracing::debug!(listener = name, %peer, "handshake took too long");
                        }
                    }
                }
            }
        }
    }
}

/// What is spoken on a connection, and for how long it may stand still.
#[derive(Clone, Copy)]
struct Spoken {
    version: Version,
    headers: Duration,
    stall: Duration,
}

#[derive(Clone, Copy)]
enum Version {
    Http1,
    Http2,
}

impl Spoken {
    const HTTP_1: Self = Self {
        version: Version::Http1,
        headers: HEADERS,
        stall: STALL,
    };

    /// Known by ALPN: whoever guesses from the first octets waits for them without end.
    fn negotiated(protocol: Option<&[u8]>) -> Self {
        let version = match protocol {
            Some(b"h2") => Version::Http2,
            Some(_) | None => Version::Http1,
        };
        Self {
            version,
            ..Self::HTTP_1
        }
    }

    fn builder(self) -> Builder<TokioExecutor> {
        let builder = Builder::new(TokioExecutor::new());
        let mut builder = match self.version {
            Version::Http1 => builder.http1_only(),
            Version::Http2 => builder.http2_only(),
        };
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.headers)
            .max_buf_size(LARGEST_HEADERS_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(MOST_STREAMS)
            .max_header_list_size(LARGEST_HEADERS_BYTES as u32)
            .max_local_error_reset_streams(Some(MOST_RESETS))
            .max_pending_accept_reset_streams(MOST_RESETS);
        builder
    }
}

/// Who is at the other end of a connection, for as long as it lasts.
#[derive(Clone)]
struct Peer {
    address: SocketAddr,
    certificate: Option<PeerCertificate>,
}

impl Peer {
    fn unknown(address: SocketAddr) -> Self {
        Self {
            address,
            certificate: None,
        }
    }

    fn of_session(address: SocketAddr, session: &ServerConnection) -> Self {
        let leaf = session.peer_certificates().and_then(<[_]>::first);
        let certificate = leaf.map(|leaf| PeerCertificate(leaf.as_ref().into()));
        Self {
            address,
            certificate,
        }
    }

    /// Tells the handlers: what a client may write into a request is not among the extensions.
    fn introduce(&self, extensions: &mut Extensions) {
        extensions.insert(ConnectInfo(self.address));
        if let Some(certificate) = &self.certificate {
            extensions.insert(certificate.clone());
        }
    }
}

async fn speak<S>(stream: S, peer: Peer, served: Served, watcher: Watcher, spoken: Spoken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let address = peer.address;
    let service =
        service_fn(move |request: Request<Incoming>| served.clone().answer(request, peer.clone()));
    let stream = TokioIo::new(Stall::new(stream, spoken.stall));
    let connection = spoken
        .builder()
        .serve_connection(stream, service)
        .into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(peer = %address, %error, "connection ended early");
    }
}

/// Connections that came and were not accepted yet.
const BACKLOG: u32 = 4096;
const HANDSHAKE: Duration = Duration::from_secs(10);
/// From the end of one request (or the start) to the end of the next one's headers.
const HEADERS: Duration = Duration::from_secs(15);
const LARGEST_HEADERS_BYTES: usize = 32 * 1024;
const MOST_STREAMS: u32 = 64;
const MOST_RESETS: usize = 32;
/// Longer than any request may take, so that only what nobody uses or reads breaks off.
const STALL: Duration = Duration::from_secs(60);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const DRAIN: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests;
