//! Making authorizations: for orders, and ahead of them with newAuthz (RFC 8555 §7.4.1).

use std::collections::BTreeSet;

use ca_issuance::audit::{Event, EventKind};
use ca_pki::{Identifier, Timestamp};
use serde::Deserialize;
use serde_json::json;

use crate::account::Account;
use crate::acme::Acme;
use crate::authorization::subject::Subject;
use crate::authorization::{Authorization, AuthorizationStatus, Challenge, ChallengeStatus};
use crate::directory::Directory;
use crate::identifier::UnverifiedIdentifier;
use crate::request::AccountRequest;
use crate::{Error, Problem, payload};

/// What newAuthz found or made.
#[derive(Clone, Debug)]
pub enum PreAuthorization {
    /// A new one: 201.
    Created(Authorization),
    /// The account had one already: 200.
    Existing(Authorization),
}

#[derive(Deserialize)]
struct UnverifiedAuthorization {
    identifier: Option<UnverifiedIdentifier>,
}

impl Acme {
    /// Authorizes an identifier ahead of any order, by challenge. What grants give depends on the
    /// order's profile and comes with the order: there is nothing to do ahead.
    pub async fn new_authorization(
        &self,
        request: &AccountRequest,
    ) -> Result<PreAuthorization, Error> {
        let account = &request.account;
        let unverified: UnverifiedAuthorization = payload::read(request.payload.as_bytes())?;
        let unverified = unverified
            .identifier
            .ok_or_else(|| Problem::malformed("the payload has no identifier"))?;
        let identifier = unverified.parse()?;
        let subject = Subject::of(&identifier);
        if subject.wildcard {
            let detail = "a wildcard is authorized by ordering it, never ahead (RFC 8555 §7.4.1)";
            return Err(Error::malformed(detail));
        }
        self.judge_for_any_profile(&request.directory, &identifier)?;

        let now = self.now();
        let found = self
            .store
            .reusable_authorizations(&account.id, std::slice::from_ref(&identifier), now)
            .await?;
        if let Some(existing) = found.into_iter().find(|one| subject.matches(one)) {
            return Ok(PreAuthorization::Existing(existing));
        }
        self.limiter.count_authorization(&account.id)?;
        let new = self.pending_authorization(account, subject, now)?;
        let event = Event {
            at: now,
            kind: EventKind::AuthorizationCreated,
            actor: account.actor(),
            subject: new.id.clone(),
            details: json!({ "identifier": identifier.to_string() }),
        };
        self.store.add_authorization(new.clone(), event).await?;
        Ok(PreAuthorization::Created(new))
    }

    /// Makes a pending authorization with every challenge that can prove it.
    pub(crate) fn pending_authorization(
        &self,
        account: &Account,
        subject: Subject,
        now: Timestamp,
    ) -> Result<Authorization, Error> {
        let name = &subject.identifier;
        self.limiter.check_failures(&account.id, name, now)?;
        let directory = self.directory(&account.directory)?;
        let token = self.fresh_token()?;
        let challenges = subject
            .challenges(&directory.challenges)
            .into_iter()
            .map(|kind| Challenge {
                kind,
                status: ChallengeStatus::Pending,
                token: token.clone(),
                validated_at: None,
                error: None,
            })
            .collect();
        Ok(Authorization {
            id: self.fresh_id()?,
            account: account.id.clone(),
            directory: directory.name.clone(),
            identifier: subject.identifier,
            wildcard: subject.wildcard,
            status: AuthorizationStatus::Pending,
            expires_at: now.plus(directory.order_lifetime),
            challenges,
            caa_checked_at: None,
            granted_by: None,
        })
    }

    /// Makes an authorization that a grant gives: born valid, with no challenge, for one order,
    /// which it outlives.
    pub(crate) fn granted_authorization(
        &self,
        account: &Account,
        subject: Subject,
        grant: &str,
        now: Timestamp,
    ) -> Result<Authorization, Error> {
        let directory = self.directory(&account.directory)?;
        let lifetime = directory
            .authorization_lifetime
            .max(directory.order_lifetime);
        Ok(Authorization {
            id: self.fresh_id()?,
            account: account.id.clone(),
            directory: directory.name.clone(),
            identifier: subject.identifier,
            wildcard: subject.wildcard,
            status: AuthorizationStatus::Valid,
            expires_at: now.plus(lifetime),
            challenges: Vec::new(),
            caa_checked_at: None,
            granted_by: Some(grant.to_owned()),
        })
    }

    /// Judges an identifier whose order, and so whose profile, is yet to come.
    fn judge_for_any_profile(
        &self,
        directory: &Directory,
        identifier: &Identifier,
    ) -> Result<(), Error> {
        let asked = std::slice::from_ref(identifier);
        let nothing = BTreeSet::new();
        let mut verdict = Ok(());
        for name in directory.profiles.keys() {
            let profile = self.chosen_profile(directory, Some(name))?;
            verdict = self.rules(directory, profile, &nothing).judge(asked);
            if verdict.is_ok() {
                break;
            }
        }
        Ok(verdict?)
    }
}
