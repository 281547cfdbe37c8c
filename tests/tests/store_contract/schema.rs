//! Migrating, and refusing to serve from another schema.

use ca_store::Error;

use crate::bench::Bench;

macro_rules! on_both_empty_databases {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(crate::bench::Bench::empty_sqlite().await).await;
                }
            )+
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(crate::bench::Bench::empty_postgres().await).await;
                }
            )+
        }
    };
}

on_both_empty_databases!(
    goes_up_down_and_up,
    lists_what_is_missing_without_changing_anything,
    refuses_to_serve_from_an_older_schema,
    refuses_to_serve_from_a_newer_schema,
    migrates_once_when_servers_start_together,
);

async fn goes_up_down_and_up(bench: Bench) {
    let up = bench.store.migrate().await.unwrap();
    bench.account("anna").await;
    bench.store.unmigrate().await.unwrap();
    let again = bench.store.migrate().await.unwrap();

    assert!(up.first().is_some_and(|step| step.starts_with("m0001")));
    assert_eq!(again, up);
    assert_eq!(bench.count("account").await, 0);
    assert!(bench.store.migrate().await.unwrap().is_empty());
}

async fn lists_what_is_missing_without_changing_anything(bench: Bench) {
    let first = bench.store.pending_migrations().await.unwrap();
    let second = bench.store.pending_migrations().await.unwrap();
    bench.store.migrate().await.unwrap();
    let after = bench.store.pending_migrations().await.unwrap();

    assert!(first.first().is_some_and(|step| step.starts_with("m0001")));
    assert_eq!(first, second);
    assert!(after.is_empty());
}

async fn refuses_to_serve_from_an_older_schema(bench: Bench) {
    let refusal = bench.store.begin_serving().await;

    assert!(matches!(refusal, Err(Error::NotMigrated { pending }) if !pending.is_empty()));
}

async fn refuses_to_serve_from_a_newer_schema(bench: Bench) {
    bench.store.migrate().await.unwrap();
    bench
        .execute("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_later', 0)")
        .await;

    let refusal = bench.store.begin_serving().await;
    let migration = bench.store.migrate().await;

    let later =
        |error| matches!(error, Error::NewerSchema { unknown } if unknown == ["m9999_later"]);
    assert!(later(refusal.unwrap_err()));
    assert!(later(migration.unwrap_err()));
}

async fn migrates_once_when_servers_start_together(bench: Bench) {
    // On SQLite one server serves, and its operator migrates.
    if bench.url.starts_with("sqlite") {
        return;
    }
    let other_server = bench.another_store().await;

    let (first, second) = tokio::join!(bench.store.migrate(), other_server.migrate());

    first.unwrap();
    second.unwrap();
    bench.store.begin_serving().await.unwrap();
    other_server.begin_serving().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_file_is_served_once_and_commands_work_beside() {
    let mut bench = Bench::sqlite().await;
    bench.store.begin_serving().await.unwrap();
    let other = bench.another_store().await;

    let second_server = other.begin_serving().await;
    let command = Bench::account(&bench, "anna").await;

    assert!(matches!(second_server, Err(Error::AlreadyServed)));
    assert_eq!(command.id, "anna");
    bench.restart().await;
    bench.store.begin_serving().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_file_is_its_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::sqlite().await;
    bench.account("anna").await;
    let file = bench.url.strip_prefix("sqlite://").unwrap();

    for name in [file.to_owned(), format!("{file}-wal")] {
        let mode = std::fs::metadata(&name).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
