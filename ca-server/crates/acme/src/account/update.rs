//! Reading, updating and deactivating an account, and its list of orders (RFC 8555 §7.1.2, §7.3).

use ca_issuance::audit::{Event, EventKind};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Account, contact};
use crate::Error;
use crate::acme::Acme;
use crate::request::AccountRequest;
use crate::store::OrderPage;

/// What an update may change; everything else in it is ignored (RFC 8555 §7.3.2).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccountUpdate {
    contact: Option<Vec<String>>,
    terms_of_service_agreed: Option<bool>,
    status: Option<String>,
}

impl Acme {
    /// Answers a POST to an account: reads it (empty payload), updates or deactivates it.
    pub async fn update_account(
        &self,
        request: AccountRequest,
        id: &str,
    ) -> Result<Account, Error> {
        request.account.check_owns(id)?;
        if request.payload.is_empty() {
            return Ok(request.account);
        }
        let wanted: AccountUpdate = request.payload.read()?;
        let account = request.account;
        if wanted.status.as_deref() == Some("deactivated") {
            let event = self.account_event(&account, EventKind::AccountDeactivated, json!({}));
            return Ok(self.store.deactivate_account(&account.id, event).await?);
        }
        let contacts = wanted
            .contact
            .filter(|contacts| *contacts != account.contacts);
        let agrees = wanted.terms_of_service_agreed == Some(true) && !account.terms_agreed;
        if contacts.is_none() && !agrees {
            return Ok(account);
        }
        contact::check(contacts.as_deref().unwrap_or_default())?;
        let details = json!({ "contacts": contacts, "terms_agreed": agrees });
        let event = self.account_event(&account, EventKind::AccountUpdated, details);
        let updated = self
            .store
            .update_account(
                &account.id,
                contacts.as_deref(),
                account.terms_agreed || agrees,
                event,
            )
            .await?;
        Ok(updated)
    }

    /// Lists a page of the account's orders that are not invalid (RFC 8555 §7.1.2.1).
    pub async fn orders_of_account(
        &self,
        request: &AccountRequest,
        id: &str,
        cursor: Option<&str>,
    ) -> Result<OrderPage, Error> {
        request.account.check_owns(id)?;
        request.payload.require_empty()?;
        Ok(self.store.orders_of(id, cursor, ORDERS_PER_PAGE).await?)
    }

    pub(crate) fn account_event(
        &self,
        account: &Account,
        kind: EventKind,
        details: Value,
    ) -> Event {
        Event {
            at: self.now(),
            kind,
            actor: account.actor(),
            subject: account.id.clone(),
            details,
        }
    }
}

const ORDERS_PER_PAGE: u32 = 100;
