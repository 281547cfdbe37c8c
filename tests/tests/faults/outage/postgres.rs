//! PostgreSQL restarted, cut off, slow, read-only, full, hanging, gone.

use std::process::Command;
use std::time::Duration;

use ca_tests::postgres::Cluster;
use ca_tests::server::run;
use ca_tests::{RawAcme, TestCa, is_long, relying_party};
use tokio::time::sleep;

use super::disk::Disk;
use super::{Need, a_while, outlives};
use crate::database::Kind;
use crate::proxy::{Proxy, Weather};
use crate::{eventually, hurried};

#[test]
fn outlives_a_postgres_that_is_stopped_and_started() {
    let cluster = Cluster::start().unwrap();
    let ca = on(&cluster.database().unwrap());

    outlives(Kind::Postgres, ca, Need::Told, async || {
        cluster.stop("fast").unwrap();
        sleep(a_while()).await;
        cluster.start_again().unwrap();
    });
}

#[test]
fn outlives_a_postgres_that_crashes() {
    let cluster = Cluster::start().unwrap();
    let ca = on(&cluster.database().unwrap());

    outlives(Kind::Postgres, ca, Need::Partial, async || {
        for _ in 0..crashes() {
            cluster.stop("immediate").unwrap();
            cluster.start_again().unwrap();
            sleep(Duration::from_millis(500)).await;
        }
    });
}

#[test]
fn outlives_connections_that_are_cut() {
    let cluster = Cluster::start().unwrap();
    let ca = on(&cluster.database().unwrap());

    outlives(Kind::Postgres, ca, Need::Partial, async || {
        for _ in 0..10 * crashes() {
            cluster.execute(&[CUT]).unwrap();
            sleep(Duration::from_millis(100)).await;
        }
    });
}

#[test]
fn outlives_a_postgres_that_is_read_only() {
    let cluster = Cluster::start().unwrap();
    let ca = on(&cluster.database().unwrap());

    outlives(Kind::Postgres, ca, Need::Partial, async || {
        let set = "ALTER SYSTEM SET default_transaction_read_only = on";
        cluster.execute(&[set, RELOAD]).unwrap();
        sleep(a_while()).await;
        let reset = "ALTER SYSTEM RESET default_transaction_read_only";
        cluster.execute(&[reset, RELOAD]).unwrap();
    });
}

#[test]
fn outlives_a_postgres_that_is_slow() {
    let url = Cluster::shared().database().unwrap();
    behind_a_proxy(&url, Need::Partial, async |proxy: &Proxy| {
        proxy.set(Weather::Slow(Duration::from_millis(100)));
        sleep(a_while()).await;
        proxy.set(Weather::Clear);
    });
}

#[test]
fn outlives_a_postgres_whose_disk_is_full() {
    let cluster = Cluster::start().unwrap();
    let disk = Disk::of_mebibytes(48);
    run(Command::new("chown").arg("postgres").arg(disk.folder()));
    let place = disk.folder().display();
    cluster
        .execute(&[
            &format!("CREATE TABLESPACE small LOCATION '{place}'"),
            "CREATE DATABASE small TABLESPACE small",
        ])
        .unwrap();
    let url = cluster.database().unwrap().replace("test_0", "small");
    let ca = on(&url);

    outlives(Kind::Postgres, ca, Need::Partial, async || {
        disk.fill();
        sleep(a_while()).await;
        disk.free();
    });
}

#[test]
fn outlives_a_postgres_that_hangs() {
    let cluster = Cluster::start().unwrap();
    let ca = on(&cluster.database().unwrap());
    // Longer than a group's deadline, where the suites are long.
    let need = if is_long() { Need::Told } else { Need::Partial };

    outlives(Kind::Postgres, ca, need, async || {
        cluster.signal_backends("STOP").unwrap();
        sleep(a_while() * 2).await;
        cluster.signal_backends("CONT").unwrap();
    });
}

#[test]
fn outlives_a_postgres_whose_host_is_gone() {
    let url = Cluster::shared().database().unwrap();
    let need = if is_long() { Need::Told } else { Need::Partial };
    behind_a_proxy(&url, need, async |proxy: &Proxy| {
        proxy.set(Weather::Silent);
        sleep(a_while() * 2).await;
        // Connections of before are never answered, nor do they end.
        proxy.set(Weather::Clear);
    });
}

/// What nobody waits for must not wait for ever: each second the publisher asks what was revoked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishes_again_after_its_database_fell_silent() {
    let url = Cluster::shared().database().unwrap();
    let proxy = Proxy::before(&url).await;
    let ca = on(proxy.url());
    let client = RawAcme::registered(&ca).await;
    let issued = client.obtain(&["silence.example.internal"]).await;

    proxy.set(Weather::Silent);
    sleep(Duration::from_secs(5)).await;
    proxy.set(Weather::Clear);
    eventually(async || {
        let revoked = client.revoke(&issued.leaf_der(), None).await;
        [200, 400].contains(&revoked.status)
    })
    .await;

    let serial = issued.serial();
    eventually(async || relying_party::crl_text(&ca, "tls").await.contains(&serial)).await;
    // What else asks by itself has done so too.
    ca.wait_for_log("sealed the audit log");
}

fn on(url: &str) -> TestCa {
    hurried().set("database.url", url).start()
}

/// The proxy runs on a runtime of its own: the load's must not end it.
fn behind_a_proxy(url: &str, need: Need, outage: impl AsyncFnOnce(&Proxy)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let proxy = runtime.block_on(Proxy::before(url));
    let ca = on(proxy.url());
    outlives(Kind::Postgres, ca, need, async || outage(&proxy).await);
}

fn crashes() -> usize {
    if is_long() { 10 } else { 2 }
}

const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE application_name = 'ca-server'";
const RELOAD: &str = "SELECT pg_reload_conf()";
