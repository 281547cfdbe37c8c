//! How often grants were used.

use ca_identity::IdentityStore;
use ca_issuance::Ledger;
use ca_issuance::audit::EventKind;
use ca_issuance::entitlement::GrantUse;

use super::{event, grant};
use crate::bench::{Bench, START, intent, on_both_databases};

on_both_databases!(counts_uses_by_name_and_a_new_grant_anew);

async fn counts_uses_by_name_and_a_new_grant_anew(bench: Bench) {
    let use_once = async |name: &str| {
        let mut intent = intent(bench.now(), None);
        intent.grant = Some(GrantUse {
            name: name.to_owned(),
            limit: Some(9),
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
