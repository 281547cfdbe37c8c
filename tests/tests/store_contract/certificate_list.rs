//! Lists of certificates.

use ca_issuance::Actor;
use ca_issuance::audit::EventKind;
use ca_issuance::ledger::{CertificateQuery, CertificateStatus, Intent, Ledger};
use ca_pki::crl::RevocationReason;
use ca_pki::{Identifier, Serial};

use crate::bench::{Bench, HOUR, event, intent, on_both_databases};

on_both_databases!(
    lists_only_what_was_signed,
    filters_by_everything_that_can_be_asked,
    finds_a_name_whole_and_in_its_own_type,
    pages_neither_repeat_nor_skip_while_certificates_are_issued,
    a_page_may_begin_inside_one_serial_of_two_issuers,
    keeps_the_row_of_a_compromised_key,
);

async fn lists_only_what_was_signed(bench: Bench) {
    let valid = bench.certificate(None).await;
    bench.intent(None).await;
    let burned = bench.intent(None).await;
    let event = event(EventKind::CertificateBurned, "serial");
    bench
        .store
        .burn("tls", &burned.serial, event)
        .await
        .unwrap();

    let listed = serials(&bench, &all(&bench)).await;

    assert_eq!(listed, [valid.serial]);
}

async fn filters_by_everything_that_can_be_asked(bench: Bench) {
    let first = issued(&bench, |_| {}).await;
    let second = issued(&bench, |intent| {
        intent.profile = "mtls".to_owned();
        intent.issuer = "clients".to_owned();
        intent.identifiers = vec![uri("spiffe://example.internal/ci"), dns("b.example")];
        intent.requested_by = Actor::Identity {
            name: "client:ci".to_owned(),
            via: Some("acme:default:anna".to_owned()),
        };
        intent.validity.not_after = intent.validity.not_before.plus(HOUR);
    })
    .await;
    revoke(&bench, "tls", &first, RevocationReason::Superseded).await;
    bench.clock.advance(HOUR * 2);
    let third = issued(&bench, |_| {}).await;
    let ask = |change: fn(&mut CertificateQuery)| {
        let mut query = all(&bench);
        change(&mut query);
        query
    };

    let cases: [(CertificateQuery, &[&Serial]); 13] = [
        (ask(|_| {}), &[&third, &second, &first]),
        (
            ask(|query| query.status = Some(CertificateStatus::Valid)),
            &[&third],
        ),
        (
            ask(|query| query.status = Some(CertificateStatus::Expired)),
            &[&second],
        ),
        (
            ask(|query| query.status = Some(CertificateStatus::Revoked)),
            &[&first],
        ),
        (ask(|query| query.profile = text("mtls")), &[&second]),
        (ask(|query| query.issuer = text("clients")), &[&second]),
        (
            ask(|query| query.identifier = Some(dns("b.example"))),
            &[&second],
        ),
        (ask(|query| query.requester = text("client:ci")), &[&second]),
        (
            ask(|query| query.requested_by = text("client:ci")),
            &[&second],
        ),
        (
            ask(|query| query.requested_by = text("client:ci via acme:default:anna")),
            &[&second],
        ),
        (ask(|query| query.requested_by = text("client:c")), &[]),
        (
            ask(|query| query.expires_before = Some(query.moment)),
            &[&second],
        ),
        (
            ask(|query| query.recorded_since = Some(query.moment)),
            &[&third],
        ),
    ];
    for (query, expected) in cases {
        let listed = serials(&bench, &query).await;
        assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{query:?}");
    }
}

async fn finds_a_name_whole_and_in_its_own_type(bench: Bench) {
    let path = "https://example/a%22b";
    let held = issued(&bench, |intent| {
        intent.identifiers = vec![
            dns("a.example"),
            dns("*.c.example"),
            Identifier::parse("email", "Anna@example").unwrap(),
            uri(path),
        ];
    })
    .await;

    for (name, is_held) in [
        (dns("a.example"), true),
        (dns("*.c.example"), true),
        (Identifier::parse("email", "Anna@example").unwrap(), true),
        (uri(path), true),
        (dns("x.c.example"), false),
        (dns("a.exampl"), false),
        (dns("example"), false),
        (Identifier::parse("email", "anna@example").unwrap(), false),
        (uri("dns:a.example"), false),
    ] {
        let query = CertificateQuery {
            identifier: Some(name.clone()),
            ..all(&bench)
        };
        let expected = is_held.then(|| held.clone());
        assert_eq!(
            serials(&bench, &query).await,
            Vec::from_iter(expected),
            "{name}"
        );
    }
}

async fn pages_neither_repeat_nor_skip_while_certificates_are_issued(bench: Bench) {
    let mut expected = Vec::new();
    for _ in 0..7 {
        expected.push(issued(&bench, |_| {}).await);
    }
    expected.sort();
    expected.reverse();
    bench.clock.advance(HOUR);

    let mut query = CertificateQuery {
        limit: 3,
        ..all(&bench)
    };
    let mut listed = Vec::new();
    let mut pages = 0;
    loop {
        let page = bench.store.certificates(&query).await.unwrap();
        listed.extend(page.certificates.into_iter().map(|one| one.serial));
        pages += 1;
        issued(&bench, |_| {}).await;
        let Some(next) = page.next else { break };
        query.cursor = Some(next.to_string().parse().unwrap());
    }

    assert_eq!(listed, expected);
    assert_eq!(pages, 3);
}

async fn a_page_may_begin_inside_one_serial_of_two_issuers(bench: Bench) {
    let serial = issued(&bench, |intent| intent.issuer = "a".to_owned()).await;
    issued(&bench, |intent| {
        intent.issuer = "b".to_owned();
        intent.serial = serial.clone();
    })
    .await;
    let mut query = CertificateQuery {
        limit: 1,
        ..all(&bench)
    };

    let first = bench.store.certificates(&query).await.unwrap();
    query.cursor = first.next;
    let second = bench.store.certificates(&query).await.unwrap();

    assert_eq!(first.certificates[0].issuer, "b");
    assert_eq!(second.certificates[0].issuer, "a");
    assert_eq!(second.next, None);
}

async fn keeps_the_row_of_a_compromised_key(bench: Bench) {
    use ca_acme::store::AcmeStore;
    let kept = issued(&bench, |_| {}).await;
    let pruned = issued(&bench, |_| {}).await;
    revoke(&bench, "tls", &kept, RevocationReason::KeyCompromise).await;
    revoke(&bench, "tls", &pruned, RevocationReason::Superseded).await;

    bench.clock.advance(HOUR * 48);
    let removed = bench.store.prune(bench.now(), bench.now()).await.unwrap();

    assert_eq!(removed.certificates, 1);
    assert_eq!(serials(&bench, &all(&bench)).await, [kept]);
    assert!(bench.store.is_compromised(&[5; 32]).await.unwrap());
}

fn all(bench: &Bench) -> CertificateQuery {
    CertificateQuery::all(bench.now(), 100)
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn dns(name: &str) -> Identifier {
    Identifier::parse("dns", name).unwrap()
}

fn uri(text: &str) -> Identifier {
    Identifier::parse("uri", text).unwrap()
}

async fn issued(bench: &Bench, change: impl FnOnce(&mut Intent)) -> Serial {
    let mut intent = intent(bench.now(), None);
    change(&mut intent);
    let intended = event(EventKind::CertificateIntended, "serial");
    bench.store.record_intent(&intent, intended).await.unwrap();
    let issued = event(EventKind::CertificateIssued, "serial");
    let (issuer, serial) = (&intent.issuer, &intent.serial);
    let recorded = bench.store.record_result(issuer, serial, b"signed", issued);
    recorded.await.unwrap();
    intent.serial
}

async fn revoke(bench: &Bench, issuer: &str, serial: &Serial, reason: RevocationReason) {
    let event = event(EventKind::CertificateRevoked, "serial");
    let revoked = bench.store.revoke(issuer, serial, reason, event);
    revoked.await.unwrap();
}

async fn serials(bench: &Bench, query: &CertificateQuery) -> Vec<Serial> {
    let page = bench.store.certificates(query).await.unwrap();
    page.certificates
        .into_iter()
        .map(|one| one.serial)
        .collect()
}
