//! Whoever writes to the database beside the server is found out, whatever was written.

use ca_issuance::Ledger;
use ca_issuance::audit::chain::{self, Link, SealedEvent, Tampering};
use ca_issuance::audit::query::{EventOrder, EventQuery};
use ca_pki::hex;

use crate::audit::{Wax, append, seal, sealed, verify};
use crate::bench::{Bench, HOUR, on_both_databases};

on_both_databases!(
    names_an_event_whatever_was_changed_of_it,
    names_the_place_of_an_event_that_was_moved,
    names_a_removed_event,
    names_an_inserted_event,
    names_an_event_inserted_at_the_end,
    names_an_event_put_beside_the_chain,
    takes_no_event_for_inserted_after_a_clock_was_ahead,
    names_the_last_event_removed,
    names_a_cut_tail,
    names_a_tail_cut_together_with_its_checkpoint,
    names_a_tail_that_was_replaced,
);

async fn names_an_event_whatever_was_changed_of_it(bench: Bench) {
    sealed(&bench, &["a", "b", "c"]).await;
    bench
        .execute("CREATE TABLE untouched AS SELECT * FROM audit_event")
        .await;
    let text = match bench.url.starts_with("sqlite") {
        true => "CAST(X'80' AS TEXT)",
        false => "chr(128)",
    };

    for (column, value, sequence) in [
        ("sequence", "sequence + 64", Some(66)),
        ("sequence", "-sequence", None),
        ("at", "at + 1", Some(2)),
        ("kind", "'order.createe'", Some(2)),
        ("actor", "'systen'", Some(2)),
        ("subject", "'c'", Some(2)),
        ("subject", text, Some(2)),
        ("details", "details || ' '", Some(2)),
        (
            "hash",
            "(SELECT hash FROM audit_event WHERE position = 1)",
            Some(2),
        ),
        ("hash", "NULL", Some(2)),
    ] {
        let change = format!("UPDATE audit_event SET {column} = {value} WHERE position = 2");
        bench.execute(&change).await;

        let found = verify(&bench).await;

        let Err(Tampering::Changed {
            position: 2,
            sequence: named,
        }) = found
        else {
            panic!("{change}: {found:?}");
        };
        assert!(
            sequence.is_none_or(|sequence| sequence == named),
            "{change}: {named}"
        );
        bench.execute("DELETE FROM audit_event").await;
        bench
            .execute("INSERT INTO audit_event SELECT * FROM untouched")
            .await;
        assert_eq!(verify(&bench).await, Ok(3));
    }
}

async fn names_the_place_of_an_event_that_was_moved(bench: Bench) {
    sealed(&bench, &["a", "b", "c"]).await;

    for (value, found) in [
        ("6", Tampering::Removed { position: 2 }),
        ("NULL", Tampering::Removed { position: 2 }),
        ("-1", Tampering::Removed { position: 1 }),
    ] {
        bench
            .execute(&format!(
                "UPDATE audit_event SET position = {value} WHERE subject = 'b'"
            ))
            .await;

        assert_eq!(verify(&bench).await, Err(found));
    }
}

async fn names_a_removed_event(bench: Bench) {
    sealed(&bench, &["a", "b", "c"]).await;

    bench
        .execute("DELETE FROM audit_event WHERE position = 2")
        .await;

    assert_eq!(
        verify(&bench).await,
        Err(Tampering::Removed { position: 2 })
    );
}

async fn names_an_inserted_event(bench: Bench) {
    sealed(&bench, &["a", "b", "c"]).await;

    bench
        .execute("UPDATE audit_event SET position = 4 WHERE position = 3")
        .await;
    bench
        .execute(
            "INSERT INTO audit_event (sequence, at, kind, actor, subject, details, position, hash) \
             SELECT 999, at, kind, actor, 'inserted', details, 3, hash \
             FROM audit_event WHERE position = 2",
        )
        .await;

    let (position, sequence) = (3, 999);
    assert_eq!(
        verify(&bench).await,
        Err(Tampering::Changed { position, sequence })
    );
}

async fn names_an_event_inserted_at_the_end(bench: Bench) {
    sealed(&bench, &["a", "b"]).await;
    append(&bench, &["c"]).await;
    // Its link is right: whoever inserts can compute it.
    let link = hex::lower(&link_of_the_last(&bench).await);
    let link = match bench.url.starts_with("sqlite") {
        true => format!("X'{link}'"),
        false => format!("'\\x{link}'::bytea"),
    };
    bench
        .execute(&format!(
            "UPDATE audit_event SET position = 3, hash = {link} WHERE subject = 'c'"
        ))
        .await;

    assert_eq!(verify(&bench).await, Err(Tampering::Uncovered { first: 3 }));
}

async fn names_an_event_put_beside_the_chain(bench: Bench) {
    sealed(&bench, &["a", "b"]).await;
    append(&bench, &["c"]).await;
    assert_eq!(verify(&bench).await, Ok(2));

    bench
        .execute("UPDATE audit_event SET at = at - 3600 WHERE subject = 'c'")
        .await;

    assert_eq!(verify(&bench).await, Err(Tampering::Late { sequence: 3 }));
}

async fn takes_no_event_for_inserted_after_a_clock_was_ahead(bench: Bench) {
    sealed(&bench, &["a"]).await;
    bench.clock.advance(HOUR * 9_000);
    sealed(&bench, &["b"]).await;
    bench.clock.set_back(HOUR * 9_000 - HOUR);
    append(&bench, &["c"]).await;

    let waiting = verify(&bench).await;
    bench
        .execute("UPDATE audit_event SET at = at - 7200 WHERE subject = 'c'")
        .await;
    let older_than_the_trouble = verify(&bench).await;

    assert_eq!(waiting, Ok(2));
    assert_eq!(older_than_the_trouble, Err(Tampering::Late { sequence: 3 }));
}

/// Computes the link of the one event that is not sealed.
async fn link_of_the_last(bench: &Bench) -> Link {
    let query = EventQuery {
        order: EventOrder::OldestFirst,
        ..EventQuery::default()
    };
    let events = Ledger::events(&bench.store, &query).await.unwrap().events;
    let [.., previous, last] = events.as_slice() else {
        panic!("{events:?}");
    };
    let last = SealedEvent {
        position: previous.position.unwrap() + 1,
        sequence: last.sequence,
        at: last.at,
        kind: last.kind.clone(),
        actor: last.actor.clone(),
        subject: last.subject.clone(),
        details: last.details.get().to_owned(),
    };
    chain::link(&previous.hash.unwrap(), &last)
}

async fn names_the_last_event_removed(bench: Bench) {
    sealed(&bench, &["a", "b", "c"]).await;

    bench
        .execute("DELETE FROM audit_event WHERE position = 3")
        .await;

    let (first, last) = (3, 3);
    assert_eq!(verify(&bench).await, Err(Tampering::Cut { first, last }));
}

async fn names_a_cut_tail(bench: Bench) {
    sealed(&bench, &["a", "b", "c"]).await;

    bench
        .execute("DELETE FROM audit_event WHERE position > 1")
        .await;

    let (first, last) = (2, 3);
    assert_eq!(verify(&bench).await, Err(Tampering::Cut { first, last }));
}

async fn names_a_tail_cut_together_with_its_checkpoint(bench: Bench) {
    sealed(&bench, &["a"]).await;
    bench.clock.advance(HOUR);
    append(&bench, &["b", "c"]).await;
    let kept = seal(&bench).await.unwrap();

    bench
        .execute("DELETE FROM audit_event WHERE position > 1")
        .await;
    bench
        .execute("DELETE FROM audit_checkpoint WHERE position > 1")
        .await;
    let from_the_database_alone = verify(&bench).await;
    let with_the_kept_one = bench.store.verify_audit(&Wax(1), vec![kept]).await.unwrap();

    let (first, last) = (2, 3);
    assert_eq!(from_the_database_alone, Ok(1));
    assert_eq!(with_the_kept_one.chain, Err(Tampering::Cut { first, last }));
}

/// What was cut and its checkpoint are gone, and the log has grown beyond the place since.
async fn names_a_tail_that_was_replaced(bench: Bench) {
    sealed(&bench, &["a"]).await;
    bench.clock.advance(HOUR);
    append(&bench, &["b", "c"]).await;
    let kept = seal(&bench).await.unwrap();
    bench
        .execute("DELETE FROM audit_event WHERE position > 1")
        .await;
    bench
        .execute("DELETE FROM audit_checkpoint WHERE position > 1")
        .await;

    sealed(&bench, &["d", "e", "f"]).await;

    let alone = verify(&bench).await;
    let with_the_kept_one = bench.store.verify_audit(&Wax(1), vec![kept]).await.unwrap();
    let (first, last) = (2, 3);
    assert_eq!(alone, Ok(4));
    assert_eq!(
        with_the_kept_one.chain,
        Err(Tampering::Rewritten { first, last })
    );
}
