//! What `ca_issuance::Ledger` writes.

use ca_identity::store::IdentityStore;
use ca_issuance::audit::EventKind;
use ca_issuance::entitlement::{GrantKept, GrantUse, Idempotency};
use ca_issuance::lease::Fence;
use ca_issuance::ledger::{Intent, Ledger, PublishedCrl};
use ca_pki::crl::RevocationReason;
use serde_json::Value;

use super::act::{Act, Outcome, Prepared, acts, call, happened};
use super::identity::grant;
use crate::bench::{Bench, HOUR, intent};

pub(super) fn acts() -> Vec<Act> {
    acts![
        "record_intent" => record_intent,
        "record_intent" => record_second_intent,
        "record_result" => record_result,
        "burn" => burn,
        "burn" => burn_late,
        "revoke" => revoke,
        "number_revocations" => number_revocations,
        "next_crl_number" => next_crl_number,
        "publish_crl" => publish_first_crl,
        "publish_crl" => publish_next_crl,
        "append_event" => append_event,
        "claim" => claim_first,
        "claim" => claim_again,
        "give_back" => give_back,
    ]
}

/// With all that an intent can take: an order, a use of a grant of the store, a key.
async fn whole_intent(bench: &Bench, id: &str) -> Intent {
    let store = &bench.store;
    let granted = grant(id);
    let adding = store.add_grant(granted.clone(), happened(EventKind::ClientCreated));
    adding.await.unwrap();
    let terms: Vec<String> = bench
        .texts(&format!("SELECT terms FROM api_grant WHERE name = '{id}'"))
        .await;
    let terms: Value = serde_json::from_str(&terms[0]).unwrap();
    let account = bench.account(id).await;
    let order = bench.ready_order(&account, &["a.example.internal"]).await;
    Intent {
        grant: Some(GrantUse {
            name: id.to_owned(),
            limit: Some(2),
            kept: GrantKept::Store { terms },
        }),
        idempotency: Some(Idempotency {
            actor: "anna".to_owned(),
            key: id.to_owned(),
            request_hash: [3; 32],
        }),
        ..intent(bench.now(), Some(&order))
    }
}

async fn intended(bench: &Bench, id: &str) -> Intent {
    let intent = whole_intent(bench, id).await;
    let event = happened(EventKind::CertificateIntended);
    bench.store.record_intent(&intent, event).await.unwrap();
    intent
}

async fn record_intent(bench: &Bench, id: &str) -> Prepared {
    let intent = whole_intent(bench, id).await;
    let store = bench.store.clone();
    call!(store, intent =>
        store.record_intent(&intent, happened(EventKind::CertificateIntended)))
}

/// Issues a certificate with all that an intent can take.
pub(super) async fn issued(bench: &Bench, id: &str) -> Outcome {
    record_result(bench, id).await.perform().await
}

/// By a grant that was used before.
async fn record_second_intent(bench: &Bench, id: &str) -> Prepared {
    let first = intended(bench, id).await;
    let second = Intent {
        grant: first.grant,
        ..intent(bench.now(), None)
    };
    let store = bench.store.clone();
    call!(store, second =>
        store.record_intent(&second, happened(EventKind::CertificateIntended)))
}

async fn record_result(bench: &Bench, id: &str) -> Prepared {
    let serial = intended(bench, id).await.serial;
    let store = bench.store.clone();
    call!(store, serial =>
        store.record_result("tls", &serial, b"signed", happened(EventKind::CertificateIssued)))
}

async fn burn(bench: &Bench, id: &str) -> Prepared {
    let serial = intended(bench, id).await.serial;
    let store = bench.store.clone();
    call!(store, serial =>
        store.burn("tls", &serial, happened(EventKind::CertificateBurned)))
}

/// When the order's time is up.
async fn burn_late(bench: &Bench, id: &str) -> Prepared {
    let serial = intended(bench, id).await.serial;
    let store = bench.store.clone();
    let mut event = happened(EventKind::CertificateBurned);
    event.at = bench.now().plus(HOUR * 2);
    call!(store, serial, event => store.burn("tls", &serial, event))
}

async fn revoke(bench: &Bench, _id: &str) -> Prepared {
    let serial = bench.certificate(None).await.serial;
    let store = bench.store.clone();
    let reason = RevocationReason::Superseded;
    call!(store, serial =>
        store.revoke("tls", &serial, reason, happened(EventKind::CertificateRevoked)))
}

/// After a server of the release before revoked.
async fn number_revocations(bench: &Bench, id: &str) -> Prepared {
    revoke(bench, id).await.perform().await.unwrap();
    let newest = "(SELECT MAX(revocation_number) FROM certificate)";
    let forget = "UPDATE certificate SET revocation_number = NULL WHERE revocation_number =";
    bench.execute(&format!("{forget} {newest}")).await;
    let store = bench.store.clone();
    call!(store => store.number_revocations("tls"))
}

async fn next_crl_number(bench: &Bench, id: &str) -> Prepared {
    let (store, issuer) = (bench.store.clone(), id.to_owned());
    call!(store, issuer => store.next_crl_number(&issuer))
}

async fn publish_first_crl(bench: &Bench, id: &str) -> Prepared {
    publish(bench, id, 1).await
}

async fn publish_next_crl(bench: &Bench, id: &str) -> Prepared {
    publish(bench, id, 1).await.perform().await.unwrap();
    publish(bench, id, 2).await
}

async fn publish(bench: &Bench, issuer: &str, number: u64) -> Prepared {
    let claimed = bench.store.claim(issuer, "a", bench.now(), HOUR);
    let fence = Fence {
        work: issuer.into(),
        number: claimed.await.unwrap().unwrap(),
    };
    let crl = PublishedCrl {
        number,
        this_update: bench.now(),
        next_update: bench.now().plus(HOUR),
        revocation_epoch: 3,
        first_revocation: 2,
        ended_before: bench.now(),
        signature: number.to_be_bytes().to_vec(),
    };
    let (store, issuer) = (bench.store.clone(), issuer.to_owned());
    call!(store, issuer, crl, fence =>
        store.publish_crl(&issuer, &crl, &fence, happened(EventKind::CrlPublished)))
}

async fn append_event(bench: &Bench, _id: &str) -> Prepared {
    let store = bench.store.clone();
    call!(store => store.append_event(happened(EventKind::OrderRefused)))
}

async fn claim_first(bench: &Bench, id: &str) -> Prepared {
    claim(bench, id, 1)
}

async fn claim_again(bench: &Bench, id: &str) -> Prepared {
    claim(bench, id, 1).perform().await.unwrap();
    claim(bench, id, 2)
}

fn claim(bench: &Bench, work: &str, hours: u32) -> Prepared {
    let (store, work, now) = (bench.store.clone(), work.to_owned(), bench.now());
    call!(store, work => store.claim(&work, "a", now, HOUR * hours))
}

async fn give_back(bench: &Bench, id: &str) -> Prepared {
    claim(bench, id, 1).perform().await.unwrap();
    let (store, work) = (bench.store.clone(), id.to_owned());
    call!(store, work => store.give_back(&work, "a"))
}
