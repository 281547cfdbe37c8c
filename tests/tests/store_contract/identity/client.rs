//! Clients with a secret of their own.

use std::time::Duration;

use ca_issuance::LedgerError;
use ca_issuance::audit::EventKind;

use super::{Remembering, client, event, job, on_every_store, session_of, session_of_client};
use crate::bench::{START, fifty};

on_every_store!(
    reads_clients_back_and_lists_them_by_id,
    gives_an_id_to_one_client,
    notes_to_the_minute_when_a_client_last_logged_in,
    removing_a_client_ends_its_sessions_and_no_others,
    removes_a_client_once,
    a_login_under_way_does_not_outlive_its_client,
    says_nothing_secret_when_printed,
);

async fn reads_clients_back_and_lists_them_by_id(bench: Remembering) {
    let second = bench.add_client("b").await;
    let first = bench.add_client("a").await;

    let read = bench.store.client("b").await.unwrap();
    let listed = bench.store.clients().await.unwrap();

    assert_eq!(read, Some(second.clone()));
    assert_eq!(listed, [first, second]);
    for id in ["", "A", "c", "\0", "a\0"] {
        assert_eq!(bench.store.client(id).await.unwrap(), None, "{id:?}");
    }
}

async fn gives_an_id_to_one_client(bench: Remembering) {
    let first = bench.add_client("deployer").await;
    let mut second = client("deployer");
    second.comment = "another".to_owned();

    let created = event(EventKind::ClientCreated, START);
    let refused = bench.store.add_client(second, created).await;

    assert!(matches!(refused, Err(LedgerError::Conflict)));
    let kept = bench.store.client("deployer").await.unwrap();
    assert_eq!(kept, Some(first));
    assert_eq!(bench.events().await, ["client.created"]);
}

async fn notes_to_the_minute_when_a_client_last_logged_in(bench: Remembering) {
    bench.add_client("deployer").await;
    let after = |secs| START.plus(Duration::from_secs(secs));

    for (number, (at, noted)) in [(0, 0), (59, 0), (60, 60), (61, 60), (300, 300)]
        .into_iter()
        .enumerate()
    {
        let mut session = session_of_client(&format!("session-{number}"), "deployer");
        session.created_at = after(at);
        bench.open(session, u8::try_from(number).unwrap()).await;

        let client = bench.store.client("deployer").await.unwrap().unwrap();
        assert_eq!(client.last_used_at, Some(after(noted)), "{at}");
    }
}

async fn removing_a_client_ends_its_sessions_and_no_others(bench: Remembering) {
    bench.add_client("deployer").await;
    bench.add_client("other").await;
    let first = bench.open(session_of_client("1", "deployer"), 1).await;
    let second = bench.open(session_of_client("2", "deployer"), 2).await;
    let of_other = bench.open(session_of_client("3", "other"), 3).await;
    let of_job = bench.open(session_of("4", job()), 4).await;

    let removed = event(EventKind::ClientRemoved, START);
    let removing = bench.store.remove_client("deployer", removed);

    assert!(removing.await.unwrap());
    for (session, ended) in [
        (&first, Some(START)),
        (&second, Some(START)),
        (&of_other, None),
        (&of_job, None),
    ] {
        assert_eq!(bench.revoked_at(session).await, ended, "{}", session.id);
    }
    assert_eq!(bench.store.client("deployer").await.unwrap(), None);
    let opened = event(EventKind::LoginSucceeded, START);
    let late = session_of_client("5", "deployer");
    let late = bench.store.open_session(late, None, opened).await;
    assert!(matches!(late, Err(LedgerError::Conflict)));
}

async fn removes_a_client_once(bench: Remembering) {
    bench.add_client("deployer").await;
    let removed = || event(EventKind::ClientRemoved, START);

    assert!(
        bench
            .store
            .remove_client("deployer", removed())
            .await
            .unwrap()
    );
    for id in ["deployer", "nobody", "\0"] {
        let again = bench.store.remove_client(id, removed()).await.unwrap();
        assert!(!again, "{id:?}");
    }
    bench.add_client("deployer").await;

    let events = bench.events().await;
    assert_eq!(
        events,
        ["client.created", "client.removed", "client.created"]
    );
}

async fn a_login_under_way_does_not_outlive_its_client(bench: Remembering) {
    bench.add_client("deployer").await;

    let outcomes = fifty(|number| {
        let store = std::sync::Arc::clone(&bench.store);
        async move {
            if number == 25 {
                let removed = event(EventKind::ClientRemoved, START);
                assert!(store.remove_client("deployer", removed).await.unwrap());
                return None;
            }
            let session = session_of_client(&format!("session-{number}"), "deployer");
            let opened = event(EventKind::LoginSucceeded, START);
            let opening = store.open_session(session.clone(), None, opened).await;
            match opening {
                Ok(()) => Some(session),
                Err(LedgerError::Conflict) => None,
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await;

    for session in outcomes.into_iter().flatten() {
        let ended = bench.revoked_at(&session).await;
        assert_eq!(ended, Some(START), "{}", session.id);
    }
}

async fn says_nothing_secret_when_printed(bench: Remembering) {
    bench.add_client("deployer").await;

    let clients = bench.store.clients().await.unwrap();

    let printed = format!("{clients:?}");
    assert!(printed.contains("deployer"), "{printed}");
    assert!(!printed.contains("argon2id"), "{printed}");
}
