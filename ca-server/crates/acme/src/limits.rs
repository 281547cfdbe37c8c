//! How much each address and each account may ask for, so that none starves the others.
//!
//! Rates are counted in memory, on each server for itself: counting them together would cost a
//! database write for each request. Unfinished orders are counted in the database, where they are.

mod failures;

use std::net::IpAddr;
use std::time::Duration;

use ca_identity::buckets::{AddressBuckets, Buckets, Rate};
use ca_identity::source::Exempt;
use ca_pki::{Identifier, Timestamp};

use self::failures::Failures;
use crate::{Problem, ProblemKind};

/// What the operator allows; `None` and 0 are no limit.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// How often an address may make a new account.
    pub new_accounts: Option<Rate>,
    /// Addresses that many clients share, not counted.
    pub exempt: Exempt,
    /// How often an account may send a request.
    pub requests: Option<Rate>,
    /// How often an account may place an order.
    pub new_orders: Option<Rate>,
    /// How often an account may make an authorization ahead of its orders.
    pub new_authorizations: Option<Rate>,
    /// How many unfinished orders an account may have.
    pub unfinished_orders: u32,
    /// How often in an hour an account may fail to prove control of one identifier.
    pub failed_validations_per_hour: u32,
}

/// Counts, and says who must wait.
pub(crate) struct Limiter {
    new_accounts: AddressBuckets,
    requests: Buckets<String>,
    new_orders: Buckets<String>,
    new_authorizations: Buckets<String>,
    failures: Failures,
    unfinished_orders: u32,
}

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            new_accounts: AddressBuckets::new("new-accounts", limits.new_accounts, limits.exempt),
            requests: Buckets::new("account-requests", limits.requests),
            new_orders: Buckets::new("new-orders", limits.new_orders),
            new_authorizations: Buckets::new("new-authorizations", limits.new_authorizations),
            failures: Failures::new(limits.failed_validations_per_hour),
            unfinished_orders: limits.unfinished_orders,
        }
    }

    /// Counts an account about to be made.
    pub(crate) fn count_account(&self, address: IpAddr) -> Result<(), Problem> {
        let detail = "too many new accounts from this address: use one again";
        let wait = self.new_accounts.spend(address);
        wait.map_err(|wait| limited(detail, wait))
    }

    /// Counts a request that an account has signed.
    pub(crate) fn count_request(&self, account: &String) -> Result<(), Problem> {
        let wait = self.requests.spend(account);
        wait.map_err(|wait| limited("too many requests of this account", wait))
    }

    /// Counts an order about to be placed.
    pub(crate) fn count_order(&self, account: &String) -> Result<(), Problem> {
        let wait = self.new_orders.spend(account);
        wait.map_err(|wait| limited("too many new orders of this account", wait))
    }

    /// Counts an authorization about to be made ahead of its order.
    pub(crate) fn count_authorization(&self, account: &String) -> Result<(), Problem> {
        let wait = self.new_authorizations.spend(account);
        wait.map_err(|wait| limited("too many new authorizations of this account", wait))
    }

    /// Counts a validation that failed.
    pub(crate) fn count_failure(&self, account: &str, identifier: &Identifier, now: Timestamp) {
        self.failures.count(account, identifier, now);
    }

    /// Refuses what leads to another validation while too many have failed.
    pub(crate) fn check_failures(
        &self,
        account: &str,
        identifier: &Identifier,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let Some(wait) = self.failures.wait(account, identifier, now) else {
            return Ok(());
        };
        count_refusal("failed-validations");
        let detail = format!("validation of {identifier} has failed too often");
        Err(limited(detail, wait).about(identifier.clone()))
    }

    /// Returns how many unfinished orders an account may have, if that is limited.
    pub(crate) fn most_unfinished(&self) -> Option<u32> {
        (self.unfinished_orders > 0).then_some(self.unfinished_orders)
    }
}

/// Refuses another order of an account that has as many unfinished ones as it may.
pub(crate) fn too_many_unfinished(most: u32) -> Problem {
    count_refusal("unfinished-orders");
    let detail = format!("the account has {most} unfinished orders: finish some of them");
    limited(detail, UNTIL_SOME_ARE_FINISHED)
}

/// Makes the refusal of whoever must wait.
pub(crate) fn limited(detail: impl Into<String>, wait: Duration) -> Problem {
    Problem::new(ProblemKind::RateLimited, detail).retry_after(wait)
}

/// Counts a refusal like those of [`Buckets`].
fn count_refusal(limit: &'static str) {
    metrics::counter!("ca_limited_total", "limit" => limit).increment(1);
}

const UNTIL_SOME_ARE_FINISHED: Duration = Duration::from_secs(60);
