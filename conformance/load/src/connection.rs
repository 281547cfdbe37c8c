//! One connection that is kept: HTTP/1.1, plain or over TLS.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::error::Error;

/// Where to, and what to trust there.
#[derive(Clone)]
pub(crate) struct Target {
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
}

/// A certificate with its chain, and its key.
pub(crate) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A connection, opened again when the server has closed it.
pub(crate) struct Connection {
    target: Target,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// What the server answered.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The header.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Bytes,
}

/// What is sent.
pub(crate) struct Sent<'a> {
    /// The method.
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: &'a str,
    /// The body's type, if there is a body.
    pub(crate) content_type: Option<&'a str>,
    /// More headers.
    pub(crate) headers: &'a [(&'static str, String)],
    /// The body.
    pub(crate) body: Bytes,
}

impl<'a> Sent<'a> {
    /// A GET of a path.
    pub(crate) fn get(path: &'a str) -> Self {
        Self {
            method: Method::GET,
            path,
            content_type: None,
            headers: &[],
            body: Bytes::new(),
        }
    }

    /// A POST to a path.
    pub(crate) fn post(path: &'a str, content_type: &'a str, body: Bytes) -> Self {
        Self {
            method: Method::POST,
            path,
            content_type: Some(content_type),
            headers: &[],
            body,
        }
    }
}

impl Target {
    /// Reads the scheme, host and port of a URL, and the roots to trust.
    pub(crate) fn of(url: &Url, root: Option<&Path>) -> Result<Self, Error> {
        let host = url
            .host_str()
            .ok_or_else(|| Error::Usage(format!("{url} has no host")))?;
        let port = url
            .port_or_known_default()
            .ok_or_else(|| Error::Usage(format!("{url} has no port")))?;
        let tls = match url.scheme() {
            "https" => Some(client_config(root, None)?),
            _ => None,
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            tls,
        })
    }

    /// Shows a certificate in the TLS handshake.
    pub(crate) fn showing(&self, root: Option<&Path>, identity: Identity) -> Result<Self, Error> {
        Ok(Self {
            tls: Some(client_config(root, Some(identity))?),
            ..self.clone()
        })
    }

    /// Opens a connection.
    pub(crate) fn connection(&self) -> Connection {
        Connection {
            target: self.clone(),
            sender: None,
        }
    }
}

impl Connection {
    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&mut self, sent: Sent<'_>) -> Result<Answer, Error> {
        let mut request = Request::builder()
            .method(sent.method)
            .uri(sent.path)
            .header(HOST, format!("{}:{}", self.target.host, self.target.port));
        if let Some(content_type) = sent.content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        for (name, value) in sent.headers {
            request = request.header(*name, value);
        }
        let request = request
            .body(Full::new(sent.body))
            .map_err(|error| Error::Http(error.to_string()))?;
        let result = self.exchange(request).await;
        if result.is_err() {
            self.sender = None;
        }
        result
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Error> {
        let sender = match self.sender.take().filter(|sender| !sender.is_closed()) {
            Some(sender) => self.sender.insert(sender),
            None => {
                let opened = open(&self.target).await?;
                self.sender.insert(opened)
            }
        };
        let failed = |error: hyper::Error| Error::Http(error.to_string());
        sender.ready().await.map_err(failed)?;
        let response = sender.send_request(request).await.map_err(failed)?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(failed)?.to_bytes();
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        })
    }
}

impl Answer {
    /// Returns a header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Refuses every other status, with the problem's type.
    pub(crate) fn expect(&self, step: &'static str, statuses: &[u16]) -> Result<(), Error> {
        if statuses.contains(&self.status) {
            return Ok(());
        }
        let kind = serde_json::from_slice::<serde_json::Value>(&self.body)
            .ok()
            .and_then(|body| Some(body.get("type")?.as_str()?.to_owned()));
        let problem = kind.unwrap_or_else(|| {
            String::from_utf8_lossy(&self.body)
                .chars()
                .take(80)
                .collect()
        });
        let seconds = self
            .header("retry-after")
            .and_then(|text| text.parse().ok());
        Err(Error::Refused {
            step,
            status: self.status,
            problem,
            retry_after: seconds.map(Duration::from_secs),
        })
    }
}

/// Returns what of a URL goes into a request.
pub(crate) fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

async fn open(target: &Target) -> Result<SendRequest<Full<Bytes>>, Error> {
    let stream = TcpStream::connect((target.host.trim_matches(['[', ']']), target.port)).await?;
    stream.set_nodelay(true)?;
    match &target.tls {
        None => drive(TokioIo::new(stream)).await,
        Some(config) => {
            let name = ServerName::try_from(target.host.trim_matches(['[', ']']).to_owned())
                .map_err(|error| Error::Tls(error.to_string()))?;
            let connector = TlsConnector::from(Arc::clone(config));
            drive(TokioIo::new(connector.connect(name, stream).await?)).await
        }
    }
}

async fn drive<T>(stream: T) -> Result<SendRequest<Full<Bytes>>, Error>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + 'static + Send,
{
    let (sender, connection) = handshake(stream)
        .await
        .map_err(|error| Error::Http(error.to_string()))?;
    tokio::spawn(connection);
    Ok(sender)
}

fn client_config(
    root: Option<&Path>,
    identity: Option<Identity>,
) -> Result<Arc<ClientConfig>, Error> {
    let file = root.ok_or_else(|| Error::Usage("https wants --root FILE".to_owned()))?;
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file)
        .map_err(|error| Error::Tls(format!("{}: {error}", file.display())))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| Error::Tls(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| Error::Tls(error.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Tls(error.to_string()))?
        .with_root_certificates(roots);
    Ok(Arc::new(match identity {
        None => config.with_no_client_auth(),
        Some((chain, key)) => config
            .with_client_auth_cert(chain, key)
            .map_err(|error| Error::Tls(error.to_string()))?,
    }))
}
