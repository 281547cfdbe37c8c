//! A store whose every row is looked at.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use ca_tests::postgres::Cluster;
use tempfile::TempDir;

use super::act::{Act, Prepared};
use super::rows::{Rows, Schema};
use crate::bench::Bench;
use crate::database::{Aside, Kind};
use crate::proxy::Proxy;

/// A store and a connection beside it.
pub(super) struct Lab {
    pub(super) bench: Bench,
    pub(super) aside: Aside,
    schema: Schema,
    turn: AtomicUsize,
}

impl Lab {
    /// A store behind a proxy, and the proxy.
    pub(super) async fn on_postgres() -> (Self, Proxy) {
        let creating = tokio::task::spawn_blocking(|| Cluster::shared().database());
        let url = creating.await.unwrap().unwrap();
        let proxy = Proxy::before(&url).await;
        let bench = Bench::open(proxy.url().to_owned(), None).await;
        (Self::of(bench, &url, Kind::Postgres).await, proxy)
    }

    pub(super) async fn on_sqlite() -> Self {
        let folder: TempDir = tempfile::tempdir().unwrap();
        let url = Kind::Sqlite.url(folder.path());
        let bench = Bench::open(url.clone(), Some(folder)).await;
        Self::of(bench, &url, Kind::Sqlite).await
    }

    async fn of(bench: Bench, url: &str, kind: Kind) -> Self {
        bench.store.migrate().await.unwrap();
        let aside = Aside::of(url).await;
        let schema = Schema::of(&aside, kind).await;
        let turn = AtomicUsize::new(0);
        Self {
            bench,
            aside,
            schema,
            turn,
        }
    }

    /// Comes to where the method can be called, with arguments that were never used.
    pub(super) async fn prepare(&self, act: &Act) -> Prepared {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        (act.prepare)(&self.bench, &format!("{}-{turn}", act.method)).await
    }

    pub(super) async fn rows(&self) -> Rows {
        self.schema.rows(&self.aside).await
    }

    /// Makes the call undisturbed; returns which tables it changed.
    pub(super) async fn reference(&self, act: &Act) -> BTreeSet<String> {
        let prepared = self.prepare(act).await;
        let before = self.rows().await;
        assert_eq!(prepared.perform().await, Ok(()), "{act:?}");
        before.changed_to(&self.rows().await)
    }

    /// Makes the call undisturbed; returns its statements.
    pub(super) async fn statements(&self, act: &Act, proxy: &Proxy) -> Vec<String> {
        let prepared = self.prepare(act).await;
        proxy.arm(None);
        assert_eq!(prepared.perform().await, Ok(()), "{act:?}");
        proxy.disarm()
    }
}
