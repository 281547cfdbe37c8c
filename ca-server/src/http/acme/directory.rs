//! The directory object (RFC 8555 §7.1.1).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ca_acme::Acme;
use ca_acme::directory::{Directory, ExternalAccountRule};
use serde_json::{Map, Value, json};

use super::envelope::ByAccount;
use crate::http::problem::Refusal;

/// Answers GET.
pub(super) async fn show(
    State(acme): State<Arc<Acme>>,
    Path(directory): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let directory = acme.directory(&directory)?;
    Ok(Json(object(&acme, directory)))
}

/// Answers POST-as-GET (RFC 8555 §6.3).
pub(super) async fn show_to_account(
    State(acme): State<Arc<Acme>>,
    ByAccount(request): ByAccount,
) -> Result<Json<Value>, Refusal> {
    request.payload.require_empty()?;
    Ok(Json(object(&acme, &request.directory)))
}

fn object(acme: &Acme, directory: &Directory) -> Value {
    let (urls, name) = (acme.urls(), directory.name.as_str());
    json!({
        "newNonce": urls.new_nonce(name),
        "newAccount": urls.new_account(name),
        "newOrder": urls.new_order(name),
        "newAuthz": urls.new_authorization(name),
        "revokeCert": urls.revoke_certificate(name),
        "keyChange": urls.key_change(name),
        "renewalInfo": urls.renewal_info(name),
        "meta": meta(directory),
    })
}

fn meta(directory: &Directory) -> Map<String, Value> {
    let required = directory.external_account == ExternalAccountRule::Required;
    let identities = &directory.caa_identities;
    let members = [
        ("externalAccountRequired", Some(json!(required))),
        ("profiles", Some(json!(directory.profiles))),
        (
            "termsOfService",
            directory.terms_of_service.as_ref().map(|url| json!(url)),
        ),
        ("website", directory.website.as_ref().map(|url| json!(url))),
        (
            "caaIdentities",
            (!identities.is_empty()).then(|| json!(identities)),
        ),
    ];
    members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}
