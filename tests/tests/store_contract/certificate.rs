//! Certificates from intent to end.

use std::time::Duration;

use ca_acme::order::OrderStatus;
use ca_issuance::audit::EventKind;
use ca_issuance::ledger::{CertificateState, Ledger, LedgerError, RevokeOutcome};
use ca_pki::crl::RevocationReason;

use crate::bench::{Bench, HOUR, START, event, fifty, intent, on_both_databases};

on_both_databases!(
    goes_from_intent_to_valid_together_with_its_order,
    spends_a_serial_once,
    issues_one_certificate_per_order_however_many_ask,
    burns_and_gives_the_order_back,
    burning_fails_an_order_whose_time_is_up,
    throws_away_a_result_that_comes_after_burning,
    issues_again_after_burning,
    lists_unfinished_intents_whose_time_is_up,
    lists_unfinished_intents_that_were_recorded_while_a_clock_was_years_ahead,
    revokes_once_however_many_ask,
    revokes_only_what_is_valid,
    knows_the_keys_that_were_reported_compromised,
);

async fn goes_from_intent_to_valid_together_with_its_order(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench.ready_order(&anna, &["a.example.internal"]).await;

    let intent = bench.intent(Some(&order)).await;
    let during = bench.order(&order.id).await;
    let issued = event(EventKind::CertificateIssued, "serial");
    let recorded = bench
        .store
        .record_result("tls", &intent.serial, b"signed", issued);
    recorded.await.unwrap();
    let after = bench.order(&order.id).await;

    assert_eq!(during.status, OrderStatus::Processing);
    assert_eq!(during.certificate, None);
    assert_eq!(after.status, OrderStatus::Valid);
    assert_eq!(
        after.certificate,
        Some(("tls".to_owned(), intent.serial.clone()))
    );
    let record = bench
        .store
        .certificate("tls", &intent.serial)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.state, CertificateState::Valid);
    assert_eq!(record.der.as_deref(), Some(&b"signed"[..]));
    assert_eq!(record.identifiers, intent.identifiers);
    assert_eq!(record.validity, intent.validity);
    assert_eq!(record.key_fingerprint, intent.key_fingerprint);
    assert_eq!(record.order, Some(order.id));
}

async fn spends_a_serial_once(bench: Bench) {
    let spent = bench.intent(None).await;

    let event = event(EventKind::CertificateIntended, "serial");
    let again = bench.store.record_intent(&spent, event.clone()).await;
    let mut of_another_issuer = spent;
    of_another_issuer.issuer = "other".to_owned();
    let elsewhere = bench.store.record_intent(&of_another_issuer, event).await;

    assert!(matches!(again, Err(LedgerError::Conflict)));
    elsewhere.unwrap();
}

async fn issues_one_certificate_per_order_however_many_ask(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench.ready_order(&anna, &["a.example.internal"]).await;

    let recorded = fifty(|_| {
        let store = bench.store.clone();
        let intent = intent(bench.now(), Some(&order));
        let event = event(EventKind::CertificateIntended, &intent.serial.to_string());
        async move { store.record_intent(&intent, event).await }
    })
    .await;

    assert_eq!(recorded.iter().filter(|one| one.is_ok()).count(), 1);
    let lost = |one: &&Result<(), LedgerError>| matches!(one, Err(LedgerError::Conflict));
    assert_eq!(recorded.iter().filter(lost).count(), 49);
    assert_eq!(bench.count("certificate").await, 1);
}

async fn burns_and_gives_the_order_back(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench.ready_order(&anna, &["a.example.internal"]).await;
    let intent = bench.intent(Some(&order)).await;
    let burned = || event(EventKind::CertificateBurned, "serial");

    bench
        .store
        .burn("tls", &intent.serial, burned())
        .await
        .unwrap();
    let again = bench.store.burn("tls", &intent.serial, burned()).await;

    assert!(matches!(again, Err(LedgerError::Conflict)));
    assert_eq!(bench.order(&order.id).await.status, OrderStatus::Ready);
    let record = bench
        .store
        .certificate("tls", &intent.serial)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.state, CertificateState::Burned { at: START });
    assert_eq!(bench.store.revocation_epoch("tls").await.unwrap(), 1);
}

async fn burning_fails_an_order_whose_time_is_up(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench.ready_order(&anna, &["a.example.internal"]).await;
    let intent = bench.intent(Some(&order)).await;

    let mut burned = event(EventKind::CertificateBurned, "serial");
    burned.at = START.plus(HOUR * 2);
    bench
        .store
        .burn("tls", &intent.serial, burned)
        .await
        .unwrap();

    assert_eq!(bench.order(&order.id).await.status, OrderStatus::Invalid);
}

async fn throws_away_a_result_that_comes_after_burning(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench.ready_order(&anna, &["a.example.internal"]).await;
    let intent = bench.intent(Some(&order)).await;
    let burned = event(EventKind::CertificateBurned, "serial");
    bench
        .store
        .burn("tls", &intent.serial, burned)
        .await
        .unwrap();

    let issued = event(EventKind::CertificateIssued, "serial");
    let late = bench
        .store
        .record_result("tls", &intent.serial, b"signed", issued);
    let late = late.await;

    assert!(matches!(late, Err(LedgerError::Conflict)));
    let record = bench
        .store
        .certificate("tls", &intent.serial)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.der, None);
    assert_eq!(bench.order(&order.id).await.status, OrderStatus::Ready);
}

async fn issues_again_after_burning(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench.ready_order(&anna, &["a.example.internal"]).await;
    let first = bench.intent(Some(&order)).await;
    let burned = event(EventKind::CertificateBurned, "serial");
    bench
        .store
        .burn("tls", &first.serial, burned)
        .await
        .unwrap();

    let second = bench.certificate(Some(&order)).await;

    let order = bench.order(&order.id).await;
    assert_eq!(order.certificate, Some(("tls".to_owned(), second.serial)));
}

async fn lists_unfinished_intents_whose_time_is_up(bench: Bench) {
    let first = bench.intent(None).await;
    bench.clock.advance(Duration::from_secs(10));
    let second = bench.intent(None).await;
    bench.certificate(None).await;

    let early = bench.store.unfinished(START).await.unwrap();
    let late = bench.store.unfinished(START.plus(HOUR)).await.unwrap();

    assert!(early.is_empty());
    let serials: Vec<_> = late.into_iter().map(|one| one.serial).collect();
    assert_eq!(serials, [first.serial, second.serial]);
}

async fn lists_unfinished_intents_that_were_recorded_while_a_clock_was_years_ahead(bench: Bench) {
    let years = Duration::from_secs(3 * 365 * 24 * 60 * 60);
    bench.clock.advance(years);
    let ahead = bench.intent(None).await;

    let back = bench.store.unfinished(START).await.unwrap();

    let serials: Vec<_> = back.into_iter().map(|one| one.serial).collect();
    assert_eq!(serials, [ahead.serial]);
}

async fn revokes_once_however_many_ask(bench: Bench) {
    let certificate = bench.certificate(None).await;
    let events_before = bench.count("audit_event").await;

    let outcomes = fifty(|_| {
        let (store, serial) = (bench.store.clone(), certificate.serial.clone());
        let event = event(EventKind::CertificateRevoked, &serial.to_string());
        async move {
            let reason = RevocationReason::KeyCompromise;
            store.revoke("tls", &serial, reason, event).await.unwrap()
        }
    })
    .await;

    let revoked = |one: &&RevokeOutcome| matches!(one, RevokeOutcome::Revoked);
    let already = |one: &&RevokeOutcome| matches!(one, RevokeOutcome::AlreadyRevoked);
    assert_eq!(outcomes.iter().filter(revoked).count(), 1);
    assert_eq!(outcomes.iter().filter(already).count(), 49);
    assert_eq!(bench.store.revocation_epoch("tls").await.unwrap(), 1);
    assert_eq!(bench.count("audit_event").await, events_before + 1);
}

async fn revokes_only_what_is_valid(bench: Bench) {
    let intended = bench.intent(None).await;
    let unknown = intent(bench.now(), None);
    let certificate = bench.certificate(None).await;
    let revoke = async |issuer: &str, serial| {
        let event = event(EventKind::CertificateRevoked, "serial");
        let reason = RevocationReason::Superseded;
        bench
            .store
            .revoke(issuer, serial, reason, event)
            .await
            .unwrap()
    };

    assert_eq!(
        revoke("tls", &intended.serial).await,
        RevokeOutcome::Unknown
    );
    assert_eq!(revoke("tls", &unknown.serial).await, RevokeOutcome::Unknown);
    assert_eq!(
        revoke("other", &certificate.serial).await,
        RevokeOutcome::Unknown
    );
    assert_eq!(
        revoke("tls", &certificate.serial).await,
        RevokeOutcome::Revoked
    );
}

async fn knows_the_keys_that_were_reported_compromised(bench: Bench) {
    let key = bench.certificate(None).await.key_fingerprint;
    let revoke = async |reason| {
        let certificate = bench.certificate(None).await;
        let event = event(EventKind::CertificateRevoked, "serial");
        let revoked = bench
            .store
            .revoke("tls", &certificate.serial, reason, event);
        revoked.await.unwrap();
    };

    revoke(RevocationReason::Superseded).await;
    let superseded = bench.store.is_compromised(&key).await.unwrap();
    revoke(RevocationReason::KeyCompromise).await;
    let compromised = bench.store.is_compromised(&key).await.unwrap();
    let another = bench.store.is_compromised(&[6; 32]).await.unwrap();

    assert!(!superseded);
    assert!(compromised);
    assert!(!another);
}
