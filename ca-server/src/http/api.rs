//! The JSON API: identities ask for certificates, operators look after the CA.
//!
//! One noun a file; a handler takes what it needs (a caller, a role, a body), calls one operation
//! and says how its result looks. Each handler describes itself beside itself, and the OpenAPI
//! document is made of these descriptions.

mod account;
mod app_login;
mod audit;
mod body;
mod caller;
mod certificate;
mod client;
mod docs;
mod eab_credential;
mod example;
mod grant;
mod headers;
mod identifier;
mod issuer;
mod openapi;
mod order;
mod page;
mod profile;
mod query;
mod rates;
mod token;
mod trust_bundle;
mod whoami;

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use axum::Router;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use ca_acme::Acme;
use ca_identity::Access;
use ca_issuance::Corridor;
use url::Url;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::openapi::Description;
use self::query::Queried;
pub(crate) use self::rates::Rates;
use crate::http::limits::RequestLimits;
use crate::http::pki::Roots;
use crate::http::problem::api::{Kind, Problem};

/// What the API is made of.
pub(crate) struct ApiParts {
    /// Who asks, and what may they have.
    pub(crate) access: Arc<Access>,
    /// Accounts, orders, and keys that bind accounts to identities.
    pub(crate) acme: Arc<Acme>,
    /// The road to signatures; profiles, issuers and the audit log.
    pub(crate) corridor: Arc<Corridor>,
    /// The profiles that requests may name, in the order of the configuration.
    pub(crate) profiles: Vec<String>,
    /// The roots as last read.
    pub(crate) roots: Arc<ArcSwap<Roots>>,
    /// What URLs in answers are built from.
    pub(crate) external_url: Url,
    /// How often each caller may ask.
    pub(crate) rates: Rates,
    /// How often each address may ask.
    pub(crate) limits: Arc<RequestLimits>,
}

/// What handlers have at hand.
pub(crate) struct Api {
    parts: ApiParts,
    description: OnceLock<Description>,
}

/// Returns the API's routes, and the answer to every path that nobody has.
pub(crate) fn router(parts: ApiParts) -> Router {
    let (routes, document) = routes().split_for_parts();
    let queried = Queried::of(&document);
    let limits = Arc::clone(&parts.limits);
    let api = Arc::new(Api {
        parts,
        description: OnceLock::new(),
    });
    routes
        .method_not_allowed_fallback(not_allowed)
        .fallback(missing)
        .layer(from_fn_with_state(queried, query::refuse))
        .layer(from_fn_with_state(limits, headers::add))
        .with_state(api)
}

impl Api {
    /// Returns what describes this API.
    ///
    /// Made when it is first asked for, in some milliseconds: many servers are never asked, and
    /// making it takes as much memory as all else that a start does.
    fn description(&self) -> &Description {
        self.description
            .get_or_init(|| Description::new(routes().into_openapi(), &self.parts.external_url))
    }
}

#[rustfmt::skip] // a route a line
fn routes() -> OpenApiRouter<Arc<Api>> {
    let v1 = OpenApiRouter::new()
        .routes(routes!(certificate::list, certificate::issue))       // GET POST   /certificates
        .routes(routes!(certificate::renew))                          // POST       /certificates/renew
        .routes(routes!(certificate::show))                           // GET        /certificates/{serial}
        .routes(routes!(certificate::revoke))                         // POST       /certificates/{serial}/revoke
        .routes(routes!(profile::list))                               // GET        /profiles
        .routes(routes!(issuer::list))                                // GET        /issuers
        .routes(routes!(trust_bundle::show))                          // GET        /trust-bundle
        .routes(routes!(whoami::show))                                // GET        /whoami
        .routes(routes!(account::list))                               // GET        /accounts
        .routes(routes!(order::list))                                 // GET        /orders
        .routes(routes!(eab_credential::list, eab_credential::mint))  // GET POST   /eab-credentials
        .routes(routes!(eab_credential::show, eab_credential::revoke)) // GET DELETE /eab-credentials/{kid}
        .routes(routes!(client::list, client::create))                // GET POST   /clients
        .routes(routes!(client::show, client::remove))                // GET DELETE /clients/{id}
        .routes(routes!(grant::list, grant::create))                  // GET POST   /grants
        .routes(routes!(grant::show, grant::remove))                  // GET DELETE /grants/{name}
        .routes(routes!(audit::list))                                 // GET        /audit
        .routes(routes!(openapi::show))                               // GET        /openapi.json
        .routes(routes!(docs::show));                                 // GET        /docs
    let oauth2 = OpenApiRouter::new()
        .routes(routes!(token::issue))                                // POST       /token
        .routes(routes!(token::revoke));                              // POST       /revoke
    OpenApiRouter::with_openapi(openapi::frame())
        .nest("/api/v1", v1)
        .nest("/oauth2", oauth2)
        .routes(routes!(app_login::log_in))                           // POST       /api/authenticate/app
}

async fn missing() -> Problem {
    Problem::not_found()
}

async fn not_allowed(method: Method) -> Problem {
    let detail = format!("{method} is not for this resource, see the header Allow");
    Problem::new(Kind::MethodNotAllowed, detail)
}

#[cfg(test)]
mod tests;
