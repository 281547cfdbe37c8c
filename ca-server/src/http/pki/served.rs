//! Bytes with their HTTP caching headers (RFC 9111, RFC 5019 §6).

use std::convert::Infallible;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ca_pki::{Timestamp, hex};
use futures_util::stream;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// What is served, before anyone asked.
pub(super) struct Served {
    /// The body, in pieces that are not copied.
    pub(super) pieces: Vec<Bytes>,
    pub(super) content_type: &'static str,
    /// Without its quotes; changes exactly when the body does.
    pub(super) etag: String,
    pub(super) times: Option<Times>,
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
        let etag = hex_of_sha256(&body);
        Self {
            pieces: vec![body.into()],
            content_type,
            etag,
            times: None,
        }
    }

    /// Answers with the body, or with 304 if the asker has it.
    pub(super) fn answer(self, asked: &HeaderMap, now: Timestamp) -> Response {
        let length: usize = self.pieces.iter().map(Bytes::len).sum();
        let mut headers = caching_headers(&self.etag, self.times, now);
        if is_known(asked, &self.etag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.content_type),
        );
        headers.insert(header::CONTENT_LENGTH, length.into());
        let pieces = self.pieces.into_iter().map(Ok::<_, Infallible>);
        (headers, Body::from_stream(stream::iter(pieces))).into_response()
    }
}

/// Returns ETag, Cache-Control and, where there are times, Last-Modified and Expires.
fn caching_headers(etag: &str, times: Option<Times>, now: Timestamp) -> HeaderMap {
    let fresh_for = times.map_or(AT_MOST, |times| times.next_update.since(now).min(AT_MOST));
    let control = format!(
        "max-age={}, public, no-transform, must-revalidate",
        fresh_for.as_secs()
    );
    let mut texts = vec![
        (header::ETAG, Some(format!("\"{etag}\""))),
        (header::CACHE_CONTROL, Some(control)),
    ];
    if let Some(times) = times {
        texts.push((header::LAST_MODIFIED, http_date(times.this_update)));
        texts.push((header::EXPIRES, http_date(times.next_update)));
    }
    texts
        .into_iter()
        .filter_map(|(name, text)| Some((name, HeaderValue::try_from(text?).ok()?)))
        .collect()
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

fn http_date(moment: Timestamp) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(moment.unix_secs())
        .ok()?
        .format(IMF_FIXDATE)
        .ok()
}

/// How long a cache may keep anything: it cannot be told of a revocation, and asking again costs
/// it a 304.
const AT_MOST: Duration = Duration::from_secs(300);

const IMF_FIXDATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// PEM has no registered media type; this is what servers and browsers agreed on.
pub(super) const PEM: &str = "application/x-pem-file";
