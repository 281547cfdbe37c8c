//! What answers the requests of a listener.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Version};
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use tower::ServiceExt;

use super::Peer;
use crate::http::pki::KeptAnswers;
use crate::http::presence::Presence;

/// A router, and perhaps something that is asked before it.
#[derive(Clone)]
pub(crate) struct Routes {
    /// Everything.
    pub(crate) router: Router,
    /// What is answered so often that the router's own cost counts.
    pub(crate) kept: Option<Arc<KeptAnswers>>,
}

impl From<Router> for Routes {
    fn from(router: Router) -> Self {
        Self { router, kept: None }
    }
}

/// What answers on a connection, whose it is, and whether it still asks for more.
pub(super) struct Served {
    pub(super) routes: Routes,
    pub(super) presence: Presence,
    pub(super) peer: Peer,
}

impl Served {
    /// Answers. HTTP/2 says by GOAWAY that a connection ends, when the listener does.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response, Infallible> {
        let is_http_1 = request.version() < Version::HTTP_2;
        let mut response = self.ask(request).await?;
        if is_http_1 && self.presence.sends_away() {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        Ok(response)
    }

    async fn ask(&self, request: Request<Incoming>) -> Result<Response, Infallible> {
        let mut request = match &self.routes.kept {
            Some(kept) => match kept.answer(request).await {
                Ok(response) => return Ok(response),
                Err(request) => request,
            },
            None => request.map(Body::new),
        };
        request.extensions_mut().insert(self.presence.clone());
        self.peer.introduce(request.extensions_mut());
        self.routes.router.clone().oneshot(request).await
    }
}
