//! `/api/v1/profiles`: what can be asked for.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ca_issuance::profile::{IdentifierKind, Profile, RevocationRule};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::{Api, openapi};
use crate::config::Span;

/// Every profile.
#[derive(Serialize, ToSchema)]
pub(super) struct Profiles {
    /// In the order of the configuration.
    items: Vec<ProfileSummary>,
}

/// What certificates of one kind hold.
#[derive(Serialize, ToSchema)]
#[schema(as = Profile)]
pub(super) struct ProfileSummary {
    /// The name that requests use.
    #[schema(example = "mtls")]
    name: String,
    /// For people.
    #[schema(example = "both ends of a mutual TLS connection")]
    description: String,
    /// The issuer that signs them.
    #[schema(example = "tls")]
    issuer: String,
    /// How long they live where nothing else is asked for.
    #[schema(example = "1day")]
    lifetime: String,
    /// The most that may be asked for.
    #[schema(example = "1day")]
    max_lifetime: String,
    /// Which kinds of key.
    #[schema(example = json!(["ec-p256", "ed25519"]))]
    keys: Vec<String>,
    /// Purposes.
    #[schema(example = json!(["serverAuth", "clientAuth"]))]
    extended_key_usage: Vec<String>,
    /// Which types of identifier.
    #[schema(example = json!(["dns", "uri"]))]
    identifiers: Vec<&'static str>,
    /// Whether they can be revoked, or end before that would help (RFC 9608).
    revocable: bool,
}

/// The profiles that requests may name
#[utoipa::path(
    get, path = "/profiles", operation_id = "list-profiles", tag = openapi::TRUST,
    responses((status = 200, description = "Every profile", body = Profiles)),
)]
pub(super) async fn list(_: Caller, State(api): State<Arc<Api>>) -> Json<Profiles> {
    let names = api.parts.profiles.iter();
    let profiles = names.filter_map(|name| api.parts.corridor.profile(name));
    Json(Profiles {
        items: profiles.map(ProfileSummary::from).collect(),
    })
}

impl From<&Profile> for ProfileSummary {
    fn from(profile: &Profile) -> Self {
        let purposes = profile.extended_key_usage.iter();
        Self {
            name: profile.name.clone(),
            description: profile.description.clone(),
            issuer: profile.issuer.clone(),
            lifetime: Span(profile.lifetime).to_string(),
            max_lifetime: Span(profile.max_lifetime).to_string(),
            keys: profile.keys.iter().map(ToString::to_string).collect(),
            extended_key_usage: purposes.map(ToString::to_string).collect(),
            identifiers: profile.identifiers.iter().map(kind_name).collect(),
            revocable: profile.revocation != RevocationRule::NoneNeeded,
        }
    }
}

fn kind_name(kind: &IdentifierKind) -> &'static str {
    match kind {
        IdentifierKind::Dns => "dns",
        IdentifierKind::Ip => "ip",
        IdentifierKind::Uri => "uri",
        IdentifierKind::Email => "email",
    }
}
