//! One validation from attempt to stored result.

use std::sync::Arc;
use std::time::Duration;

use ca_issuance::Actor;
use ca_issuance::audit::{Event, EventKind};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::acme::Acme;
use crate::authorization::{Authorization, AuthorizationStatus};
use crate::store::ValidationOutcome;
use crate::validator::Attempt;
use crate::{Error, Problem, ProblemKind, StoreError};

/// A validation to be run.
#[derive(Debug)]
pub(super) struct Drive {
    pub(super) attempt: Attempt,
    pub(super) actor: Actor,
    pub(super) authorization: Authorization,
}

impl Acme {
    /// Starts a validation on the task tracker; `None` while the same one runs.
    ///
    /// A crash before the result is stored leaves the challenge `pending` (its client, without a
    /// response, answers again) or `processing` (resumed at the next start).
    pub(super) fn start(
        self: &Arc<Self>,
        drive: Drive,
    ) -> Option<JoinHandle<Result<Authorization, Error>>> {
        let in_flight = self
            .running
            .begin(&drive.authorization.id, drive.attempt.challenge)?;
        let acme = Arc::clone(self);
        Some(self.tasks.spawn(async move {
            let _until_concluded = in_flight;
            acme.run(drive).await
        }))
    }

    async fn run(&self, drive: Drive) -> Result<Authorization, Error> {
        // Whoever read `pending` before another validation ended may begin after its end.
        let current = self.stored(&drive).await?;
        if current.status != AuthorizationStatus::Pending {
            return Ok(current);
        }
        let verdict = self.validator.validate(&drive.attempt).await;
        if let Err(problem) = &verdict
            && problem.kind == ProblemKind::RateLimited
        {
            return self.leave_for_later(&drive, problem).await;
        }
        if verdict.is_err() {
            let about = &drive.authorization;
            self.limiter
                .count_failure(&about.account, &about.identifier, self.now());
        }
        let outcome = self.outcome(&drive.authorization, verdict);
        let concluded = self.conclude(&drive, outcome).await;
        if let Err(error) = &concluded {
            // Nobody may be waiting any more who would log it.
            tracing::error!(
                authorization = drive.authorization.id,
                %error,
                "a validation's result could not be stored; it will run again"
            );
        }
        concluded
    }

    /// Nothing was tried: the challenge stays `processing`, and the next resumption takes it up.
    async fn leave_for_later(
        &self,
        drive: &Drive,
        problem: &Problem,
    ) -> Result<Authorization, Error> {
        let id = &drive.authorization.id;
        // Thousands may be, each minute; metrics count them.
        tracing::debug!(authorization = id, %problem, "a validation is put off");
        self.stored(drive).await
    }

    async fn stored(&self, drive: &Drive) -> Result<Authorization, Error> {
        let id = &drive.authorization.id;
        let stored = self.store.authorization(id).await?;
        stored.ok_or_else(|| Error::Inconsistent(format!("authorization {id} went while in use")))
    }

    fn outcome(
        &self,
        authorization: &Authorization,
        verdict: Result<(), Problem>,
    ) -> ValidationOutcome {
        match verdict {
            Ok(()) => {
                let lifetime = self
                    .directory(&authorization.directory)
                    .map_or(Duration::ZERO, |directory| directory.authorization_lifetime);
                // Never shortened, so that the order that waits for it can still be finalized.
                let expires_at = self.now().plus(lifetime).max(authorization.expires_at);
                ValidationOutcome::Proven { expires_at }
            }
            Err(problem) => ValidationOutcome::Failed(problem),
        }
    }

    /// Stores the result, again and again while the store is away for a moment.
    async fn conclude(
        &self,
        drive: &Drive,
        outcome: ValidationOutcome,
    ) -> Result<Authorization, Error> {
        let id = &drive.authorization.id;
        let event = self.event(drive, &outcome);
        let mut pause = FIRST_PAUSE;
        loop {
            let stored = self
                .store
                .conclude_validation(id, drive.attempt.challenge, outcome.clone(), event.clone())
                .await;
            match stored {
                Ok(authorization) => return Ok(authorization),
                // Decided by somebody else, or withdrawn by the client.
                Err(StoreError::Conflict) => return self.stored(drive).await,
                Err(StoreError::Unavailable { .. }) if pause < LAST_PAUSE => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn event(&self, drive: &Drive, outcome: &ValidationOutcome) -> Event {
        let (kind, problem) = match outcome {
            ValidationOutcome::Proven { .. } => (EventKind::AuthorizationValidated, None),
            ValidationOutcome::Failed(problem) => {
                (EventKind::AuthorizationRefused, Some(problem.to_string()))
            }
        };
        Event {
            at: self.now(),
            kind,
            actor: drive.actor.clone(),
            subject: drive.authorization.id.clone(),
            details: json!({
                "identifier": drive.authorization.identifier.to_string(),
                "wildcard": drive.authorization.wildcard,
                "challenge": drive.attempt.challenge.name(),
                "problem": problem,
            }),
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Five tries over about four seconds; after that the next start tries again.
const LAST_PAUSE: Duration = Duration::from_secs(4);
