//! newAccount, accounts and their orders (RFC 8555 §7.3).

use std::sync::Arc;

use axum::Json;
use axum::extract::{OriginalUri, Path, State};
use axum::http::header::{LINK, LOCATION};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use ca_acme::Acme;
use ca_acme::account::{Account, AccountStatus, Registered};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use url::form_urlencoded;

use super::envelope::{ByAccount, ByKey};
use super::headers::link;
use crate::http::problem::Refusal;

/// Answers newAccount.
pub(super) async fn create(
    State(acme): State<Arc<Acme>>,
    ByKey(request): ByKey,
) -> Result<Response, Refusal> {
    let (status, account) = match acme.register(request).await? {
        Registered::Created(account) => (StatusCode::CREATED, account),
        Registered::Existing(account) => (StatusCode::OK, account),
    };
    Ok(respond(&acme, status, &account))
}

/// Answers a POST to an account: reading, updating, deactivating.
pub(super) async fn update(
    State(acme): State<Arc<Acme>>,
    Path((_, id)): Path<(String, String)>,
    ByAccount(request): ByAccount,
) -> Result<Response, Refusal> {
    let account = acme.update_account(request, &id).await?;
    Ok(respond(&acme, StatusCode::OK, &account))
}

/// Answers the list of an account's orders, a page at a time.
pub(super) async fn orders(
    State(acme): State<Arc<Acme>>,
    Path((_, id)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    ByAccount(request): ByAccount,
) -> Result<Response, Refusal> {
    let cursor = cursor_in(&uri);
    let page = acme
        .orders_of_account(&request, &id, cursor.as_deref())
        .await?;
    let (urls, directory) = (acme.urls(), request.directory.name.as_str());
    let orders: Vec<String> = page
        .orders
        .iter()
        .map(|order| urls.order(directory, order))
        .collect();
    let mut response = Json(json!({ "orders": orders })).into_response();
    let next = page
        .next_cursor
        .and_then(|cursor| link(&urls.orders_page(directory, &id, &cursor), "next"));
    if let Some(next) = next {
        response.headers_mut().append(LINK, next);
    }
    Ok(response)
}

/// Answers with the account and where it is.
pub(super) fn respond(acme: &Acme, status: StatusCode, account: &Account) -> Response {
    let mut response = (status, Json(AccountObject::new(acme, account))).into_response();
    let url = acme.urls().account(&account.directory, &account.id);
    if let Ok(url) = HeaderValue::from_str(&url) {
        response.headers_mut().insert(LOCATION, url);
    }
    response
}

/// The account object (RFC 8555 §7.1.2).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountObject<'a> {
    status: &'static str,
    contact: &'a [String],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    terms_of_service_agreed: bool,
    orders: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_account_binding: Option<&'a RawValue>,
}

impl<'a> AccountObject<'a> {
    fn new(acme: &Acme, account: &'a Account) -> Self {
        Self {
            status: match account.status {
                AccountStatus::Valid => "valid",
                AccountStatus::Deactivated => "deactivated",
                AccountStatus::Revoked => "revoked",
            },
            contact: &account.contacts,
            terms_of_service_agreed: account.terms_agreed,
            orders: acme.urls().orders(&account.directory, &account.id),
            external_account_binding: account
                .external_binding
                .as_deref()
                .and_then(|text| serde_json::from_str(text).ok()),
        }
    }
}

fn cursor_in(uri: &Uri) -> Option<String> {
    form_urlencoded::parse(uri.query()?.as_bytes())
        .find(|(name, _)| name == "cursor")
        .map(|(_, value)| value.into_owned())
}
