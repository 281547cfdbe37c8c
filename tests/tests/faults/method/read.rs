//! What the ports only read.

use ca_acme::account::AccountQuery;
use ca_acme::external_account::KeyQuery;
use ca_acme::order::OrderQuery;
use ca_acme::store::AcmeStore;
use ca_identity::store::IdentityStore;
use ca_issuance::audit::query::{EventOrder, EventQuery};
use ca_issuance::ledger::{CertificateQuery, Ledger, RevocationSpan};
use ca_pki::Serial;
use ca_pki::crl::CrlEntries;

use super::act::{Act, Prepared, acts, call};
use super::identity::hash;
use crate::bench::{Bench, START, dns};

/// Makes an act out of each method that reads and how it is called.
macro_rules! reads {
    ($($method:literal => |$store:ident| $call:expr),+ $(,)?) => {
        acts![$(
            $method => async |bench: &Bench, _id: &str| -> Prepared {
                let $store = bench.store.clone();
                call!($store => $call)
            }
        ),+]
    };
}

pub(super) fn acts() -> Vec<Act> {
    [of_certificates(), of_acme(), of_identities()].concat()
}

fn of_certificates() -> Vec<Act> {
    reads![
        "unfinished" => |store| store.unfinished(START),
        "certificate" => |store| store.certificate("tls", &serial()),
        "certificates" => |store| store.certificates(&CertificateQuery::all(START, 5)),
        "idempotent" => |store| store.idempotent("anna", "key", START),
        "is_compromised" => |store| store.is_compromised(&[5; 32]),
        "standing" => |store| store.standing("tls", &serial()),
        "collect_revocations" => |store| store.collect_revocations("tls", span(), CrlEntries::default()),
        "revocation_epoch" => |store| store.revocation_epoch("tls"),
        "current_crl_number" => |store| store.current_crl_number("tls"),
        "shared_moment" => |store| store.shared_moment(),
        "current_crl" => |store| store.current_crl("tls"),
        "events" => |store| store.events(&events()),
    ]
}

fn of_acme() -> Vec<Act> {
    reads![
        "account" => |store| store.account("default", "anna"),
        "account_by_thumbprint" => |store| store.account_by_thumbprint("default", "anna"),
        "accounts" => |store| store.accounts(&accounts()),
        "external_account_key" => |store| store.external_account_key("kid"),
        "external_account_keys" => |store| store.external_account_keys(&keys()),
        "order" => |store| store.order("order"),
        "unfinished_orders" => |store| store.unfinished_orders("anna", 5),
        "orders_of" => |store| store.orders_of("anna", None, 5),
        "orders" => |store| store.orders(&orders()),
        "authorization" => |store| store.authorization("authorization"),
        "authorizations" => |store| store.authorizations(&["authorization".to_owned()]),
        "reusable_authorizations" => |store|
            store.reusable_authorizations("anna", &[dns("a.example.internal")], START),
        "interrupted_validations" => |store| store.interrupted_validations(),
        "holds_authorizations" => |store|
            store.holds_authorizations("anna", &[dns("a.example.internal")], START),
    ]
}

fn of_identities() -> Vec<Act> {
    reads![
        "session" => |store| store.session("session"),
        "session_of_refresh_token" => |store| store.session_of_refresh_token(&hash("token")),
        "client" => |store| store.client("client"),
        "clients" => |store| store.clients(),
        "operator_token" => |store| store.operator_token(&hash("token")),
        "operator_tokens" => |store| store.operator_tokens(),
        "grants" => |store| store.grants(START),
        "grant_uses" => |store| store.grant_uses(),
    ]
}

fn serial() -> Serial {
    Serial::new(START, [7; Serial::RANDOM_BYTES])
}

fn span() -> RevocationSpan {
    RevocationSpan {
        after: 0,
        through: 100,
        ended_before: START,
    }
}

fn events() -> EventQuery {
    EventQuery {
        kind: None,
        actor: None,
        subject: None,
        since: None,
        until: None,
        order: EventOrder::NewestFirst,
        cursor: None,
        limit: 5,
    }
}

fn accounts() -> AccountQuery {
    AccountQuery {
        directory: None,
        status: None,
        limit: 5,
        cursor: None,
    }
}

fn keys() -> KeyQuery {
    KeyQuery {
        owner: None,
        limit: 5,
        cursor: None,
    }
}

fn orders() -> OrderQuery {
    OrderQuery {
        directory: None,
        account: None,
        status: None,
        limit: 5,
        cursor: None,
    }
}
