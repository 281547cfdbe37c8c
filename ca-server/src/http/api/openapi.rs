//! The OpenAPI 3.1 document: the frame around what the handlers say of themselves.

mod answers;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use url::Url;
use utoipa::openapi::security::{
    ClientCredentials, Flow, Http, HttpAuthScheme, OAuth2, Scopes, SecurityRequirement,
    SecurityScheme,
};
use utoipa::openapi::tag::Tag;
use utoipa::openapi::{
    Components, Info, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Server,
};

use super::{Api, docs};

/// The document as it is served.
pub(super) struct Description {
    /// For programs.
    json: Bytes,
    /// For people.
    pub(super) page: docs::Page,
}

/// The OpenAPI description of this API
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "description", tag = DESCRIPTION, security(()),
    responses((
        status = 200, description = "An OpenAPI 3.1 document",
        body = serde_json::Value, content_type = "application/json",
    )),
)]
pub(super) async fn show(State(api): State<Arc<Api>>) -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "application/json")],
        api.description().json.clone(),
    )
}

impl Description {
    /// Completes the document of the routes and writes it down.
    pub(super) fn new(mut document: OpenApi, external_url: &Url) -> Self {
        complete(&mut document, external_url);
        Self {
            json: document.to_json().unwrap_or_default().into(),
            page: docs::Page::new(&document),
        }
    }
}

/// Returns the document without its routes.
pub(super) fn frame() -> OpenApi {
    OpenApiBuilder::new()
        .info(info())
        .tags(Some(TAGS.map(|(name, description)| {
            let mut tag = Tag::new(name);
            tag.description = Some(description.to_owned());
            tag
        })))
        .components(Some(Components::new()))
        .build()
}

/// Adds what depends on the configuration and what every route may answer.
fn complete(document: &mut OpenApi, external_url: &Url) {
    let base = external_url.as_str().trim_end_matches('/');
    document.servers = Some(vec![Server::new(base)]);
    document.security = Some(SCHEMES.map(requirement).to_vec());
    let components = document.components.get_or_insert_default();
    for (name, scheme) in SCHEMES.into_iter().zip(schemes(base)) {
        components.add_security_scheme(name, scheme);
    }
    answers::add(document);
}

fn info() -> Info {
    InfoBuilder::new()
        .title("Certificate authority")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").build()))
        .build()
}

fn requirement(scheme: &str) -> SecurityRequirement {
    SecurityRequirement::new(scheme, [] as [&str; 0])
}

/// In the order of [`SCHEMES`].
fn schemes(base: &str) -> [SecurityScheme; 3] {
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.bearer_format = Some("JWT".to_owned());
    bearer.description = Some(
        "An access token from `/oauth2/token`, the OIDC token of a CI job whose issuer is \
         configured here, or an operator token."
            .to_owned(),
    );
    let tokens = ClientCredentials::new(format!("{base}/oauth2/token"), Scopes::new());
    [
        SecurityScheme::Http(bearer),
        SecurityScheme::MutualTls {
            description: Some(
                "A client certificate that this CA issued, for client authentication. Each \
                 request asks the store whether it is still good."
                    .to_owned(),
            ),
            deprecated: None,
            extensions: None,
        },
        SecurityScheme::OAuth2(OAuth2::new([Flow::ClientCredentials(tokens)])),
    ]
}

/// Names of the security schemes; any one of them will do.
const SCHEMES: [&str; 3] = ["bearer", "mutualTLS", "clientCredentials"];

const ABOUT: &str = "\
Certificates by identity: a CI job, a service or an operator shows who it is and gets what its \
grants allow. Answers are JSON; refusals are problem documents (RFC 9457) whose `type` is \
`urn:ca:problem:` and a word. Unknown members and parameters are refused. Each caller may ask so \
often: the headers `RateLimit-Policy` and `RateLimit` say how often, and how much is left.";

/// Tag of certificates.
pub(super) const CERTIFICATES: &str = "Certificates";
/// Tag of profiles, issuers and roots.
pub(super) const TRUST: &str = "Profiles and trust";
/// Tag of logins and callers.
pub(super) const IDENTITY: &str = "Identity";
/// Tag of accounts, orders and EAB credentials.
pub(super) const ACME: &str = "ACME";
/// Tag of clients and grants.
pub(super) const ADMINISTRATION: &str = "Administration";
/// Tag of the audit log.
pub(super) const AUDIT: &str = "Audit";
/// Tag of this document.
pub(super) const DESCRIPTION: &str = "Description";

const TAGS: [(&str, &str); 7] = [
    (CERTIFICATES, "Issue, renew, revoke, find."),
    (TRUST, "What can be asked for, and whom to trust."),
    (
        IDENTITY,
        "Trade a credential for an access token, and see who you are.",
    ),
    (
        ACME,
        "Accounts, orders, and credentials that bind an account to an identity.",
    ),
    (
        ADMINISTRATION,
        "Clients and short-lived grants, for administrators.",
    ),
    (AUDIT, "What happened, for auditors."),
    (DESCRIPTION, "This document, for programs and for people."),
];
