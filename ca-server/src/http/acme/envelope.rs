//! Handler arguments that state who signed the request (RFC 8555 §6.2).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequest, OriginalUri, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Uri};
use ca_acme::request::{AccountRequest, KeyRequest, SignedRequest, Unverified};
use ca_acme::{Acme, Error, Problem, ProblemKind};

use super::headers::directory_in;
use crate::http::body::{self, Unread, read_body};
use crate::http::problem::Refusal;

/// A request signed by a valid account.
pub(super) struct ByAccount(pub(super) AccountRequest);

/// A request signed by the key inside it.
pub(super) struct ByKey(pub(super) KeyRequest);

/// A request signed either way.
pub(super) struct ByEither(pub(super) SignedRequest);

impl FromRequest<Arc<Acme>> for ByAccount {
    type Rejection = Refusal;

    async fn from_request(request: Request, acme: &Arc<Acme>) -> Result<Self, Refusal> {
        let post = Post::read(request, acme).await?;
        Ok(Self(acme.accept_from_account(post.unverified()).await?))
    }
}

impl FromRequest<Arc<Acme>> for ByKey {
    type Rejection = Refusal;

    async fn from_request(request: Request, acme: &Arc<Acme>) -> Result<Self, Refusal> {
        let post = Post::read(request, acme).await?;
        Ok(Self(acme.accept_from_key(post.unverified()).await?))
    }
}

impl FromRequest<Arc<Acme>> for ByEither {
    type Rejection = Refusal;

    async fn from_request(request: Request, acme: &Arc<Acme>) -> Result<Self, Refusal> {
        let post = Post::read(request, acme).await?;
        Ok(Self(acme.accept_from_either(post.unverified()).await?))
    }
}

/// A POST's parts, owned.
struct Post {
    uri: Uri,
    body: Bytes,
    address: IpAddr,
}

impl Post {
    async fn read(mut request: Request, acme: &Acme) -> Result<Self, Error> {
        let uri = match request.extensions_mut().remove::<OriginalUri>() {
            Some(OriginalUri(uri)) => uri,
            None => request.uri().clone(),
        };
        acme.directory(directory_in(uri.path()))?;
        require_jose(request.headers())?;
        let address = address_of(&request)?;
        let body = read_body(request).await.map_err(unread)?;
        Ok(Self { uri, body, address })
    }

    fn unverified(&self) -> Unverified<'_> {
        Unverified {
            directory: directory_in(self.uri.path()),
            path_and_query: self
                .uri
                .path_and_query()
                .map_or_else(|| self.uri.path(), |both| both.as_str()),
            body: &self.body,
            address: self.address,
        }
    }
}

/// The listener notes it; an IPv4 client of an IPv6 socket counts as what it is.
fn address_of(request: &Request) -> Result<IpAddr, Error> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(peer)| peer.ip().to_canonical())
        .ok_or_else(|| Error::Inconsistent("a request came from no address".to_owned()))
}

fn unread(unread: Unread) -> Error {
    let status = match unread {
        Unread::Crowded => {
            let crowded = Problem::new(ProblemKind::RateLimited, unread.detail());
            return crowded.retry_after(body::WHEN_CROWDED).into();
        }
        Unread::TooLarge => 413,
        Unread::TooSlow => 408,
        Unread::Broken => 400,
    };
    Problem::malformed(unread.detail())
        .with_status(status)
        .into()
}

/// Requires the media type of RFC 8555 §6.2, whatever its parameters.
fn require_jose(headers: &HeaderMap) -> Result<(), Error> {
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    if media_type.is_some_and(|text| text.eq_ignore_ascii_case("application/jose+json")) {
        return Ok(());
    }
    let detail = "POST wants the Content-Type application/jose+json";
    Err(Problem::malformed(detail).with_status(415).into())
}
