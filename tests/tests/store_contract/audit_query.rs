//! Reading the log by filters and pages; the ledger in memory answers as the store does.

use std::sync::Arc;
use std::time::Duration;

use ca_issuance::audit::query::{EventOrder, EventPage, EventQuery, KindFilter};
use ca_issuance::audit::{Event, EventKind};
use ca_issuance::testing::MemoryLedger;
use ca_issuance::{Actor, Ledger};
use serde_json::json;

use crate::bench::{Bench, HOUR, START, event, on_both_databases};

on_both_databases!(
    finds_kinds_and_families_of_kinds,
    finds_an_actor,
    compares_text_octet_by_octet,
    finds_a_subject,
    finds_a_span_of_time,
    reads_pages_both_ways,
    keeps_its_place_while_events_are_written,
    tells_what_was_sealed,
    shows_an_event_whose_details_were_broken,
    finds_nothing_for_text_that_no_row_holds,
);

/// Both ledgers hold the same.
struct Ledgers {
    bench: Bench,
    memory: Arc<MemoryLedger>,
}

impl Ledgers {
    fn new(bench: Bench) -> Self {
        let memory = Arc::default();
        Self { bench, memory }
    }

    async fn append(&self, event: Event) {
        let ledgers: [&dyn Ledger; 2] = [&self.bench.store, self.memory.as_ref()];
        for ledger in ledgers {
            ledger.append_event(event.clone()).await.unwrap();
        }
    }

    /// Asks both, which must agree; returns the subjects and the page.
    async fn ask(&self, query: &EventQuery) -> (Vec<String>, EventPage) {
        let page = Ledger::events(&self.bench.store, query).await.unwrap();
        let same: &dyn Ledger = self.memory.as_ref();
        let same = same.events(query).await.unwrap();
        assert_eq!(subjects(&page), subjects(&same));
        assert_eq!(page.next, same.next);
        (subjects(&page), page)
    }

    async fn subjects(&self, query: EventQuery) -> Vec<String> {
        self.ask(&query).await.0
    }
}

fn subjects(page: &EventPage) -> Vec<String> {
    page.events.iter().map(|one| one.subject.clone()).collect()
}

fn oldest_first() -> EventQuery {
    EventQuery {
        order: EventOrder::OldestFirst,
        ..EventQuery::default()
    }
}

fn by(name: &str) -> Event {
    Event {
        actor: Actor::Operator {
            name: name.to_owned(),
        },
        ..event(EventKind::CertificateRevoked, name)
    }
}

fn later(secs: u64, subject: &str) -> Event {
    Event {
        at: START.plus(Duration::from_secs(secs)),
        ..event(EventKind::OrderCreated, subject)
    }
}

async fn finds_kinds_and_families_of_kinds(bench: Bench) {
    let ledgers = Ledgers::new(bench);
    ledgers
        .append(event(EventKind::CertificateIssued, "a"))
        .await;
    ledgers.append(event(EventKind::OrderCreated, "b")).await;
    ledgers
        .append(event(EventKind::CertificateRevoked, "c"))
        .await;
    let of_kind = |text| EventQuery {
        kind: Some(KindFilter::parse(text)),
        ..oldest_first()
    };

    assert_eq!(ledgers.subjects(of_kind("certificate.")).await, ["a", "c"]);
    assert_eq!(ledgers.subjects(of_kind("order.created")).await, ["b"]);
    assert!(ledgers.subjects(of_kind("certificate")).await.is_empty());
}

async fn finds_an_actor(bench: Bench) {
    let ledgers = Ledgers::new(bench);
    for name in ["anna", "anna via acme:default:x", "annabel", "bob"] {
        ledgers.append(by(name)).await;
    }
    let acting = |actor: &str| EventQuery {
        actor: Some(actor.to_owned()),
        ..oldest_first()
    };

    let anna = ledgers.subjects(acting("operator:anna")).await;
    let one_door = ledgers.subjects(acting("operator:anna via acme:default:x"));

    assert_eq!(anna, ["anna", "anna via acme:default:x"]);
    assert_eq!(one_door.await, ["anna via acme:default:x"]);
    assert!(ledgers.subjects(acting("acme:default:x")).await.is_empty());
}

async fn compares_text_octet_by_octet(bench: Bench) {
    let ledgers = Ledgers::new(bench);
    for name in ["zoë via a", "Zoë via a", "zo% via a", "zo_ via a"] {
        ledgers.append(by(name)).await;
    }
    let acting = |name: &str| EventQuery {
        actor: Some(format!("operator:{name}")),
        ..oldest_first()
    };

    assert_eq!(ledgers.subjects(acting("zoë")).await, ["zoë via a"]);
    assert_eq!(ledgers.subjects(acting("zo%")).await, ["zo% via a"]);
    assert_eq!(ledgers.subjects(acting("zo_")).await, ["zo_ via a"]);
}

async fn finds_a_subject(bench: Bench) {
    let ledgers = Ledgers::new(bench);
    for subject in ["order-1", "order-10", "order-1"] {
        ledgers
            .append(event(EventKind::OrderCreated, subject))
            .await;
    }
    let query = EventQuery {
        subject: Some("order-1".to_owned()),
        ..EventQuery::default()
    };

    assert_eq!(ledgers.subjects(query).await, ["order-1", "order-1"]);
}

async fn finds_a_span_of_time(bench: Bench) {
    let ledgers = Ledgers::new(bench);
    for (secs, subject) in [(0, "a"), (10, "b"), (20, "c")] {
        ledgers.append(later(secs, subject)).await;
    }
    let query = EventQuery {
        since: Some(START.plus(Duration::from_secs(10))),
        until: Some(START.plus(Duration::from_secs(20))),
        ..EventQuery::default()
    };

    assert_eq!(ledgers.subjects(query).await, ["b"]);
}

async fn reads_pages_both_ways(bench: Bench) {
    let ledgers = Ledgers::new(bench);
    // Three in the same second, and a clock that was set back in between.
    for (secs, subject) in [(5, "c"), (5, "d"), (0, "a"), (5, "e"), (9, "f"), (1, "b")] {
        ledgers.append(later(secs, subject)).await;
    }

    for (order, expected) in [
        (EventOrder::OldestFirst, "abcdef"),
        (EventOrder::NewestFirst, "fedcba"),
    ] {
        let mut query = EventQuery {
            order,
            limit: 2,
            ..EventQuery::default()
        };
        let mut all = String::new();
        for last in [false, false, true] {
            let (subjects, page) = ledgers.ask(&query).await;
            all += &subjects.concat();
            assert_eq!(page.next.is_none(), last);
            query.cursor = page.next;
        }
        assert_eq!(all, expected);
    }
}

async fn keeps_its_place_while_events_are_written(bench: Bench) {
    let ledgers = Ledgers::new(bench);
    for (secs, subject) in [(0, "a"), (1, "b"), (2, "c")] {
        ledgers.append(later(secs, subject)).await;
    }
    let first = EventQuery {
        limit: 2,
        ..EventQuery::default()
    };

    let (before, page) = ledgers.ask(&first).await;
    ledgers.append(later(3, "d")).await;
    let next = EventQuery {
        cursor: page.next,
        ..first
    };

    assert_eq!(before, ["c", "b"]);
    assert_eq!(ledgers.subjects(next).await, ["a"]);
}

async fn tells_what_was_sealed(bench: Bench) {
    let store = &bench.store;
    store.append_event(later(0, "sealed")).await.unwrap();
    let claimed = store.claim(ca_store::Store::SEALING, "sealer", bench.now(), HOUR);
    let fencing = claimed.await.unwrap().unwrap();
    store
        .seal(fencing, Arc::new(crate::audit::Wax(1)))
        .await
        .unwrap();
    store.append_event(later(1, "open")).await.unwrap();

    let page = Ledger::events(store, &oldest_first()).await.unwrap();

    let places: Vec<_> = page.events.iter().map(|one| one.position).collect();
    assert_eq!(places, [Some(1), None]);
    assert!(page.events[0].hash.is_some() && page.events[1].hash.is_none());
    assert_eq!(
        page.events[0].details.get(),
        json!({"because": "a test"}).to_string()
    );
}

async fn shows_an_event_whose_details_were_broken(bench: Bench) {
    bench.store.append_event(later(0, "a")).await.unwrap();
    bench.execute("UPDATE audit_event SET details = '{'").await;

    let page = Ledger::events(&bench.store, &oldest_first()).await.unwrap();

    assert_eq!(page.events[0].details.get(), "\"{\"");
}

async fn finds_nothing_for_text_that_no_row_holds(bench: Bench) {
    let ledgers = Ledgers::new(bench);
    ledgers.append(event(EventKind::OrderCreated, "a")).await;
    let nul = || Some("a\0".to_owned());

    for query in [
        EventQuery {
            actor: nul(),
            ..EventQuery::default()
        },
        EventQuery {
            subject: nul(),
            ..EventQuery::default()
        },
        EventQuery {
            kind: Some(KindFilter::parse("a\0")),
            ..EventQuery::default()
        },
    ] {
        assert!(ledgers.subjects(query).await.is_empty());
    }
}
