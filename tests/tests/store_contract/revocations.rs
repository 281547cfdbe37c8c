//! Revocations by their numbers: what CRLs are made of.

use ca_issuance::audit::EventKind;
use ca_issuance::ledger::{Intent, Ledger, RevocationSpan, Revocations, RevokeOutcome};
use ca_pki::crl::{Crl, CrlEntries, CrlTemplate, RevocationReason, RevokedCertificate};
use ca_pki::{SignatureAlgorithm, Timestamp};

use crate::bench::{Bench, HOUR, START, event, fifty, on_both_databases};

on_both_databases!(
    adds_revocations_to_a_list_in_their_order,
    leaves_out_what_ended_and_counts_it,
    numbers_revocations_one_by_one_however_many_at_once,
    gives_no_number_to_what_is_not_revoked,
    numbers_what_an_earlier_release_revoked,
);

const ALL: RevocationSpan = RevocationSpan {
    after: 0,
    through: 1_000,
    ended_before: START,
};

async fn adds_revocations_to_a_list_in_their_order(bench: Bench) {
    let burned = bench.intent(None).await;
    let certificate = bench.certificate(None).await;
    revoke(&bench, &certificate).await;
    let burning = event(EventKind::CertificateBurned, "serial");
    let burn = bench.store.burn("tls", &burned.serial, burning);
    burn.await.unwrap();

    let first = collect(
        &bench,
        RevocationSpan { through: 1, ..ALL },
        CrlEntries::default(),
    )
    .await;
    let both = collect(
        &bench,
        RevocationSpan { after: 1, ..ALL },
        first.entries.clone(),
    )
    .await;
    let of_another = bench
        .store
        .collect_revocations("other", ALL, CrlEntries::default());

    assert_eq!((first.numbered, first.first), (1, Some(1)));
    assert_eq!((both.numbered, both.first), (1, Some(2)));
    let expected = [
        RevokedCertificate {
            serial: certificate.serial,
            revoked_at: START.plus(HOUR),
            reason: RevocationReason::KeyCompromise,
        },
        RevokedCertificate {
            serial: burned.serial,
            revoked_at: START,
            reason: RevocationReason::Unspecified,
        },
    ];
    assert_eq!(listed(both.entries), expected);
    assert!(of_another.await.unwrap().entries.is_empty());
}

async fn leaves_out_what_ended_and_counts_it(bench: Bench) {
    let certificate = bench.certificate(None).await;
    revoke(&bench, &certificate).await;
    let end = certificate.validity.not_after;
    let ended_before = |moment| RevocationSpan {
        ended_before: moment,
        ..ALL
    };

    let last_second = collect(&bench, ended_before(end), CrlEntries::default()).await;
    let after = end.plus(std::time::Duration::from_secs(1));
    let ended = collect(&bench, ended_before(after), CrlEntries::default()).await;

    assert_eq!((last_second.entries.len(), last_second.first), (1, Some(1)));
    assert_eq!((ended.entries.len(), ended.first), (0, None));
    assert_eq!(ended.numbered, 1);
}

async fn numbers_revocations_one_by_one_however_many_at_once(bench: Bench) {
    let other_server = bench.another_store().await;
    let mut certificates = Vec::new();
    for _ in 0..50 {
        certificates.push(bench.certificate(None).await);
    }

    fifty(|number| {
        let store = match number % 2 {
            0 => bench.store.clone(),
            _ => other_server.clone(),
        };
        let serial = certificates[number].serial.clone();
        async move {
            let event = event(EventKind::CertificateRevoked, "serial");
            let reason = RevocationReason::Superseded;
            store.revoke("tls", &serial, reason, event).await.unwrap()
        }
    })
    .await;

    let found = collect(&bench, ALL, CrlEntries::default()).await;
    assert_eq!((found.numbered, found.first), (50, Some(1)));
    assert_eq!(bench.store.revocation_epoch("tls").await.unwrap(), 50);
}

async fn gives_no_number_to_what_is_not_revoked(bench: Bench) {
    let certificate = bench.certificate(None).await;
    revoke(&bench, &certificate).await;
    let intent = bench.intent(None).await;

    let again = revoke(&bench, &certificate).await;
    let unknown = revoke(&bench, &intent).await;

    assert_eq!(again, RevokeOutcome::AlreadyRevoked);
    assert_eq!(unknown, RevokeOutcome::Unknown);
    assert_eq!(bench.store.revocation_epoch("tls").await.unwrap(), 1);
}

async fn numbers_what_an_earlier_release_revoked(bench: Bench) {
    for _ in 0..3 {
        let certificate = bench.certificate(None).await;
        revoke(&bench, &certificate).await;
    }
    let forget = "UPDATE certificate SET revocation_number = NULL WHERE revocation_number > 1";
    bench.execute(forget).await;
    let missing = collect(&bench, ALL, CrlEntries::default()).await;

    bench.store.number_revocations("tls").await.unwrap();

    let found = collect(&bench, ALL, CrlEntries::default()).await;
    assert_eq!((missing.numbered, found.numbered), (1, 3));
    assert_eq!(bench.store.revocation_epoch("tls").await.unwrap(), 5);
}

async fn revoke(bench: &Bench, certificate: &Intent) -> RevokeOutcome {
    let mut event = event(EventKind::CertificateRevoked, "serial");
    event.at = START.plus(HOUR);
    let reason = RevocationReason::KeyCompromise;
    let revoking = bench
        .store
        .revoke("tls", &certificate.serial, reason, event);
    revoking.await.unwrap()
}

async fn collect(bench: &Bench, span: RevocationSpan, onto: CrlEntries) -> Revocations {
    let collecting = bench.store.collect_revocations("tls", span, onto);
    collecting.await.unwrap()
}

fn listed(entries: CrlEntries) -> Vec<RevokedCertificate> {
    let template = CrlTemplate {
        issuer_der: vec![0x30, 0],
        authority_key_identifier: vec![1],
        signature_algorithm: SignatureAlgorithm::EcdsaSha256,
        number: 1,
        this_update: Timestamp::from_unix_secs(0),
        next_update: Timestamp::from_unix_secs(1),
    };
    let crl = template.around(entries).signed(b"unsigned").to_der();
    Crl::parse(&crl).unwrap().revoked().to_vec()
}
