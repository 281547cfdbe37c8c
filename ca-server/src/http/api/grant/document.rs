//! Grants as JSON: the same members as in the configuration.

use std::collections::BTreeMap;

use ca_identity::grant::{ClaimSpec, GrantSpec, Origin, SubjectSpec, WhoSpec};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOf, Schema, SchemaFormat, Type};

use crate::http::api::body;

/// Who may have which certificates.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Grant)]
pub(in crate::http::api) struct Grant {
    /// Unique over the configuration and the API.
    #[schema(example = "release-jobs", pattern = "^[a-z0-9_-]{1,64}$")]
    name: String,
    /// Who may use it.
    #[serde(deserialize_with = "body::object")]
    who: Who,
    /// Which profiles.
    #[schema(example = json!(["mtls"]))]
    profiles: Vec<String>,
    /// Which names: patterns with their types. Only a grant with a subject may do without.
    #[serde(default)]
    #[schema(example = json!(["dns:*.ci.example.internal", "uri:spiffe://example.internal/ci/*"]))]
    identifiers: Vec<String>,
    /// Which names not; wins over `identifiers`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["dns:ca.example.internal"]))]
    deny: Vec<String>,
    /// Whether wildcard names may be had.
    #[serde(default)]
    wildcards: bool,
    /// How long a certificate may live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "1h")]
    max_lifetime: Option<String>,
    /// From which networks; left out, from each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["10.0.0.0/8"]))]
    networks: Vec<String>,
    /// Until when. Over the API it must be set, at most 30 days ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-11-22T18:00:00Z", format = DateTime)]
    expires: Option<String>,
    /// How many certificates; left out, any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 3)]
    uses: Option<u64>,
    /// The subject, for profiles that take it from the grant.
    #[serde(
        default,
        deserialize_with = "body::optional_object",
        skip_serializing_if = "Option::is_none"
    )]
    subject: Option<Subject>,
}

/// Who may use a grant: exactly one of `oidc`, `client`, `certificate` and `role`.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct Who {
    /// Holders of a token of this provider, with these claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "gitlab")]
    oidc: Option<String>,
    /// For `oidc`: claims and the text or glob that each must match.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(schema_with = claims)]
    claims: BTreeMap<String, ClaimSpec>,
    /// A client.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    /// Holders of a certificate of this CA with a name that the pattern covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    /// Everyone with the role.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
}

/// A subject; its texts may hold `{claim}`.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct Subject {
    /// For kubectl, the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ci:{project_path}")]
    common_name: Option<String>,
    /// For kubectl, the groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["deployers"]))]
    organizations: Vec<String>,
}

/// A grant in force.
#[derive(Serialize, ToSchema)]
pub(in crate::http::api) struct ListedGrant {
    /// The grant.
    grant: Grant,
    /// Where it stands: `configuration`, or `api` and may be removed over it.
    #[schema(example = "api")]
    origin: &'static str,
    /// How many of its uses are spent; left out where they are not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 1)]
    used: Option<u64>,
}

impl From<Grant> for GrantSpec {
    fn from(grant: Grant) -> Self {
        Self {
            name: grant.name,
            who: WhoSpec {
                oidc: grant.who.oidc,
                claims: grant.who.claims,
                client: grant.who.client,
                certificate: grant.who.certificate,
                role: grant.who.role,
            },
            profiles: grant.profiles,
            identifiers: grant.identifiers,
            deny: grant.deny,
            wildcards: grant.wildcards,
            max_lifetime: grant.max_lifetime,
            networks: grant.networks,
            expires: grant.expires,
            uses: grant.uses,
            subject: grant.subject.map(|subject| SubjectSpec {
                common_name: subject.common_name,
                organizations: subject.organizations,
            }),
        }
    }
}

impl From<&ca_identity::grant::Grant> for Grant {
    fn from(grant: &ca_identity::grant::Grant) -> Self {
        let spec = GrantSpec::from(grant);
        Self {
            name: spec.name,
            who: Who {
                oidc: spec.who.oidc,
                claims: spec.who.claims,
                client: spec.who.client,
                certificate: spec.who.certificate,
                role: spec.who.role,
            },
            profiles: spec.profiles,
            identifiers: spec.identifiers,
            deny: spec.deny,
            wildcards: spec.wildcards,
            max_lifetime: spec.max_lifetime,
            networks: spec.networks,
            expires: spec.expires,
            uses: spec.uses,
            subject: spec.subject.map(|subject| Subject {
                common_name: subject.common_name,
                organizations: subject.organizations,
            }),
        }
    }
}

impl From<ca_identity::grant::ListedGrant> for ListedGrant {
    fn from(listed: ca_identity::grant::ListedGrant) -> Self {
        Self {
            grant: Grant::from(&listed.grant),
            origin: match listed.grant.origin {
                Origin::Configured => "configuration",
                Origin::Api => "api",
            },
            used: listed.used,
        }
    }
}

/// Describes what [`ClaimSpec`] reads; answers have texts only.
fn claims() -> ObjectBuilder {
    let whole = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
    let wanted = OneOf::builder()
        .item(ObjectBuilder::new().schema_type(Type::String))
        .item(whole)
        .item(ObjectBuilder::new().schema_type(Type::Boolean));
    ObjectBuilder::new()
        .description(Some(
            "For `oidc`: claims and what each must match: a text or glob; a whole number or truth \
             value stands for its text.",
        ))
        .examples([json!({"project_id": 42, "ref_protected": "true"})])
        .additional_properties(Some(Schema::OneOf(wanted.build())))
}
