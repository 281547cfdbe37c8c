//! Reading and deactivating authorizations (RFC 8555 §7.5, §7.5.2).

use ca_issuance::audit::{Event, EventKind};
use serde::Deserialize;
use serde_json::json;

use crate::acme::Acme;
use crate::authorization::{Authorization, AuthorizationStatus};
use crate::ownership::missing;
use crate::request::AccountRequest;
use crate::{Error, Problem, StoreError, payload};

#[derive(Deserialize)]
struct UnverifiedUpdate {
    status: Option<String>,
}

impl Acme {
    /// Reads an authorization of the account.
    pub async fn authorization(
        &self,
        request: &AccountRequest,
        id: &str,
    ) -> Result<Authorization, Error> {
        let authorization = self.store.authorization(id).await?;
        let authorization = authorization.ok_or_else(|| missing("authorization"))?;
        request.account.check_owns(&authorization.account)?;
        Ok(authorization)
    }

    /// Deactivates an authorization, the one change a client may ask for.
    pub async fn update_authorization(
        &self,
        request: &AccountRequest,
        id: &str,
    ) -> Result<Authorization, Error> {
        let authorization = self.authorization(request, id).await?;
        check_update(request.payload.as_bytes())?;
        match authorization.status {
            AuthorizationStatus::Deactivated => return Ok(authorization),
            AuthorizationStatus::Pending | AuthorizationStatus::Valid => {}
            AuthorizationStatus::Invalid
            | AuthorizationStatus::Expired
            | AuthorizationStatus::Revoked => {
                let detail = "only pending and valid authorizations can be deactivated";
                return Err(Error::malformed(detail));
            }
        }
        let event = Event {
            at: self.now(),
            kind: EventKind::AuthorizationDeactivated,
            actor: request.account.actor(),
            subject: authorization.id.clone(),
            details: json!({ "identifier": authorization.identifier.to_string() }),
        };
        match self.store.deactivate_authorization(id, event).await {
            Err(StoreError::Conflict) => self.authorization(request, id).await,
            concluded => Ok(concluded?),
        }
    }
}

/// Looks at `status` only: lego sends the whole authorization object back.
fn check_update(unverified_payload: &[u8]) -> Result<(), Problem> {
    let update: UnverifiedUpdate = payload::read(unverified_payload)?;
    match update.status.as_deref() {
        Some("deactivated") => Ok(()),
        Some(_) | None => Err(Problem::malformed(
            "the only change to an authorization is the status \"deactivated\"",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_nothing_but_the_status_deactivated() {
        let cases = [
            (r#"{"status":"deactivated"}"#, true),
            (
                r#"{"status":"deactivated","identifier":{"type":"dns","value":"x"},"challenges":[]}"#,
                true,
            ),
            (r#"{"status":"valid"}"#, false),
            (r#"{"status":""}"#, false),
            (r#"{"status":["deactivated"]}"#, false),
            (r"{}", false),
            (r"[]", false),
        ];

        for (payload, accepted) in cases {
            assert_eq!(
                check_update(payload.as_bytes()).is_ok(),
                accepted,
                "{payload}"
            );
        }
    }
}
