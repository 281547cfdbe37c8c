//! Queries: routes that take none refuse any, so that a misspelt filter never looks like an answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::{OpenApi, RefOr};

use crate::http::problem::api::Problem;

/// The paths whose GET takes query parameters, as the document has them.
pub(super) struct Queried(BTreeSet<String>);

impl Queried {
    /// Reads them from the document, which is made from the handlers.
    pub(super) fn of(document: &OpenApi) -> Arc<Self> {
        let paths = document.paths.paths.iter().filter(|(_, item)| {
            let parameters = item.get.iter().filter_map(|get| get.parameters.as_ref());
            parameters.flatten().any(|parameter| match parameter {
                RefOr::T(parameter) => parameter.parameter_in == ParameterIn::Query,
                RefOr::Ref(_) => false,
            })
        });
        Arc::new(Self(paths.map(|(path, _)| path.clone()).collect()))
    }
}

/// Refuses a query where nobody reads it. What it holds where somebody does is theirs to judge.
pub(super) async fn refuse(
    State(queried): State<Arc<Queried>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let taken = path.is_none_or(|path| reads && queried.0.contains(path.as_str()));
    if !taken && request.uri().query().is_some() {
        return Problem::malformed("this route takes no query parameters").into_response();
    }
    next.run(request).await
}
