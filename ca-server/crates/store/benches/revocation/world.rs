//! A store full of certificates, and what publishes and answers from it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ca_issuance::lease::{Lease, publishing};
use ca_issuance::testing::World;
use ca_issuance::{Clock, Corridor, CrlPublisher, Ledger, PublishSchedule};
use ca_pki::{Serial, Timestamp};
use ca_store::{Options, Store};
use rusqlite::{Connection, named_params};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A store on a file of its own.
pub(crate) struct Bench {
    pub(crate) runtime: Runtime,
    pub(crate) corridor: Arc<Corridor>,
    pub(crate) clock: Arc<HandClock>,
    lease: Lease,
    file: PathBuf,
    _folder: TempDir,
}

/// A clock that moves when told.
pub(crate) struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_secs(self.0.load(Ordering::SeqCst))
    }
}

impl Bench {
    /// Makes a store with so many certificates, the first so many of them revoked.
    pub(crate) fn new(rows: u64, revoked: u64) -> Self {
        let runtime = Runtime::new().expect("threads start");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("ca.db");
        let clock = Arc::new(HandClock(AtomicI64::new(NOON)));
        let store = runtime.block_on(async {
            let url = format!("sqlite://{}", file.display());
            let store = Store::connect(&url, Options::new(clock.clone())).await;
            let store = store.expect("the file is made");
            store.migrate().await.expect("it migrates");
            store
        });
        fill(&file, rows, revoked);
        let work = publishing("tls");
        let claimed = store.claim(
            &work,
            "this bench",
            clock.now(),
            Duration::from_secs(86_400),
        );
        let number = runtime.block_on(claimed).expect("the store answers");
        let lease = Lease::held(&work, number.expect("nobody else is there"));
        let corridor = World::corridor(Arc::new(store), clock.clone());
        Self {
            runtime,
            corridor,
            clock,
            lease,
            file,
            _folder: folder,
        }
    }

    pub(crate) fn publisher(&self) -> CrlPublisher {
        let issuer = self.corridor.issuer("tls").expect("it was put in");
        let schedule = PublishSchedule::default();
        CrlPublisher::new(&self.corridor, issuer, schedule, self.lease.clone())
    }

    /// Publishes what is due.
    pub(crate) fn refresh(&self, publisher: &CrlPublisher) {
        let refreshed = self.runtime.block_on(publisher.refresh());
        refreshed.expect("a CRL is published");
    }

    /// Lets the schedule ask for a list made anew.
    pub(crate) fn an_hour_later(&self) {
        let hour = Duration::from_secs(3_600).as_secs() as i64;
        self.clock.0.fetch_add(hour, Ordering::SeqCst);
    }

    /// Lists serials that are valid, in no order.
    pub(crate) fn valid(&self, at_most: u64) -> Vec<Serial> {
        let database = Connection::open(&self.file).expect("it opens");
        let sql = "SELECT serial FROM certificate WHERE state = 'valid' \
                   ORDER BY key_fingerprint LIMIT ?1";
        let mut statement = database.prepare(sql).expect("it is SQL");
        let serials = statement.query_map([at_most as i64], |row| row.get::<_, Vec<u8>>(0));
        serials
            .expect("it runs")
            .map(|serial| Serial::from_be_bytes(&serial.expect("it reads")).expect("a serial"))
            .collect()
    }

    /// Revokes on this server, as a door would.
    pub(crate) fn revoke(&self, serial: &Serial) {
        let reason = ca_pki::crl::RevocationReason::Superseded;
        let actor = ca_issuance::Actor::System;
        let revoking = self.corridor.revoke("tls", serial, reason, &actor);
        self.runtime.block_on(revoking).expect("it is revoked");
    }
}

fn fill(file: &std::path::Path, rows: u64, revoked: u64) {
    let mut database = Connection::open(file).expect("it opens");
    let (rows, revoked) = (rows as i64, revoked as i64);
    let filling = database.transaction().expect("it begins");
    for sql in SQL.split_inclusive(";\n") {
        let mut statement = filling.prepare(sql).expect("it is SQL");
        let values = named_params! { ":rows": rows, ":revoked": revoked, ":now": NOON };
        let named = values
            .iter()
            .filter(|(name, _)| sql.contains(*name))
            .copied()
            .collect::<Vec<_>>();
        statement.execute(named.as_slice()).expect("it fills");
    }
    filling.commit().expect("it is kept");
}

const SQL: &str = include_str!("certificates.sql");
/// 2026-11-21, as in the room's own tests.
const NOON: i64 = 1_795_262_400;
