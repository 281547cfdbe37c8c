//! Uses of grants: how often, and only while they are there.

use ca_identity::IdentityStore;
use ca_identity::grant::{Grant, GrantSpec};
use ca_issuance::Ledger;
use ca_issuance::audit::EventKind;
use ca_issuance::entitlement::{GrantKept, GrantUse};
use ca_issuance::ledger::{Intent, LedgerError};
use serde_json::json;

use super::{event, grant};
use crate::bench::{Bench, HOUR, START, fifty, intent, on_both_databases};

on_both_databases!(
    counts_uses_by_name_and_a_new_grant_anew,
    a_removed_grant_records_no_intent,
    a_grant_of_other_terms_under_its_name_is_another,
    an_ended_grant_records_no_intent,
    uses_of_one_grant_do_not_wait_for_each_other,
    burning_gives_a_later_grant_of_the_name_nothing,
);

async fn counts_uses_by_name_and_a_new_grant_anew(bench: Bench) {
    let use_once = async |name: &str| {
        let mut intent = intent(bench.now(), None);
        intent.grant = Some(GrantUse {
            name: name.to_owned(),
            limit: Some(9),
            kept: GrantKept::Configuration,
        });
        let intended = event(EventKind::CertificateIntended, START);
        let recorded = bench.store.record_intent(&intent, intended);
        recorded.await.unwrap();
    };
    use_once("configured").await;
    use_once("release-jobs").await;
    use_once("release-jobs").await;

    let counted = bench.store.grant_uses().await.unwrap();
    let created = event(EventKind::GrantCreated, START);
    let added = bench.store.add_grant(grant("release-jobs"), created);
    added.await.unwrap();
    let anew = bench.store.grant_uses().await.unwrap();

    let uses = |counted: &[(&str, u64)]| {
        let counted = counted.iter();
        counted
            .map(|(name, uses)| ((*name).to_owned(), *uses))
            .collect()
    };
    assert_eq!(counted, uses(&[("configured", 1), ("release-jobs", 2)]));
    assert_eq!(anew, uses(&[("configured", 1)]));
}

async fn a_removed_grant_records_no_intent(bench: Bench) {
    let judged = grant("release-jobs");
    add(&bench, &judged).await;
    let in_time = record(&bench, &by(&bench, &judged)).await;
    // By another server: nothing of it is known here.
    let removed = event(EventKind::GrantRemoved, START);
    let elsewhere = bench.another_store().await;
    let removed = elsewhere.remove_grant("release-jobs", removed).await;
    assert!(removed.unwrap());

    let late = record(&bench, &by(&bench, &judged)).await;

    in_time.unwrap();
    assert!(matches!(late, Err(LedgerError::GrantWithdrawn)), "{late:?}");
    assert_eq!(bench.count("certificate").await, 1);
    let uses = bench.store.grant_uses().await.unwrap();
    assert_eq!(uses.get("release-jobs"), judged.uses.map(|_| &1));
}

async fn a_grant_of_other_terms_under_its_name_is_another(bench: Bench) {
    let judged = grant("release-jobs");
    let mut narrower = grant("release-jobs");
    narrower.profiles.clear();
    add(&bench, &narrower).await;

    let refused = record(&bench, &by(&bench, &judged)).await;
    let recorded = record(&bench, &by(&bench, &narrower)).await;

    assert!(matches!(refused, Err(LedgerError::GrantWithdrawn)));
    recorded.unwrap();
}

async fn an_ended_grant_records_no_intent(bench: Bench) {
    let judged = grant("release-jobs");
    add(&bench, &judged).await;
    bench.clock.advance(HOUR);

    let refused = record(&bench, &by(&bench, &judged)).await;

    assert!(matches!(refused, Err(LedgerError::GrantWithdrawn)));
}

async fn uses_of_one_grant_do_not_wait_for_each_other(bench: Bench) {
    let mut judged = grant("release-jobs");
    judged.uses = None;
    add(&bench, &judged).await;

    let outcomes = fifty(|_| {
        let store = bench.store.clone();
        let intent = by(&bench, &judged);
        async move {
            let event = event(EventKind::CertificateIntended, START);
            store.record_intent(&intent, event).await
        }
    })
    .await;

    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
}

async fn burning_gives_a_later_grant_of_the_name_nothing(bench: Bench) {
    let mut once = grant("release-jobs");
    once.uses = Some(1);
    add(&bench, &once).await;
    let earlier = by(&bench, &once);
    record(&bench, &earlier).await.unwrap();
    let removed = event(EventKind::GrantRemoved, START);
    let removed = bench.store.remove_grant("release-jobs", removed).await;
    assert!(removed.unwrap());
    add(&bench, &once).await;
    record(&bench, &by(&bench, &once)).await.unwrap();

    let burned = event(EventKind::CertificateBurned, START);
    let burned = bench.store.burn("tls", &earlier.serial, burned).await;
    let second = record(&bench, &by(&bench, &once)).await;

    burned.unwrap();
    assert!(
        matches!(second, Err(LedgerError::GrantUsedUp)),
        "{second:?}"
    );
}

async fn add(bench: &Bench, grant: &Grant) {
    let created = event(EventKind::GrantCreated, START);
    let added = bench.store.add_grant(grant.clone(), created);
    added.await.unwrap();
}

/// An intent of one who was judged by this grant.
fn by(bench: &Bench, grant: &Grant) -> Intent {
    Intent {
        grant: Some(GrantUse {
            name: grant.name.clone(),
            limit: grant.uses,
            kept: GrantKept::Store {
                terms: json!(GrantSpec::from(grant)),
            },
        }),
        ..intent(bench.now(), None)
    }
}

async fn record(bench: &Bench, intent: &Intent) -> Result<(), LedgerError> {
    let event = event(EventKind::CertificateIntended, START);
    bench.store.record_intent(intent, event).await
}
