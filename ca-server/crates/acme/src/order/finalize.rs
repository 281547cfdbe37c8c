//! finalize: from a ready order through the corridor to a certificate (RFC 8555 §7.4).

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_issuance::audit::{Event, EventKind};
use ca_issuance::{Entitlement, IssuanceError, Issued};
use ca_pki::{Csr, Identifier};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::acme::Acme;
use crate::authorization::subject::Subject;
use crate::authorization::{Authorization, AuthorizationStatus};
use crate::grant::Asked;
use crate::order::claim::GrantedNames;
use crate::order::violation;
use crate::order::{Order, OrderStatus};
use crate::request::AccountRequest;
use crate::{Error, Problem, ProblemKind, payload};

#[derive(Deserialize)]
struct UnverifiedFinalize {
    csr: Option<String>,
}

impl Acme {
    /// Issues the certificate of a ready order.
    ///
    /// A refused CSR leaves the order `ready`: the client may send another. The work goes on when
    /// the client hangs up or the wait for the signer (5 s) passes.
    pub async fn finalize(&self, request: &AccountRequest, id: &str) -> Result<Order, Error> {
        let order = self.order(request, id).await?;
        check_ready(&order)?;
        let csr = read_csr(request.payload.as_bytes())?;
        let authorizations = self.valid_authorizations(&order).await?;
        let granted = granted_names(&order, &authorizations);
        self.check_still_allowed(request, &order, &granted).await?;
        let grant = self.check_still_granted(request, &order, granted).await?;
        self.check_caa(request, &order, authorizations).await?;

        let claim = self.claim(request, &order, grant)?;
        let issuance = self.corridor.issue(csr, Entitlement::attest(claim));
        match tokio::time::timeout(ISSUANCE_WAIT, issuance).await {
            Ok(Ok(issued)) => Ok(finished(order, &issued)),
            Ok(Err(error)) => Err(self.explain(request, id, error).await?),
            Err(_elapsed) => {
                let mut order = self.order(request, id).await?;
                // The intent itself may still be on its way into the store.
                if order.status == OrderStatus::Ready {
                    order.status = OrderStatus::Processing;
                }
                Ok(order)
            }
        }
    }

    /// Judges the names once more: rules may have been narrowed since the order was placed.
    async fn check_still_allowed(
        &self,
        request: &AccountRequest,
        order: &Order,
        granted: &BTreeSet<Identifier>,
    ) -> Result<(), Error> {
        let directory = &request.directory;
        let verdict = match self.chosen_profile(directory, Some(&order.profile)) {
            Ok(profile) => self
                .rules(directory, profile, granted)
                .judge(&order.identifiers),
            Err(Error::Refused(problem)) => Err(*problem),
            Err(other) => return Err(other),
        };
        match verdict {
            Ok(()) => Ok(()),
            Err(problem) => Err(self.fail(request, order, problem).await?),
        }
    }

    /// Judges what was granted once more, by the grants and the address of now.
    async fn check_still_granted(
        &self,
        request: &AccountRequest,
        order: &Order,
        names: BTreeSet<Identifier>,
    ) -> Result<Option<GrantedNames>, Error> {
        if names.is_empty() {
            return Ok(None);
        }
        let asked = Asked {
            profile: &order.profile,
            identifiers: &names,
            address: request.address,
        };
        match self.judge_granted(&request.account, asked).await? {
            Ok(granted) => Ok(Some(GrantedNames { granted, names })),
            Err(withdrawn) => Err(self
                .fail_with(request, order, withdrawn.problem(), withdrawn.to_json())
                .await?),
        }
    }

    /// Reads the order's authorizations, each of which must still be valid.
    async fn valid_authorizations(&self, order: &Order) -> Result<Vec<Authorization>, Error> {
        let authorizations = self.store.authorizations(&order.authorizations).await?;
        let all_there = authorizations.len() == order.authorizations.len();
        let valid = |one: &Authorization| one.status == AuthorizationStatus::Valid;
        if all_there && authorizations.iter().all(valid) {
            return Ok(authorizations);
        }
        let detail = "an authorization of the order is not valid any more: place a new one";
        Err(Problem::new(ProblemKind::OrderNotReady, detail).into())
    }

    /// Marks the order invalid and hands its reason back.
    pub(super) async fn fail(
        &self,
        request: &AccountRequest,
        order: &Order,
        problem: Problem,
    ) -> Result<Error, Error> {
        self.fail_with(request, order, problem, Value::Null).await
    }

    async fn fail_with(
        &self,
        request: &AccountRequest,
        order: &Order,
        problem: Problem,
        grants: Value,
    ) -> Result<Error, Error> {
        let event = Event {
            at: self.now(),
            kind: EventKind::CertificateRefused,
            actor: request.account.actor(),
            subject: order.id.clone(),
            details: json!({ "violations": [problem.to_string()], "grants": grants }),
        };
        self.store.fail_order(&order.id, &problem, event).await?;
        Ok(problem.into())
    }

    /// Turns the corridor's refusal into the client's words.
    async fn explain(
        &self,
        request: &AccountRequest,
        id: &str,
        error: IssuanceError,
    ) -> Result<Error, Error> {
        match error {
            IssuanceError::Refused(violations) => Ok(violation::refusal(&violations).into()),
            // Somebody else finalized it first; its state says how far that went.
            IssuanceError::Conflict => {
                let order = self.order(request, id).await?;
                Ok(not_ready(&order).into())
            }
            IssuanceError::Busy { .. } | IssuanceError::Duplicate | IssuanceError::Failed(_) => {
                Ok(error.into())
            }
        }
    }
}

/// Picks the names that were granted; their authorizations show no control.
fn granted_names(order: &Order, authorizations: &[Authorization]) -> BTreeSet<Identifier> {
    let is_granted = |identifier: &&Identifier| {
        let subject = Subject::of(identifier);
        let mut about = authorizations.iter().filter(|one| subject.matches(one));
        about.any(|one| one.granted_by.is_some())
    };
    order
        .identifiers
        .iter()
        .filter(is_granted)
        .cloned()
        .collect()
}

/// Returns the order as the corridor left it in the store, without another read.
fn finished(order: Order, issued: &Issued) -> Order {
    let certificate = (
        issued.issuer().to_owned(),
        issued.certificate().serial().clone(),
    );
    Order {
        status: OrderStatus::Valid,
        certificate: Some(certificate),
        ..order
    }
}

fn check_ready(order: &Order) -> Result<(), Problem> {
    match order.status {
        OrderStatus::Ready => Ok(()),
        OrderStatus::Pending
        | OrderStatus::Processing
        | OrderStatus::Valid
        | OrderStatus::Invalid => Err(not_ready(order)),
    }
}

fn not_ready(order: &Order) -> Problem {
    let detail = match order.status {
        OrderStatus::Pending => "the order is pending: complete its authorizations first",
        OrderStatus::Ready => "the order was finalized by another request that came to nothing",
        OrderStatus::Processing => "the order is being finalized: read it again soon",
        OrderStatus::Valid => "the order is finalized already: download its certificate",
        OrderStatus::Invalid => "the order is invalid: place a new one",
    };
    Problem::new(ProblemKind::OrderNotReady, detail)
}

fn read_csr(unverified_payload: &[u8]) -> Result<Csr, Problem> {
    let unverified: UnverifiedFinalize = payload::read(unverified_payload)?;
    let text = payload::present(unverified.csr)
        .ok_or_else(|| Problem::malformed("the payload has no csr"))?;
    let der = URL_SAFE_NO_PAD.decode(text).map_err(|_undecodable| {
        Problem::malformed(
            "csr is not base64url without padding of the CSR in DER (no PEM, no line breaks)",
        )
    })?;
    Csr::parse(&der).map_err(|reason| {
        let cause = std::error::Error::source(&reason);
        let detail = cause.map_or_else(|| reason.to_string(), |cause| format!("{reason}: {cause}"));
        Problem::new(ProblemKind::BadCsr, detail)
    })
}

/// A signer in trouble answers within its own deadline, mostly sooner; past this the client polls.
const ISSUANCE_WAIT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use ca_pki::Timestamp;

    use super::*;

    fn order(status: OrderStatus) -> Order {
        Order {
            id: "order".to_owned(),
            account: "account".to_owned(),
            directory: "default".to_owned(),
            status,
            expires_at: Timestamp::from_unix_secs(0),
            identifiers: Vec::new(),
            authorizations: Vec::new(),
            profile: "tls-server".to_owned(),
            not_before: None,
            not_after: None,
            replaces: None,
            error: None,
            certificate: None,
            created_at: Timestamp::from_unix_secs(0),
        }
    }

    #[test]
    fn only_a_ready_order_can_be_finalized() {
        assert!(check_ready(&order(OrderStatus::Ready)).is_ok());
        for status in [
            OrderStatus::Pending,
            OrderStatus::Processing,
            OrderStatus::Valid,
            OrderStatus::Invalid,
        ] {
            let problem = check_ready(&order(status)).unwrap_err();
            assert_eq!(problem.kind, ProblemKind::OrderNotReady, "{status:?}");
            assert_eq!(problem.status, 403, "{status:?}");
        }
    }

    #[test]
    fn tells_a_csr_that_does_not_decode_from_one_that_is_bad() {
        let cases = [
            (r"{}", ProblemKind::Malformed),
            (r#"{"csr":null}"#, ProblemKind::Malformed),
            (r#"{"csr":""}"#, ProblemKind::Malformed),
            (r#"{"csr":7}"#, ProblemKind::Malformed),
            (r#"{"csr":"MAA="}"#, ProblemKind::Malformed),
            (r#"{"csr":"a+b/"}"#, ProblemKind::Malformed),
            (
                r#"{"csr":"-----BEGIN CERTIFICATE REQUEST-----"}"#,
                ProblemKind::Malformed,
            ),
            (r#"{"csr":"MAA"}"#, ProblemKind::BadCsr),
            (r#"{"csr":"AAAA"}"#, ProblemKind::BadCsr),
        ];

        for (payload, kind) in cases {
            let problem = read_csr(payload.as_bytes()).unwrap_err();
            assert_eq!(problem.kind, kind, "{payload}");
        }
    }
}
