//! The refusals that routes may answer with, each described once.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::response::Response;
use utoipa::openapi::{
    ContentBuilder, Header, HeaderBuilder, ObjectBuilder, OpenApi, Ref, RefOr, ResponseBuilder,
    Type,
};
use utoipa::{PartialSchema, ToSchema};

use crate::http::problem::api::{BrokenRule, Document, Kind};

/// Refers every operation to the refusals that it may answer with.
pub(super) fn add(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    let schemas = &mut components.schemas;
    schemas.insert(Document::name().into_owned(), Document::schema());
    schemas.insert(BrokenRule::name().into_owned(), BrokenRule::schema());
    for kinds in by_status(Kind::ALL).values() {
        let response = RefOr::T(response(kinds));
        components.responses.insert(name(kinds), response);
    }
    for item in document.paths.paths.values_mut() {
        for (effect, operation) in operations_mut(item) {
            if tells_who_calls(operation) {
                show_rates(operation);
            }
            for (status, kinds) in by_status(kinds_of(effect, operation)) {
                let reference = RefOr::Ref(Ref::from_response_name(name(&kinds)));
                let responses = &mut operation.responses.responses;
                responses.entry(status.to_string()).or_insert(reference);
            }
        }
    }
}

/// Whether an operation changes something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Reads,
    Changes,
}

/// Returns the operations of a path, of the methods that this API has.
fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = (Effect, &mut Operation)> {
    let by_method = [
        (Effect::Reads, &mut item.get),
        (Effect::Changes, &mut item.post),
        (Effect::Changes, &mut item.delete),
    ];
    by_method
        .into_iter()
        .filter_map(|(effect, operation)| Some((effect, operation.as_mut()?)))
}

/// Returns what an operation may refuse, going by what it takes.
fn kinds_of(effect: Effect, operation: &Operation) -> Vec<Kind> {
    let mut kinds = vec![Kind::Failed, Kind::Busy];
    let takes = |wanted: &[ParameterIn]| {
        let mut parameters = operation.parameters.iter().flatten();
        parameters.any(|parameter| match parameter {
            RefOr::T(parameter) => wanted.contains(&parameter.parameter_in),
            RefOr::Ref(_) => false,
        })
    };
    if takes(&[ParameterIn::Path]) {
        kinds.push(Kind::NotFound);
    }
    if takes(&[ParameterIn::Query, ParameterIn::Header]) {
        kinds.push(Kind::Malformed);
    }
    if takes(&[ParameterIn::Header]) {
        // The only header that is read for itself is Idempotency-Key.
        kinds.push(Kind::IdempotencyMismatch);
    }
    if operation.request_body.is_some() {
        kinds.extend([
            Kind::Malformed,
            Kind::TooSlow,
            Kind::TooLarge,
            Kind::UnsupportedMediaType,
        ]);
    }
    if tells_who_calls(operation) {
        kinds.extend([Kind::Unauthorized, Kind::RateLimited]);
    }
    if !is_public(operation) {
        kinds.push(Kind::Forbidden);
        if effect == Effect::Changes {
            kinds.push(Kind::Conflict);
        }
    }
    kinds
}

/// Operations for everyone say so; the others have the document's rule.
fn is_public(operation: &Operation) -> bool {
    operation.security.is_some()
}

/// Whoever needs no credential and sends something logs in by it.
fn tells_who_calls(operation: &Operation) -> bool {
    !is_public(operation) || operation.request_body.is_some()
}

/// Describes the headers of success that depend on who calls.
fn show_rates(operation: &mut Operation) {
    for response in operation.responses.responses.values_mut() {
        let RefOr::T(response) = response else {
            continue;
        };
        for (name, about) in RATES {
            let header = RefOr::T(header(Type::String, about));
            response.headers.insert(name.to_owned(), header);
        }
    }
}

/// OpenAPI knows answers by status, which some kinds share.
fn by_status(kinds: impl IntoIterator<Item = Kind>) -> BTreeMap<u16, Vec<Kind>> {
    let mut grouped = BTreeMap::new();
    for kind in kinds {
        let all = Kind::ALL.into_iter();
        let same = all.filter(|one| one.status() == kind.status()).collect();
        grouped.insert(kind.status().as_u16(), same);
    }
    grouped
}

fn name(kinds: &[Kind]) -> String {
    let status = kinds.first().map(|kind| kind.status());
    let reason = status.and_then(|status| status.canonical_reason());
    reason.unwrap_or_default().replace(' ', "")
}

fn response(kinds: &[Kind]) -> Response {
    let titles: Vec<String> = kinds
        .iter()
        .map(|kind| format!("`{}`: {}.", kind.name(), kind.title()))
        .collect();
    let mut content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Document::name())));
    if let Some(kind) = kinds.first() {
        content = content.example(Some(json!({
            "type": format!("urn:ca:problem:{}", kind.name()),
            "title": kind.title(),
            "status": kind.status().as_u16(),
            "detail": "what is wrong with this request",
        })));
    }
    let mut response = ResponseBuilder::new()
        .description(titles.join(" "))
        .content("application/problem+json", content.build());
    if kinds.contains(&Kind::RateLimited) || kinds.contains(&Kind::Busy) {
        let about = "Seconds to wait before asking again";
        response = response.header("Retry-After", header(Type::Integer, about));
    }
    if kinds.contains(&Kind::Unauthorized) {
        let about = "What kind of credential is needed, and what was wrong with this one";
        response = response.header("WWW-Authenticate", header(Type::String, about));
    }
    response.build()
}

fn header(kind: Type, about: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(kind).build()))
        .description(Some(about))
        .build()
}

const RATES: [(&str, &str); 2] = [
    (
        "RateLimit-Policy",
        "So many requests (`q`) in so many seconds (`w`)",
    ),
    (
        "RateLimit",
        "So many are left (`r`), and all again in so many seconds (`t`)",
    ),
];
