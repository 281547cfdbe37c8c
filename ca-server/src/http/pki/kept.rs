//! OCSP answers that are kept, served before the router.
//!
//! What most who ask get costs as much as the connection and no more: no route is looked up, no
//! body boxed, no request parsed beyond its place in the cache. Whatever is not simply there goes
//! through the router.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ca_issuance::Clock;
use ca_pki::ocsp::OcspRequest;
use http_body_util::{BodyExt, Collected};
use metrics::{Counter, Histogram};
use tokio::time::timeout;

use super::ocsp::{BODY_DEADLINE, is_ocsp_request, prepared, rendered};
use super::{PkiIssuer, PkiState};

/// Serves answers that are kept.
pub(crate) struct KeptAnswers {
    issuers: Arc<BTreeMap<String, PkiIssuer>>,
    clock: Arc<dyn Clock>,
    got: Meters,
    posted: Meters,
    answered: Counter,
}

/// What the layers around the router count, looked up once.
struct Meters {
    route: &'static str,
    whole: Counter,
    not_modified: Counter,
    seconds: Histogram,
}

impl KeptAnswers {
    pub(crate) fn new(state: &PkiState) -> Self {
        Self {
            issuers: Arc::clone(&state.issuers),
            clock: Arc::clone(&state.clock),
            got: Meters::of("/ocsp/{issuer}/{*request}"),
            posted: Meters::of("/ocsp/{issuer}"),
            answered: metrics::counter!("ca_ocsp_requests_total", "result" => "answered"),
        }
    }

    /// Answers, or gives the request back for the router.
    pub(crate) async fn answer<B>(&self, request: Request<B>) -> Result<Response, Request<Body>>
    where
        B: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
    {
        let begun = Instant::now();
        match self.place(request.uri().path()) {
            Some((issuer, Some(path))) if request.method() == Method::GET => {
                match self.get(issuer, path, request.headers()).await {
                    Some(response) => Ok(self.got.count(response, begun)),
                    None => Err(request.map(Body::new)),
                }
            }
            Some((issuer, None)) if request.method() == Method::POST && is_short(&request) => {
                let response = self.post(issuer, request).await?;
                Ok(self.posted.count(response, begun))
            }
            Some(_) | None => Err(request.map(Body::new)),
        }
    }

    /// Finds the issuer that a path names, and the request in the path if there is one.
    fn place<'a, 'b>(&'a self, path: &'b str) -> Option<(&'a PkiIssuer, Option<&'b str>)> {
        let path = path.strip_prefix("/ocsp/")?;
        let (issuer, request) = match path.split_once('/') {
            Some((issuer, request)) => (issuer, Some(request)),
            None => (path, None),
        };
        Some((self.issuers.get(issuer)?, request))
    }

    async fn get(&self, issuer: &PkiIssuer, path: &str, asked: &HeaderMap) -> Option<Response> {
        let request = OcspRequest::decode_get_path(path).ok()?;
        self.kept(issuer, &request, asked).await
    }

    async fn post<B>(
        &self,
        issuer: &PkiIssuer,
        request: Request<B>,
    ) -> Result<Response, Request<Body>>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
    {
        let (parts, body) = request.into_parts();
        let Ok(read) = timeout(BODY_DEADLINE, body.collect()).await else {
            return Ok(StatusCode::REQUEST_TIMEOUT.into_response());
        };
        let Ok(body) = read.map(Collected::to_bytes) else {
            return Ok(StatusCode::BAD_REQUEST.into_response()); // and nobody there to read it
        };
        // If-None-Match has another meaning for POST, so the answer is always whole.
        self.kept(issuer, &body, &HeaderMap::new())
            .await
            .ok_or_else(|| Request::from_parts(parts, body.into()))
    }

    async fn kept(
        &self,
        issuer: &PkiIssuer,
        request: &[u8],
        asked: &HeaderMap,
    ) -> Option<Response> {
        let answer = issuer.responder.kept(request).await?;
        let now = self.clock.now();
        let mut response = match asked.contains_key(header::IF_NONE_MATCH) {
            true => rendered(answer, asked, now),
            false => prepared(&answer, now)?,
        };
        response.headers_mut().insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        self.answered.increment(1);
        Some(response)
    }
}

impl Meters {
    fn of(route: &'static str) -> Self {
        Self {
            route,
            whole: answers(route, StatusCode::OK),
            not_modified: answers(route, StatusCode::NOT_MODIFIED),
            seconds: metrics::histogram!(
                "ca_http_request_seconds", "listener" => "pki", "route" => route
            ),
        }
    }

    fn count(&self, response: Response, begun: Instant) -> Response {
        match response.status() {
            StatusCode::OK => self.whole.increment(1),
            StatusCode::NOT_MODIFIED => self.not_modified.increment(1),
            seldom => answers(self.route, seldom).increment(1),
        }
        self.seconds.record(begun.elapsed().as_secs_f64());
        response
    }
}

fn answers(route: &'static str, status: StatusCode) -> Counter {
    metrics::counter!(
        "ca_http_requests_total",
        "listener" => "pki", "route" => route, "status" => status.as_str().to_owned()
    )
}

/// Tells whether a body is an OCSP request about one certificate, by its type and length. Only what
/// is framed by a length is: nothing else bounds how much is read.
fn is_short<B: HttpBody>(request: &Request<B>) -> bool {
    let length = request.body().size_hint().upper();
    length.is_some_and(|octets| octets <= LONGEST_BYTES) && is_ocsp_request(request.headers())
}

/// Twice a CertID with SHA-512.
const LONGEST_BYTES: u64 = 384;
