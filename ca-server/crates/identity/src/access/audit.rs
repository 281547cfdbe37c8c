//! What the audit log learns of logins.

use std::net::IpAddr;
use std::sync::Arc;

use ca_issuance::audit::{Event, EventKind};
use ca_issuance::{Actor, LedgerError};
use moka::future::Cache;
use serde_json::{Value, json};

use crate::client::SECRET_PREFIX;
use crate::operator::OPERATOR_TOKEN_PREFIX;
use crate::session::open::REFRESH_TOKEN_PREFIX;
use crate::throttle::Recording;
use crate::{Access, Error, Identity, LoginFailure, Principal};

/// Credentials that have opened a request on this server, by hash and address.
pub(crate) type Announced = Cache<([u8; 32], IpAddr), ()>;

/// Makes room for as many as a busy server sees in a day; one forgotten is announced again.
pub(crate) fn announced() -> Announced {
    Cache::new(65_536)
}

/// A login that came to nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailedLogin<'a> {
    /// `client-secret`, `ci-token`: what was shown.
    pub(crate) credential: &'static str,
    /// Who the sender says to be; nothing of it is verified.
    pub(crate) unverified_name: &'a str,
    /// Where from.
    pub(crate) address: IpAddr,
    /// What is wrong.
    pub(crate) failure: &'a LoginFailure,
}

/// A request by somebody who has not the role that it needs.
#[derive(Clone, Copy, Debug)]
pub struct RefusedAccess<'a> {
    /// The method.
    pub method: &'a str,
    /// The route, its parameters by name.
    pub route: &'a str,
    /// The roles of which one is needed.
    pub needed: &'a str,
}

impl Access {
    /// Writes down that somebody lacks a role. The caller sees to it that nobody asks too often.
    pub async fn note_refused_access(
        &self,
        identity: &Identity,
        refused: RefusedAccess<'_>,
    ) -> Result<(), Error> {
        let event = Event {
            at: self.corridor.clock().now(),
            kind: EventKind::AccessRefused,
            actor: identity.actor(),
            subject: identity.principal.name(),
            details: json!({
                "method": refused.method,
                "route": refused.route,
                "role_needed": refused.needed,
                "address": identity.address.to_string(),
            }),
        };
        Ok(self.store.note(event).await?)
    }

    /// Returns the event of a login; `details` say by what and from where.
    pub(crate) fn login_succeeded(&self, principal: &Principal, details: Value) -> Event {
        Event {
            at: self.corridor.clock().now(),
            kind: EventKind::LoginSucceeded,
            actor: Actor::Identity {
                name: principal.name(),
                via: None,
            },
            subject: principal.name(),
            details,
        }
    }

    /// Writes down that a credential is used, once per address on this server: an event for each
    /// request would bury the log. Returns when that is durable.
    pub(crate) async fn announce(
        &self,
        use_of: ([u8; 32], IpAddr),
        credential: &'static str,
        event: impl FnOnce() -> Event,
    ) -> Result<(), Error> {
        if self.announced.get(&use_of).await.is_some() {
            return Ok(());
        }
        let write = async {
            self.store.note(event()).await?;
            count_login(credential, "succeeded");
            Ok::<(), LedgerError>(())
        };
        self.announced
            .try_get_with(use_of, write)
            .await
            .map_err(shared_failure)
    }

    /// Writes down a failed login, if neither its address nor all addresses together have filled
    /// their share of the log.
    pub(crate) async fn note_failed_login(&self, login: FailedLogin<'_>) -> Result<(), Error> {
        count_login(login.credential, login.failure.name());
        let now = self.corridor.clock().now();
        let (withheld, withheld_elsewhere) = match self.throttle.record(login.address, now) {
            Recording::Write {
                withheld,
                withheld_elsewhere,
            } => (withheld, withheld_elsewhere),
            Recording::Withhold => return Ok(()),
        };
        let mut details = json!({
            "credential": login.credential,
            "reason": login.failure.to_string(),
            "address": login.address.to_string(),
        });
        for (name, left_out) in [
            ("withheld_before", withheld),
            ("withheld_elsewhere", withheld_elsewhere),
        ] {
            if left_out > 0
                && let Some(members) = details.as_object_mut()
            {
                members.insert(name.into(), left_out.into());
            }
        }
        let event = Event {
            at: now,
            kind: EventKind::LoginFailed,
            // Nobody has shown to be anybody.
            actor: Actor::System,
            subject: plain(login.unverified_name),
            details,
        };
        Ok(self.store.note(event).await?)
    }
}

/// Cuts a text that a stranger chose. PostgreSQL takes no NUL: one in a token would keep its
/// refusal out of the log, and turn the answer into a failure of ours.
///
/// A secret that was sent where an id belongs stays out of the log.
fn plain(unverified: &str) -> String {
    if let Some(before) = SECRETS
        .iter()
        .filter_map(|prefix| unverified.find(prefix))
        .min()
    {
        let before = unverified.get(..before).unwrap_or_default();
        return format!("{}[a secret]", plain(before));
    }
    let characters = unverified.chars().take(LONGEST_NAME);
    characters
        .map(|one| match one.is_control() {
            true => char::REPLACEMENT_CHARACTER,
            false => one,
        })
        .collect()
}

/// Counts a login by what was shown and what came of it.
pub(crate) fn count_login(credential: &'static str, result: &'static str) {
    metrics::counter!("ca_login_total", "credential" => credential, "result" => result)
        .increment(1);
}

/// Several requests may have waited for one write.
fn shared_failure(error: Arc<LedgerError>) -> Error {
    let retry_after = match error.as_ref() {
        LedgerError::Unavailable { retry_after, .. } => *retry_after,
        LedgerError::Conflict
        | LedgerError::GrantUsedUp
        | LedgerError::GrantWithdrawn
        | LedgerError::Duplicate
        | LedgerError::Corrupt(_) => std::time::Duration::from_secs(1),
    };
    Error::Unavailable {
        retry_after,
        source: Box::new(error),
    }
}

/// What our secrets begin with.
const SECRETS: [&str; 3] = [SECRET_PREFIX, REFRESH_TOKEN_PREFIX, OPERATOR_TOKEN_PREFIX];
const LONGEST_NAME: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_of_a_stranger_s_name_what_every_database_takes() {
        let long = "a".repeat(1_000);

        assert_eq!(plain("client:a\0b\nc"), "client:a\u{fffd}b\u{fffd}c");
        assert_eq!(plain(&long).len(), LONGEST_NAME);
        assert_eq!(plain("client:cas_c2VjcmV0"), "client:[a secret]");
    }
}
