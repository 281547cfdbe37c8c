//! The ACME door (RFC 8555): routes on one screen, a noun a file.

mod account;
mod authorization;
mod certificate;
mod challenge;
mod directory;
mod envelope;
mod headers;
mod key_change;
mod nonce;
mod order;
mod renewal_info;
mod revocation;

use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};
use ca_acme::{Acme, Problem};

use crate::http::limits::RequestLimits;
use crate::http::problem::Refusal;

/// Returns everything below `/acme`.
pub(crate) fn router(acme: Arc<Acme>, limits: Arc<RequestLimits>) -> Router {
    let routes = Router::new()
        .route(
            "/{directory}/directory",
            get(directory::show).post(directory::show_to_account),
        )
        .route(
            "/{directory}/new-nonce",
            get(nonce::get).head(nonce::head).post(nonce::post),
        )
        .route("/{directory}/new-account", post(account::create))
        .route("/{directory}/account/{id}", post(account::update))
        .route("/{directory}/account/{id}/orders", post(account::orders))
        .route("/{directory}/key-change", post(key_change::change))
        .route("/{directory}/revoke-certificate", post(revocation::revoke))
        .route("/{directory}/new-order", post(order::place))
        .route("/{directory}/order/{order}", post(order::show))
        .route("/{directory}/order/{order}/finalize", post(order::finalize))
        .route(
            "/{directory}/new-authorization",
            post(authorization::create),
        )
        .route(
            "/{directory}/authorization/{authorization}",
            post(authorization::show_or_update),
        )
        .route(
            "/{directory}/challenge/{authorization}/{kind}",
            post(challenge::show_or_answer),
        )
        .route("/{directory}/certificate/{order}", post(certificate::show))
        .route(
            "/{directory}/certificate/{order}/{chain}",
            post(certificate::show_alternate),
        )
        .route(
            "/{directory}/renewal-info/{certificate}",
            get(renewal_info::show),
        )
        .method_not_allowed_fallback(not_allowed)
        .fallback(missing)
        .layer(from_fn_with_state(
            (Arc::clone(&acme), limits),
            headers::add,
        ))
        .with_state(acme);
    Router::new()
        .nest("/acme", routes)
        .route("/acme/", any(missing))
}

async fn missing() -> Refusal {
    Problem::malformed("there is no such resource")
        .with_status(404)
        .into()
}

/// GET is for the directory, nonces and renewal information only (RFC 8555 §6.3).
async fn not_allowed(method: Method) -> Refusal {
    Problem::malformed(format!(
        "{method} is not for this resource, see the header Allow"
    ))
    .with_status(405)
    .into()
}

#[cfg(test)]
mod tests;
