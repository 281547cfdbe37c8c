//! `/api/v1/accounts`: ACME accounts, for those who run the server.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ca_acme::account::{Account, AccountQuery, AccountStatus};
use ca_acme::cursor::Cursor;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Parameters;
use super::caller::ByStaff;
use super::page::{self, Here, Limit, Page};
use super::{Api, example, openapi};
use crate::http::problem::api::Problem;

/// Which accounts.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// The ACME directory.
    #[param(example = "default")]
    directory: Option<String>,
    /// Where they stand.
    #[param(inline)]
    status: Option<Status>,
    /// How many at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// Where the page before ended.
    #[serde(default, deserialize_with = "page::parsed")]
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// Where an account stands.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AccountStatus)]
pub(super) enum Status {
    /// In use.
    Valid,
    /// Ended by its holder.
    Deactivated,
    /// Ended by the server.
    Revoked,
}

/// An ACME account.
#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountEntry {
    /// Its id, as actors' names hold it.
    #[schema(example = "Zx3f…")]
    id: String,
    /// The directory.
    #[schema(example = "default")]
    directory: String,
    /// Where it stands.
    status: Status,
    /// `mailto:` URLs.
    #[schema(example = json!(["mailto:ops@example.internal"]))]
    contacts: Vec<String>,
    /// For whom it acts; null for accounts that act for themselves.
    #[schema(example = "client:deployer")]
    identity: Option<String>,
    /// The external account key that bound it; null if none did.
    external_account: Option<String>,
    /// base64url of SHA-256 of its key (RFC 7638).
    key_thumbprint: String,
    /// When it was made.
    #[schema(example = example::moment, format = DateTime)]
    created_at: String,
}

/// ACME accounts of everybody
#[utoipa::path(
    get, path = "/accounts", operation_id = "list-accounts", tag = openapi::ACME, params(Wanted),
    responses((status = 200, description = "Some accounts", body = Page<AccountEntry>)),
)]
pub(super) async fn list(
    _: ByStaff,
    State(api): State<Arc<Api>>,
    here: Here,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Response, Problem> {
    let list = api.parts.acme.accounts(&wanted.into()).await?;
    let items: Vec<AccountEntry> = list.accounts.into_iter().map(AccountEntry::from).collect();
    Ok(here.page(items, list.next))
}

impl From<Wanted> for AccountQuery {
    fn from(wanted: Wanted) -> Self {
        Self {
            directory: wanted.directory,
            status: wanted.status.map(AccountStatus::from),
            limit: wanted.limit.0,
            cursor: wanted.cursor,
        }
    }
}

impl From<Account> for AccountEntry {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            directory: account.directory,
            status: account.status.into(),
            contacts: account.contacts,
            identity: account.principal.map(|principal| principal.name()),
            external_account: account.external_account,
            key_thumbprint: account.thumbprint,
            created_at: account.created_at.to_string(),
        }
    }
}

impl From<Status> for AccountStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Valid => Self::Valid,
            Status::Deactivated => Self::Deactivated,
            Status::Revoked => Self::Revoked,
        }
    }
}

impl From<AccountStatus> for Status {
    fn from(status: AccountStatus) -> Self {
        match status {
            AccountStatus::Valid => Self::Valid,
            AccountStatus::Deactivated => Self::Deactivated,
            AccountStatus::Revoked => Self::Revoked,
        }
    }
}
