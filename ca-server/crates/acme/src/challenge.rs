//! Answering challenges and driving their validation (RFC 8555 §7.5.1).
//!
//! Whoever answers gets the result itself when it is there within a tenth of a second; else the
//! challenge is made durable as `processing` and the work goes on without the client.

mod drive;
mod running;

use std::sync::Arc;

use serde::Deserialize;

use crate::account::Account;
use crate::acme::Acme;
use crate::authorization::{
    Authorization, AuthorizationStatus, Challenge, ChallengeKind, ChallengeStatus,
};
use crate::challenge::drive::Drive;
use crate::jwk::key_authorization;
use crate::ownership::missing;
use crate::request::AccountRequest;
use crate::validator::Attempt;
use crate::{Error, Problem, StoreError, payload};

pub(crate) use running::Running;

/// A challenge together with the authorization that it belongs to.
#[derive(Clone, Debug)]
pub struct ChallengeOf {
    /// The authorization.
    pub authorization: Authorization,
    /// The challenge.
    pub challenge: Challenge,
}

/// What answers a challenge: an object; a `keyAuthorization` of drafts before RFC 8555 may be in it.
#[derive(Deserialize)]
struct Answer {}

impl Acme {
    /// Reads a challenge (empty payload) or answers it (`{}`).
    ///
    /// Answering again what is being validated or decided changes nothing.
    pub async fn challenge(
        self: &Arc<Self>,
        request: &AccountRequest,
        authorization: &str,
        kind: ChallengeKind,
    ) -> Result<ChallengeOf, Error> {
        let authorization = self.authorization(request, authorization).await?;
        let current = ChallengeOf::find(authorization, kind)?;
        if request.payload.is_empty() {
            return Ok(self.as_seen(current));
        }
        let _answer: Answer = payload::read(request.payload.as_bytes())?;
        if !current.can_be_validated()? {
            return Ok(current);
        }
        self.answer(request, current).await
    }

    async fn answer(
        self: &Arc<Self>,
        request: &AccountRequest,
        current: ChallengeOf,
    ) -> Result<ChallengeOf, Error> {
        let kind = current.challenge.kind;
        let id = current.authorization.id.clone();
        let name = &current.authorization.identifier;
        self.limiter
            .check_failures(&request.account.id, name, self.now())?;
        let drive = self.drive_of(&current, &request.account);
        let Some(validation) = self.start(drive) else {
            return Ok(self.as_seen(current));
        };
        match tokio::time::timeout(self.answer_wait, validation).await {
            Ok(Ok(concluded)) => return ChallengeOf::find(concluded?, kind),
            // The task died; what is stored decides.
            Ok(Err(_panicked)) => {}
            Err(_elapsed) => match self.store.begin_validation(&id, kind).await {
                // Conflict: it was decided in between.
                Ok(()) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            },
        }
        let authorization = self.authorization(request, &id).await?;
        ChallengeOf::find(authorization, kind)
    }

    /// Goes on with validations that a crash, a shutdown or a lost store interrupted. Safe to call
    /// at any time: what runs here is left alone. Returns how many were started.
    pub async fn resume_interrupted_validations(self: &Arc<Self>) -> Result<usize, Error> {
        let mut started = 0;
        for authorization in self.store.interrupted_validations().await? {
            let account = self
                .store
                .account(&authorization.directory, &authorization.account)
                .await?;
            let Some(account) = account else {
                continue;
            };
            let processing: Vec<ChallengeKind> = authorization
                .challenges
                .iter()
                .filter(|challenge| challenge.status == ChallengeStatus::Processing)
                .map(|challenge| challenge.kind)
                .collect();
            for kind in processing {
                let current = ChallengeOf::find(authorization.clone(), kind)?;
                let drive = self.drive_of(&current, &account);
                started += usize::from(self.start(drive).is_some());
            }
        }
        Ok(started)
    }

    fn drive_of(&self, current: &ChallengeOf, account: &Account) -> Drive {
        let authorization = &current.authorization;
        Drive {
            attempt: Attempt {
                identifier: authorization.identifier.clone(),
                wildcard: authorization.wildcard,
                challenge: current.challenge.kind,
                token: current.challenge.token.clone(),
                key_authorization: key_authorization(&current.challenge.token, &account.thumbprint),
                account_url: self
                    .urls
                    .account(&authorization.directory, &authorization.account),
            },
            actor: account.actor(),
            authorization: authorization.clone(),
        }
    }

    /// Shows a challenge that is being validated here as `processing`, durable or not yet.
    fn as_seen(&self, mut current: ChallengeOf) -> ChallengeOf {
        let is_running = self
            .running
            .contains(&current.authorization.id, current.challenge.kind);
        if is_running && current.challenge.status == ChallengeStatus::Pending {
            current.challenge.status = ChallengeStatus::Processing;
        }
        current
    }
}

impl ChallengeOf {
    fn find(authorization: Authorization, kind: ChallengeKind) -> Result<Self, Error> {
        let challenge = authorization
            .challenges
            .iter()
            .find(|challenge| challenge.kind == kind)
            .cloned()
            .ok_or_else(|| missing("challenge"))?;
        Ok(Self {
            authorization,
            challenge,
        })
    }

    /// Tells an answer that starts a validation from one that comes again; refuses one that comes
    /// too late.
    fn can_be_validated(&self) -> Result<bool, Problem> {
        match self.authorization.status {
            AuthorizationStatus::Pending => Ok(matches!(
                self.challenge.status,
                ChallengeStatus::Pending | ChallengeStatus::Processing
            )),
            AuthorizationStatus::Valid | AuthorizationStatus::Invalid => Ok(false),
            AuthorizationStatus::Expired => Err(Problem::malformed(
                "the authorization has expired; place a new order",
            )),
            AuthorizationStatus::Deactivated | AuthorizationStatus::Revoked => Err(
                Problem::malformed("the authorization was withdrawn; place a new order"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use ca_pki::{Identifier, Timestamp};

    use super::*;

    fn challenge_of(status: AuthorizationStatus, challenge: ChallengeStatus) -> ChallengeOf {
        let challenge = Challenge {
            kind: ChallengeKind::Http01,
            status: challenge,
            token: "token".to_owned(),
            validated_at: None,
            error: None,
        };
        ChallengeOf {
            authorization: Authorization {
                id: "id".to_owned(),
                account: "account".to_owned(),
                directory: "default".to_owned(),
                identifier: Identifier::parse("dns", "a.example").unwrap(),
                wildcard: false,
                status,
                expires_at: Timestamp::from_unix_secs(0),
                challenges: vec![challenge.clone()],
                caa_checked_at: None,
                granted_by: None,
            },
            challenge,
        }
    }

    #[test]
    fn only_a_pending_authorization_is_validated_and_a_dead_one_refused() {
        use AuthorizationStatus as Status;
        let cases = [
            (Status::Pending, ChallengeStatus::Pending, Some(true)),
            (Status::Pending, ChallengeStatus::Processing, Some(true)),
            (Status::Valid, ChallengeStatus::Valid, Some(false)),
            (Status::Invalid, ChallengeStatus::Invalid, Some(false)),
            (Status::Expired, ChallengeStatus::Pending, None),
            (Status::Deactivated, ChallengeStatus::Pending, None),
            (Status::Revoked, ChallengeStatus::Valid, None),
        ];

        for (status, challenge, expected) in cases {
            let verdict = challenge_of(status, challenge).can_be_validated().ok();
            assert_eq!(verdict, expected, "{status:?} {challenge:?}");
        }
    }

    #[test]
    fn a_challenge_of_another_kind_is_missing() {
        let authorization =
            challenge_of(AuthorizationStatus::Pending, ChallengeStatus::Pending).authorization;

        assert!(ChallengeOf::find(authorization.clone(), ChallengeKind::Http01).is_ok());
        assert!(ChallengeOf::find(authorization, ChallengeKind::Dns01).is_err());
    }
}
