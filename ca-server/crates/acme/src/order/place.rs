//! newOrder (RFC 8555 §7.4).

use std::time::Duration;

use ca_issuance::audit::{Event, EventKind};
use ca_pki::Timestamp;
use serde_json::json;

use crate::account::Account;
use crate::acme::Acme;
use crate::authorization::subject::Subject;
use crate::authorization::{Authorization, AuthorizationStatus};
use crate::directory::Directory;
use crate::grant::{Asked, Given};
use crate::identifier::texts;
use crate::limits::too_many_unfinished;
use crate::order::request::OrderRequest;
use crate::order::{Order, OrderStatus};
use crate::renewal_info::RenewalId;
use crate::request::AccountRequest;
use crate::store::{NewOrder, Placement};
use crate::{Error, Problem, ProblemKind};

/// An order just placed.
#[derive(Clone, Debug)]
pub struct PlacedOrder {
    /// The order.
    pub order: Order,
    /// What the client should know: that notAfter was cut.
    pub warning: Option<&'static str>,
}

/// An order as judged, before its authorizations are known.
struct Draft<'a> {
    account: &'a Account,
    directory: &'a Directory,
    asked: &'a OrderRequest,
    given: Given,
    profile: &'a str,
    not_before: Option<Timestamp>,
    not_after: Option<Timestamp>,
    /// Whether notAfter is earlier than asked for.
    clamped: bool,
    now: Timestamp,
}

impl Acme {
    /// Places an order; identifiers with a valid authorization need no new proof.
    pub async fn new_order(&self, request: &AccountRequest) -> Result<PlacedOrder, Error> {
        self.limiter.count_order(&request.account.id)?;
        let asked = OrderRequest::parse(request.payload.as_bytes())?;
        match self.judge_and_place(request, &asked).await {
            Err(Error::Refused(problem)) => {
                self.note_refused_order(request, &asked, &problem).await?;
                Err(Error::Refused(problem))
            }
            placed => placed,
        }
    }

    async fn judge_and_place(
        &self,
        request: &AccountRequest,
        asked: &OrderRequest,
    ) -> Result<PlacedOrder, Error> {
        let draft = self.judge(request, asked).await?;
        Ok(PlacedOrder {
            order: self.place(&draft).await?,
            warning: draft.clamped.then_some(CLAMPED),
        })
    }

    async fn judge<'a>(
        &'a self,
        request: &'a AccountRequest,
        asked: &'a OrderRequest,
    ) -> Result<Draft<'a>, Error> {
        let (account, directory) = (&request.account, &*request.directory);
        let now = self.now();
        let profile = self.chosen_profile(directory, asked.profile.as_deref())?;
        let given = self
            .given(
                account,
                Asked {
                    profile: &profile.name,
                    identifiers: &asked.names.identifiers.iter().cloned().collect(),
                    address: request.address,
                },
            )
            .await?;
        self.rules(directory, profile, &given.names)
            .judge_names(&asked.names)?;
        asked.check_window(now)?;
        let window = self
            .corridor
            .granted_window(&profile.name, asked.not_before, asked.not_after)
            .map_err(|violation| Problem::malformed(violation.detail))?;
        self.check_unfinished(account).await?;
        if let Some(replaced) = &asked.replaces {
            self.check_replaced(account, replaced, &asked.names.identifiers)
                .await?;
        }

        let validity = given.cut(window.validity);
        let not_after = asked.not_after.map(|_moment| validity.not_after);
        Ok(Draft {
            account,
            directory,
            profile: &profile.name,
            not_before: asked.not_before.map(|_moment| validity.not_before),
            not_after,
            clamped: window.clamped || not_after.is_some() && validity != window.validity,
            asked,
            given,
            now,
        })
    }

    /// Tries again where an authorization ends between finding it and placing the order.
    async fn place(&self, draft: &Draft<'_>) -> Result<Order, Error> {
        for _attempt in 0..PLACEMENT_ATTEMPTS {
            let new = self.compose(draft).await?;
            let event = draft.event(&new.order);
            match self.store.place_order(new, event).await? {
                Placement::Placed(order) => return Ok(order),
                Placement::AuthorizationGone => {}
                Placement::AlreadyReplaced => {
                    let detail = "another order replaces this certificate already";
                    return Err(Problem::new(ProblemKind::AlreadyReplaced, detail).into());
                }
                Placement::AccountNotValid => {
                    let detail = "the account is not valid any more";
                    return Err(Problem::new(ProblemKind::Unauthorized, detail).into());
                }
            }
        }
        let busy = Problem::new(
            ProblemKind::ServerInternal,
            "the account's authorizations change too fast; order again",
        );
        Err(busy
            .with_status(503)
            .retry_after(Duration::from_secs(1))
            .into())
    }

    /// Finds or makes an authorization for each identifier.
    async fn compose(&self, draft: &Draft<'_>) -> Result<NewOrder, Error> {
        let identifiers = &draft.asked.names.identifiers;
        let until = draft.now.plus(REUSE_MARGIN);
        let mut found = self
            .store
            .reusable_authorizations(&draft.account.id, identifiers, until)
            .await?;
        // What ends later than any that begins now was proven while the clock was ahead.
        let latest = draft.now.plus(LONGEST_AUTHORIZATION);
        found.retain(|one| one.expires_at <= latest);

        let mut expires_at = draft.now.plus(draft.directory.order_lifetime);
        let mut all_valid = true;
        let mut authorizations = Vec::with_capacity(identifiers.len());
        let mut new_authorizations = Vec::new();
        for identifier in identifiers {
            let subject = Subject::of(identifier);
            let grant = draft.given.grant_of(identifier);
            let reused = best(&subject, &found).filter(|_| grant.is_none());
            let (id, status) = if let Some(reused) = reused {
                expires_at = expires_at.min(reused.expires_at);
                (reused.id.clone(), reused.status)
            } else {
                let new = self.new_authorization_for(draft, subject, grant)?;
                let known = (new.id.clone(), new.status);
                new_authorizations.push(new);
                known
            };
            all_valid &= status == AuthorizationStatus::Valid;
            authorizations.push(id);
        }
        let status = if all_valid {
            OrderStatus::Ready
        } else {
            OrderStatus::Pending
        };
        Ok(NewOrder {
            order: draft.order(self.fresh_id()?, status, expires_at, authorizations),
            new_authorizations,
        })
    }

    fn new_authorization_for(
        &self,
        draft: &Draft<'_>,
        subject: Subject,
        grant: Option<&str>,
    ) -> Result<Authorization, Error> {
        match grant {
            Some(grant) => self.granted_authorization(draft.account, subject, grant, draft.now),
            None => self.pending_authorization(draft.account, subject, draft.now),
        }
    }

    /// Bounds what a client that never finishes its orders can pile up. Requests that come
    /// together may overshoot a little, which does no harm.
    async fn check_unfinished(&self, account: &Account) -> Result<(), Error> {
        let Some(most) = self.limiter.most_unfinished() else {
            return Ok(());
        };
        if self.store.unfinished_orders(&account.id, most).await? < most {
            return Ok(());
        }
        Err(too_many_unfinished(most).into())
    }
}

impl Draft<'_> {
    fn order(
        &self,
        id: String,
        status: OrderStatus,
        expires_at: Timestamp,
        authorizations: Vec<String>,
    ) -> Order {
        Order {
            id,
            account: self.account.id.clone(),
            directory: self.directory.name.clone(),
            status,
            expires_at,
            identifiers: self.asked.names.identifiers.clone(),
            authorizations,
            profile: self.profile.to_owned(),
            not_before: self.not_before,
            not_after: self.not_after,
            replaces: self.asked.replaces.as_ref().map(RenewalId::text),
            error: None,
            certificate: None,
            created_at: self.now,
        }
    }

    fn event(&self, order: &Order) -> Event {
        Event {
            at: self.now,
            kind: EventKind::OrderCreated,
            actor: self.account.actor(),
            subject: order.id.clone(),
            details: json!({
                "identifiers": texts(&order.identifiers),
                "profile": order.profile,
                "replaces": order.replaces,
                "grant": self.given.grant.as_ref().map(|grant| &grant.name),
                "granted": texts(&self.given.names),
            }),
        }
    }
}

/// Picks the authorization to reuse: a valid one before a pending one, then the longest.
fn best<'a>(subject: &Subject, found: &'a [Authorization]) -> Option<&'a Authorization> {
    found
        .iter()
        .filter(|one| subject.matches(one))
        .filter(|one| {
            matches!(
                one.status,
                AuthorizationStatus::Valid | AuthorizationStatus::Pending
            )
        })
        .max_by_key(|one| (one.status == AuthorizationStatus::Valid, one.expires_at))
}

/// How long a reused authorization must still hold: time enough to finalize.
const REUSE_MARGIN: Duration = Duration::from_secs(10 * 60);
/// What the configuration allows at most, and an hour for clocks that are apart.
const LONGEST_AUTHORIZATION: Duration = Duration::from_secs((7 * 24 + 1) * 60 * 60);
const PLACEMENT_ATTEMPTS: u8 = 3;
const CLAMPED: &str =
    "notAfter is earlier than asked for: profile or grant allow no longer lifetime";

#[cfg(test)]
mod tests {
    use ca_pki::Identifier;

    use super::*;

    fn authorization(id: &str, name: &str, status: AuthorizationStatus, end: i64) -> Authorization {
        let subject = Subject::of(&Identifier::parse("dns", name).unwrap());
        Authorization {
            id: id.to_owned(),
            account: "account".to_owned(),
            directory: "default".to_owned(),
            identifier: subject.identifier,
            wildcard: subject.wildcard,
            status,
            expires_at: Timestamp::from_unix_secs(end),
            challenges: Vec::new(),
            caa_checked_at: None,
            granted_by: None,
        }
    }

    #[test]
    fn reuses_the_valid_authorization_that_holds_longest() {
        let found = [
            authorization("pending", "a.example", AuthorizationStatus::Pending, 900),
            authorization("short", "a.example", AuthorizationStatus::Valid, 100),
            authorization("long", "a.example", AuthorizationStatus::Valid, 200),
            authorization("wildcard", "*.a.example", AuthorizationStatus::Valid, 900),
            authorization("dead", "a.example", AuthorizationStatus::Deactivated, 900),
        ];
        let picked = |name: &str| {
            let subject = Subject::of(&Identifier::parse("dns", name).unwrap());
            best(&subject, &found).map(|one| one.id.as_str())
        };

        assert_eq!(picked("a.example"), Some("long"));
        assert_eq!(picked("*.a.example"), Some("wildcard"));
        assert_eq!(picked("b.example"), None);
    }
}
