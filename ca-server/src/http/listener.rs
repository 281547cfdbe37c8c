//! Accepting connections: handshakes in tasks of their own, every wait bounded.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

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
    pub(crate) router: Router,
}

impl Listener {
    /// Serves until `shutdown`, then lets requests in flight finish, at most [`DRAIN`].
    pub(crate) async fn serve(self, shutdown: CancellationToken) {
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
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
                    let connection = self.connection(stream, peer, graceful.watcher());
                    tokio::spawn(async move {
                        connection.await;
                        drop(place);
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
        let (transport, router, name) = (self.transport.clone(), self.router.clone(), self.name);
        async move {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(listener = name, %peer, %error, "no TCP_NODELAY");
            }
            match transport {
                Transport::Plain => speak(stream, peer, router, watcher).await,
                Transport::Tls(config) => {
                    let handshake = TlsAcceptor::from(config).accept(stream);
                    match tokio::time::timeout(HANDSHAKE, handshake).await {
                        Ok(Ok(stream)) => speak(stream, peer, router, watcher).await,
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

async fn speak<S>(stream: S, peer: SocketAddr, router: Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(LARGEST_HEADERS_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(LARGEST_HEADERS_BYTES as u32)
        .max_local_error_reset_streams(Some(MOST_RESETS))
        .max_pending_accept_reset_streams(MOST_RESETS)
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(HEADERS);
    let connection = builder
        .serve_connection(TokioIo::new(stream), service)
        .into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%peer, %error, "connection ended early");
    }
}

/// Per listener; past it, new connections wait in the kernel's queue.
const MOST_CONNECTIONS: usize = 16_384;
const HANDSHAKE: Duration = Duration::from_secs(10);
/// From the end of one request (or the start) to the end of the next one's headers.
const HEADERS: Duration = Duration::from_secs(30);
const LARGEST_HEADERS_BYTES: usize = 32 * 1024;
const MOST_STREAMS: u32 = 64;
const MOST_RESETS: usize = 32;
const KEEP_ALIVE: Duration = Duration::from_secs(60);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const DRAIN: Duration = Duration::from_secs(20);
