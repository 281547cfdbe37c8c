//! Bytes with their HTTP caching headers (RFC 9111, RFC 5019 §6).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ca_pki::{Timestamp, hex, pem};
use futures_util::stream;

/// What is served, before anyone asked.
pub(super) struct Served {
    pub(super) body: Content,
    pub(super) content_type: &'static str,
    /// Without its quotes; changes exactly when the body does.
    pub(super) etag: Arc<str>,
    pub(super) times: Option<Times>,
}

/// A body in pieces, each made when it is about to be sent.
pub(super) struct Pieces {
    bytes: usize,
    pieces: Box<dyn Iterator<Item = Bytes> + Send>,
}

/// What a response carries.
pub(super) enum Content {
    /// Octets that are there as one.
    Whole(Bytes),
    /// Megabytes.
    Pieces(Pieces),
}

impl Content {
    fn bytes(&self) -> usize {
        match self {
            Self::Whole(octets) => octets.len(),
            Self::Pieces(pieces) => pieces.bytes,
        }
    }

    fn into_body(self) -> Body {
        match self {
            Self::Whole(octets) => Body::from(octets),
            Self::Pieces(Pieces { pieces, .. }) => {
                Body::from_stream(stream::iter(pieces.map(Ok::<_, Infallible>)))
            }
        }
    }
}

impl Pieces {
    /// Takes octets as they are.
    pub(super) fn of_der(pieces: &[Arc<Vec<u8>>]) -> Self {
        let bytes = pieces.iter().map(|piece| piece.len()).sum();
        let owned = pieces.to_vec();
        Self {
            bytes,
            pieces: Box::new(owned.into_iter().map(shared)),
        }
    }

    /// Puts DER into one PEM block.
    pub(super) fn of_pem(label: &'static str, pieces: &[Arc<Vec<u8>>]) -> Self {
        let der_bytes = pieces.iter().map(|piece| piece.len()).sum();
        Self {
            bytes: pem::encoded_bytes(label, der_bytes),
            pieces: Box::new(pem::encode_piecewise(label, pieces.to_vec()).map(Bytes::from)),
        }
    }

    /// Puts another body behind this one.
    pub(super) fn then(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            pieces: Box::new(self.pieces.chain(other.pieces)),
        }
    }
}

impl From<Vec<u8>> for Pieces {
    fn from(octets: Vec<u8>) -> Self {
        Self {
            bytes: octets.len(),
            pieces: Box::new(std::iter::once(octets.into())),
        }
    }
}

/// Lends octets to a body without a copy.
fn shared(octets: Arc<Vec<u8>>) -> Bytes {
    struct Shared(Arc<Vec<u8>>);
    impl AsRef<[u8]> for Shared {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    Bytes::from_owner(Shared(octets))
}

/// From when and until when a CRL or an OCSP answer holds.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) this_update: Timestamp,
    pub(super) next_update: Timestamp,
}

impl Served {
    /// Takes something that has no times of its own.
    pub(super) fn timeless(body: Vec<u8>, content_type: &'static str) -> Self {
        let etag = hex_of_sha256(&body).into();
        Self {
            body: Content::Whole(body.into()),
            content_type,
            etag,
            times: None,
        }
    }

    /// Answers with the body, or with 304 if the asker has it.
    pub(super) fn answer(self, asked: &HeaderMap, now: Timestamp) -> Response {
        let mut headers = caching_headers(&self.etag, self.times, now);
        if is_known(asked, &self.etag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.content_type),
        );
        headers.insert(header::CONTENT_LENGTH, self.body.bytes().into());
        let mut response = Response::new(self.body.into_body());
        *response.headers_mut() = headers;
        response
    }
}

/// What is served unchanged to many: no text is put together for one who asks.
pub(super) struct Prepared {
    body: Bytes,
    content_type: &'static str,
    etag: HeaderValue,
    last_modified: HeaderValue,
    expires: HeaderValue,
    next_update: Timestamp,
}

impl Prepared {
    /// Prepares octets that hold for some time; `None` at a time that HTTP cannot tell.
    pub(super) fn new(
        body: Bytes,
        content_type: &'static str,
        etag: &str,
        times: Times,
    ) -> Option<Self> {
        Some(Self {
            body,
            content_type,
            etag: quoted(etag)?,
            last_modified: http_date(times.this_update)?,
            expires: http_date(times.next_update)?,
            next_update: times.next_update,
        })
    }

    /// Answers with all of it.
    pub(super) fn answer(&self, now: Timestamp) -> Response {
        let fresh_for = self.next_update.since(now).min(AT_MOST);
        let mut headers = HeaderMap::with_capacity(MOST_HEADERS);
        for (name, value) in [
            (header::ETAG, self.etag.clone()),
            (header::CACHE_CONTROL, cache_control(fresh_for)),
            (header::LAST_MODIFIED, self.last_modified.clone()),
            (header::EXPIRES, self.expires.clone()),
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static(self.content_type),
            ),
            (header::CONTENT_LENGTH, self.body.len().into()),
        ] {
            headers.insert(name, value);
        }
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.headers_mut() = headers;
        response
    }
}

/// Returns ETag, Cache-Control and, where there are times, Last-Modified and Expires.
fn caching_headers(etag: &str, times: Option<Times>, now: Timestamp) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(MOST_HEADERS);
    if let Some(etag) = quoted(etag) {
        headers.insert(header::ETAG, etag);
    }
    let fresh_for = times.map_or(AT_MOST, |times| times.next_update.since(now).min(AT_MOST));
    headers.insert(header::CACHE_CONTROL, cache_control(fresh_for));
    if let Some(times) = times {
        let dates = [
            (header::LAST_MODIFIED, times.this_update),
            (header::EXPIRES, times.next_update),
        ];
        headers.extend(
            dates
                .into_iter()
                .filter_map(|(name, moment)| Some((name, http_date(moment)?))),
        );
    }
    headers
}

fn quoted(etag: &str) -> Option<HeaderValue> {
    HeaderValue::try_from(["\"", etag, "\""].concat()).ok()
}

fn cache_control(fresh_for: Duration) -> HeaderValue {
    if fresh_for == AT_MOST {
        return HeaderValue::from_static("max-age=300, public, no-transform, must-revalidate");
    }
    let secs = fresh_for.as_secs();
    HeaderValue::try_from(format!(
        "max-age={secs}, public, no-transform, must-revalidate"
    ))
    .unwrap_or(HeaderValue::from_static("no-cache"))
}

/// Hashes what has no name of its own.
pub(super) fn hex_of_sha256(octets: &[u8]) -> String {
    hex::lower(digest(&SHA256, octets).as_ref())
}

/// If-None-Match compares weakly (RFC 9110 §13.1.2). If-Modified-Since is not looked at: several
/// CRLs may be made within one second, and a cache must not keep the first of them.
fn is_known(asked: &HeaderMap, etag: &str) -> bool {
    asked
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == "*" || tag.trim_matches('"') == etag)
}

fn http_date(moment: Timestamp) -> Option<HeaderValue> {
    let secs = u64::try_from(moment.unix_secs()).ok()?;
    let moment = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(secs))?;
    HeaderValue::try_from(httpdate::fmt_http_date(moment)).ok()
}

/// How long a cache may keep anything: it cannot be told of a revocation, and asking again costs
/// it a 304.
const AT_MOST: Duration = Duration::from_secs(300);

/// Those of a response with times, and what the connection adds.
const MOST_HEADERS: usize = 8;

/// PEM has no registered media type; this is what servers and browsers agreed on.
pub(super) const PEM: &str = "application/x-pem-file";
