//! Accepting connections: handshakes in tasks of their own, every wait bounded.

mod conduct;
pub(crate) mod crowd;
mod routes;
mod spoken;
mod stall;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::Extensions;
use futures_util::TryFutureExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::{ServerConfig, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use self::conduct::Conduct;
use self::crowd::Crowd;
pub(crate) use self::crowd::Share;
pub(crate) use self::routes::Routes;
use self::routes::Served;
use self::spoken::{Patience, Spoken};
use self::stall::Stall;
use crate::http::body::Waiting;
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
        let crowd = Crowd::new("connections", self.share.clone());
        let waiting = Waiting::new(self.share.exempt.clone());
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
                    let patience = Patience::with(places.available_permits(), self.places);
                    let peer = Peer::unknown(peer, waiting.clone());
                    let connection = self.connection(stream, peer, graceful.watcher(), patience);
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
        peer: Peer,
        watcher: Watcher,
        patience: Patience,
    ) -> impl Future<Output = ()> + use<> {
        let (transport, name) = (self.transport.clone(), self.name);
        let (routes, presence) = (self.routes.clone(), self.presence.clone());
        let served = |peer| Served {
            routes,
            presence,
            peer,
        };
        let address = peer.address;
        async move {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(listener = name, peer = %address, %error, "no TCP_NODELAY");
            }
            match transport {
                Transport::Plain => {
                    let spoken = Spoken::negotiated(None, patience);
                    speak(stream, served(peer), watcher, spoken).await;
                }
                Transport::Tls(config) => {
                    let handshake = TlsAcceptor::from(config).accept(stream);
                    match tokio::time::timeout(patience.handshake, handshake).await {
                        Ok(Ok(stream)) => {
                            let session = stream.get_ref().1;
                            let spoken = Spoken::negotiated(session.alpn_protocol(), patience);
                            let peer = peer.of_session(session);
                            speak(stream, served(peer), watcher, spoken).await;
                        }
                        Ok(Err(error)) => {
                            tracing::debug!(listener = name, peer = %address, %error, "handshake failed");
                        }
                        Err(_elapsed) => {
                            tracing::debug!(listener = name, peer = %address, "handshake took too long");
                        }
                    }
                }
            }
        }
    }
}

/// Who is at the other end of a connection, for as long as it lasts.
#[derive(Clone)]
struct Peer {
    address: SocketAddr,
    certificate: Option<PeerCertificate>,
    waiting: Waiting,
}

impl Peer {
    fn unknown(address: SocketAddr, waiting: Waiting) -> Self {
        Self {
            address,
            certificate: None,
            waiting,
        }
    }

    fn of_session(self, session: &ServerConnection) -> Self {
        let leaf = session.peer_certificates().and_then(<[_]>::first);
        let certificate = leaf.map(|leaf| PeerCertificate(leaf.as_ref().into()));
        Self {
            certificate,
            ..self
        }
    }

    /// Tells the handlers: what a client may write into a request is not among the extensions.
    fn introduce(&self, extensions: &mut Extensions) {
        extensions.insert(ConnectInfo(self.address));
        extensions.insert(self.waiting.clone());
        if let Some(certificate) = &self.certificate {
            extensions.insert(certificate.clone());
        }
    }
}

async fn speak<S>(stream: S, served: Served, watcher: Watcher, spoken: Spoken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let address = served.peer.address;
    let served = Arc::new(served);
    let conduct = Conduct::new();
    let requests = spoken.is_watched().then(|| conduct.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let unanswered = requests.as_ref().map(Conduct::begin);
        let answer = Arc::clone(&served).answer(request);
        answer.map_ok(|answer| match unanswered {
            Some(unanswered) => answer.map(|body| unanswered.until_sent(body)),
            None => answer,
        })
    });
    let stream = TokioIo::new(Stall::new(stream, spoken.patience.stall));
    let connection = spoken
        .builder()
        .serve_connection(stream, service)
        .into_owned();
    tokio::select! {
        ended = watcher.watch(connection) => if let Err(error) = ended {
            tracing::debug!(peer = %address, %error, "connection ended early");
        },
        fault = spoken.fault(&conduct) => {
            tracing::debug!(peer = %address, ?fault, "connection cut off");
        }
    }
}

/// Connections that came and were not accepted yet.
const BACKLOG: u32 = 4096;
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const DRAIN: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests;
