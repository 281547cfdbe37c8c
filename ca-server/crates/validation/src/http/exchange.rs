//! One HTTP request and its answer, over a connection that the egress rules allowed.

use std::error::Error as _;
use std::io;
use std::sync::Arc;

use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use url::Url;

use super::redirect::{self, RedirectRefusal};
use crate::dial::{Dialler, Host};
use crate::error::{ConnectionFault, Error};
use crate::tls;

/// Makes requests, each over its own connection.
pub(crate) struct Exchange {
    purpose: Purpose,
    tls: Arc<ClientConfig>,
}

/// What is fetched: how much of it is read, and its name in errors.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// The key authorization of http-01.
    Http01,
    /// The key set of a token issuer.
    KeySet,
}

/// What an answer amounts to.
pub(crate) enum Reply {
    /// The whole body of a 200.
    Body(Vec<u8>),
    /// The Location of a redirect.
    Redirect(Vec<u8>),
}

impl Exchange {
    /// Prepares what all requests share.
    pub(crate) fn new(purpose: Purpose, tls: Arc<ClientConfig>) -> Self {
        Self { purpose, tls }
    }

    /// Gets one URL; the caller has judged its scheme and port.
    pub(crate) async fn get(&self, dialler: &Dialler, url: &Url) -> Result<Reply, Error> {
        let unusable = Error::Redirect(RedirectRefusal::Location);
        let (Some(host), Some(port)) = (redirect::host_of(url), url.port_or_known_default()) else {
            return Err(unusable);
        };
        let Ok(request) = request(url, self.purpose) else {
            return Err(unusable);
        };
        let peer = Peer {
            purpose: self.purpose,
            host,
            port,
        };
        let stream = dialler.connect(&peer.host, port).await?;
        if url.scheme() != "https" {
            return peer.exchange(stream, request).await;
        }
        let name = server_name(&peer.host).ok_or(unusable)?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream = connector
            .connect(name, stream)
            .await
            .map_err(|error| tls::failure(&error, &peer.host, port))?;
        peer.exchange(stream, request).await
    }
}

impl Purpose {
    fn resource(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::KeySet => "key set",
        }
    }

    fn max_body_bytes(self) -> usize {
        match self {
            Self::Http01 => 512,
            Self::KeySet => 256 * 1024,
        }
    }

    fn user_agent(self) -> &'static str {
        match self {
            Self::Http01 => concat!(
                "ca-server/",
                env!("CARGO_PKG_VERSION"),
                " (ACME validation)"
            ),
            Self::KeySet => concat!("ca-server/", env!("CARGO_PKG_VERSION"), " (key set)"),
        }
    }
}

/// Whom an exchange is with, for the errors.
struct Peer {
    purpose: Purpose,
    host: Host,
    port: u16,
}

impl Peer {
    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        request: Request<Empty<Bytes>>,
    ) -> Result<Reply, Error> {
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEADER_BYTES)
            .max_headers(MAX_HEADERS)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.failure(&error))?;
        let answer = async {
            let response = sender
                .send_request(request)
                .await
                .map_err(|error| self.failure(&error))?;
            self.read(response).await
        };
        // The connection is driven here and not in a task, so that it ends with this validation.
        match select(Box::pin(answer), Box::pin(connection)).await {
            Either::Left((reply, _connection)) => reply,
            Either::Right((_closed, answer)) => answer.await,
        }
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Reply, Error> {
        let status = response.status();
        if is_redirect(status) {
            let location = response.headers().get(header::LOCATION);
            let location = location.ok_or(Error::Redirect(RedirectRefusal::Location))?;
            return Ok(Reply::Redirect(location.as_bytes().to_vec()));
        }
        if status != StatusCode::OK {
            return Err(Error::Status {
                host: self.host.to_string(),
                resource: self.purpose.resource(),
                status: status.as_u16(),
            });
        }
        self.read_body(response.into_body()).await
    }

    async fn read_body(&self, mut incoming: Incoming) -> Result<Reply, Error> {
        let limit = self.purpose.max_body_bytes();
        let mut body = Vec::new();
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|error| self.failure(&error))?;
            let Ok(octets) = frame.into_data() else {
                continue;
            };
            if body.len() + octets.len() > limit {
                return Err(Error::LongBody {
                    host: self.host.to_string(),
                    resource: self.purpose.resource(),
                    limit,
                });
            }
            body.extend_from_slice(&octets);
        }
        Ok(Reply::Body(body))
    }

    fn failure(&self, error: &hyper::Error) -> Error {
        let io = error
            .source()
            .and_then(|source| source.downcast_ref::<io::Error>());
        let fault = if error.is_parse() {
            ConnectionFault::NotHttp
        } else if let Some(io) = io {
            ConnectionFault::from(io.kind())
        } else {
            ConnectionFault::Broken
        };
        Error::Connection {
            host: self.host.to_string(),
            port: self.port,
            fault,
        }
    }
}

fn request(url: &Url, purpose: Purpose) -> Result<Request<Empty<Bytes>>, hyper::http::Error> {
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let host = url.host_str().unwrap_or_default();
    // `port` is None where it is the scheme's own.
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    Request::get(target)
        .header(header::HOST, authority)
        .header(header::USER_AGENT, purpose.user_agent())
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .body(Empty::new())
}

fn server_name(host: &Host) -> Option<ServerName<'static>> {
    match host {
        Host::Name(name) => ServerName::try_from(name.clone()).ok(),
        Host::Address(address) => Some(ServerName::from(*address)),
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

const MAX_HEADER_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;
