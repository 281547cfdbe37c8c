//! `[limits]`

use ca_acme::limits::Limits;
use ca_identity::buckets::Rate;
use ca_identity::source::Exempt;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// How much one client may take, so that none starves the others. 0 is no limit.
///
/// Everything is counted by each server for itself, unfinished orders by all together.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// By address, in IPv6 by network of 64 bits.
    pub address: AddressLimits,
    /// By ACME account.
    pub account: AccountLimits,
}

/// How much one address may take.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AddressLimits {
    /// How many requests an address may send in a minute, over ACME and the JSON API together; and
    /// how many TLS connections it may open.
    pub requests_per_minute: u32,
    /// How many of these at once.
    pub burst: u32,
    /// How many ACME accounts it may make in a minute. Those that are there already do not count.
    pub new_accounts_per_minute: u32,
    /// How many connections it may hold to each listener.
    pub connections: u32,
    /// Addresses that many clients share and that nothing here holds: load balancers.
    pub exempt: Vec<IpNet>,
}

/// How much one ACME account may take.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountLimits {
    /// How many requests an account may send in a minute.
    pub requests_per_minute: u32,
    /// How many of these at once.
    pub burst: u32,
    /// How many orders it may ask for in a minute.
    pub new_orders_per_minute: u32,
    /// How many orders it may have that are neither finished nor expired.
    pub unfinished_orders: u32,
    /// How many authorizations it may make in an hour ahead of orders (newAuthz).
    pub new_authorizations_per_hour: u32,
    /// How often in an hour it may fail to prove control of one name.
    pub failed_validations_per_hour: u32,
}

impl Default for AddressLimits {
    /// An order is 7 requests at most, and one core ends 1,000 orders a second at best: a fleet of
    /// thousands of jobs behind one address starts within the burst, and what it then may send
    /// is a fifth of what one core can take.
    fn default() -> Self {
        Self {
            requests_per_minute: 60_000,
            burst: 30_000,
            new_accounts_per_minute: 1_200,
            connections: 4_096,
            exempt: Vec::new(),
        }
    }
}

impl Default for AccountLimits {
    /// A cluster, or all of a CI system, may share an account: 100 orders a second are 360,000
    /// certificates an hour, and leave most of one core to the others.
    fn default() -> Self {
        Self {
            requests_per_minute: 60_000,
            burst: 30_000,
            new_orders_per_minute: 6_000,
            unfinished_orders: 1_000,
            new_authorizations_per_hour: 1_000,
            failed_validations_per_hour: 60,
        }
    }
}

impl LimitsSection {
    /// Returns how often an address may send a request or open a connection.
    pub(crate) fn address_rate(&self) -> Option<Rate> {
        Rate::per_minute(self.address.requests_per_minute, self.address.burst)
    }

    /// Returns the addresses that are not counted.
    pub(crate) fn exempt(&self) -> Exempt {
        Exempt::new(&self.address.exempt)
    }

    /// Returns what ACME holds its clients to.
    pub(crate) fn to_acme(&self) -> Limits {
        let Self { address, account } = self;
        let a_minutes_worth = |times| Rate::per_minute(times, times);
        Limits {
            new_accounts: a_minutes_worth(address.new_accounts_per_minute),
            exempt: self.exempt(),
            requests: Rate::per_minute(account.requests_per_minute, account.burst),
            new_orders: a_minutes_worth(account.new_orders_per_minute),
            new_authorizations: Rate::per_hour(account.new_authorizations_per_hour),
            unfinished_orders: account.unfinished_orders,
            failed_validations_per_hour: account.failed_validations_per_hour,
        }
    }

    pub(super) fn faults(&self) -> Vec<String> {
        let Self { address, account } = self;
        let mut faults = Vec::new();
        for (name, rate, burst) in [
            ("address", address.requests_per_minute, address.burst),
            ("account", account.requests_per_minute, account.burst),
        ] {
            if rate > 0 && !(1..=rate).contains(&burst) {
                faults.push(format!(
                    "limits.{name}.burst must be 1 to limits.{name}.requests_per_minute"
                ));
            }
        }
        faults
    }
}
