//! A store to try things on, and things to try.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use ca_acme::account::{Account, AccountStatus};
use ca_acme::authorization::{
    Authorization, AuthorizationStatus, Challenge, ChallengeKind, ChallengeStatus,
};
use ca_acme::order::{Order, OrderStatus};
use ca_acme::store::{AcmeStore, NewOrder, Placement, Registration, ValidationOutcome};
use ca_issuance::audit::{Event, EventKind};
use ca_issuance::ledger::Intent;
use ca_issuance::{Actor, Clock, Ledger};
use ca_pki::{Identifier, Serial, Timestamp, Validity};
use ca_store::{Options, Store};
use ca_tests::postgres::Cluster;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;

/// Makes a test for each database out of each case.
macro_rules! on_both_databases {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(crate::bench::Bench::sqlite().await).await;
                }
            )+
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(crate::bench::Bench::postgres().await).await;
                }
            )+
        }
    };
}
pub(crate) use on_both_databases;

/// Where the clock starts.
pub(crate) const START: Timestamp = Timestamp::from_unix_secs(1_800_000_000);

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

/// A migrated store on a database of its own.
pub(crate) struct Bench {
    pub(crate) store: Store,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) url: String,
    _folder: Option<TempDir>,
}

/// A clock that moves when told.
pub(crate) struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_secs(self.0.load(Ordering::SeqCst))
    }
}

impl HandClock {
    pub(crate) fn set_back(&self, span: Duration) {
        let secs = i64::try_from(span.as_secs()).unwrap();
        self.0.fetch_sub(secs, Ordering::SeqCst);
    }

    pub(crate) fn advance(&self, span: Duration) {
        let secs = i64::try_from(span.as_secs()).unwrap();
        self.0.fetch_add(secs, Ordering::SeqCst);
    }
}

impl Bench {
    pub(crate) async fn sqlite() -> Self {
        let bench = Self::empty_sqlite().await;
        bench.store.migrate().await.unwrap();
        bench
    }

    pub(crate) async fn postgres() -> Self {
        let bench = Self::empty_postgres().await;
        bench.store.migrate().await.unwrap();
        bench
    }

    pub(crate) async fn empty_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("ca.db").display());
        Self::open(url, Some(folder)).await
    }

    pub(crate) async fn empty_postgres() -> Self {
        let creating = tokio::task::spawn_blocking(|| Cluster::shared().database());
        Self::open(creating.await.unwrap().unwrap(), None).await
    }

    /// Opens a store on an empty database; the folder goes with it.
    pub(crate) async fn open(url: String, folder: Option<TempDir>) -> Self {
        let clock = Arc::new(HandClock(AtomicI64::new(START.unix_secs())));
        let store = Store::connect(&url, Self::options(&clock)).await.unwrap();
        Self {
            store,
            clock,
            url,
            _folder: folder,
        }
    }

    pub(crate) fn options(clock: &Arc<HandClock>) -> Options {
        let mut options = Options::new(Arc::<HandClock>::clone(clock));
        options.readers = 4;
        options.writers = 2;
        options
    }

    /// Opens another store on the same database, as another server or a restart would.
    pub(crate) async fn another_store(&self) -> Store {
        let options = Self::options(&self.clock);
        Store::connect(&self.url, options).await.unwrap()
    }

    /// Closes the store and opens it again.
    pub(crate) async fn restart(&mut self) {
        self.store.close().await;
        self.store = self.another_store().await;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn raw(&self) -> DatabaseConnection {
        Database::connect(&self.url).await.unwrap()
    }

    /// Runs statements beside the store, as an operator or an attacker might.
    pub(crate) async fn execute(&self, sql: &str) {
        let database = self.raw().await;
        database.execute_unprepared(sql).await.unwrap();
        database.close().await.unwrap();
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        let database = self.raw().await;
        let sql = format!("SELECT COUNT(*) FROM \"{table}\"");
        let query = Statement::from_string(database.get_database_backend(), sql);
        let row = database.query_one_raw(query).await.unwrap().unwrap();
        let count = row.try_get_by_index(0).unwrap();
        database.close().await.unwrap();
        count
    }

    /// Makes the database refuse an insert into `table`, however it is reached.
    pub(crate) async fn break_inserts_into(&self, table: &str) {
        self.break_statements("INSERT", table).await;
    }

    /// Makes the database refuse an `INSERT`, `UPDATE` or `DELETE` on `table`.
    pub(crate) async fn break_statements(&self, verb: &str, table: &str) {
        if self.url.starts_with("sqlite") {
            let sql = format!(
                "CREATE TRIGGER broken BEFORE {verb} ON {table} \
                 BEGIN SELECT RAISE(ABORT, 'broken'); END"
            );
            return self.execute(&sql).await;
        }
        self.execute(
            "CREATE OR REPLACE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'broken'; END $$",
        )
        .await;
        let sql = format!(
            "CREATE TRIGGER broken BEFORE {verb} ON {table} \
             FOR EACH ROW EXECUTE FUNCTION broken()"
        );
        self.execute(&sql).await;
    }

    /// Takes back what broke statements on `table`.
    pub(crate) async fn mend(&self, table: &str) {
        let sql = match self.url.starts_with("sqlite") {
            true => "DROP TRIGGER broken".to_owned(),
            false => format!("DROP TRIGGER broken ON {table}"),
        };
        self.execute(&sql).await;
    }

    /// Reads the first column of every row, which must be text.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let database = self.raw().await;
        let query = Statement::from_string(database.get_database_backend(), sql.to_owned());
        let rows = database.query_all_raw(query).await.unwrap();
        let texts = rows.iter().map(|row| row.try_get_by_index(0).unwrap());
        let texts = texts.collect();
        database.close().await.unwrap();
        texts
    }

    /// Registers an account of this name.
    pub(crate) async fn account(&self, name: &str) -> Account {
        let account = account(name);
        let event = event(EventKind::AccountCreated, name);
        let registration = self.store.register(account, event).await.unwrap();
        let Registration::Created(account) = registration else {
            panic!("{registration:?}");
        };
        account
    }

    /// Places an order of one pending authorization for each name.
    pub(crate) async fn pending_order(&self, account: &Account, names: &[&str]) -> Order {
        let new = new_order(account, names, self.now());
        self.place(new).await
    }

    pub(crate) async fn place(&self, new: NewOrder) -> Order {
        let event = event(EventKind::OrderCreated, &new.order.id);
        let placement = self.store.place_order(new, event).await.unwrap();
        let Placement::Placed(order) = placement else {
            panic!("{placement:?}");
        };
        order
    }

    /// Places an order and proves control over its names.
    pub(crate) async fn ready_order(&self, account: &Account, names: &[&str]) -> Order {
        let order = self.pending_order(account, names).await;
        for id in &order.authorizations {
            self.prove(id).await;
        }
        let order = self.order(&order.id).await;
        assert_eq!(order.status, OrderStatus::Ready);
        order
    }

    pub(crate) async fn prove(&self, id: &str) -> Authorization {
        let proven = ValidationOutcome::Proven {
            expires_at: self.now().plus(HOUR * 8),
        };
        let event = event(EventKind::AuthorizationValidated, id);
        let kind = ChallengeKind::Http01;
        let concluded = self.store.conclude_validation(id, kind, proven, event);
        concluded.await.unwrap()
    }

    pub(crate) async fn order(&self, id: &str) -> Order {
        self.store.order(id).await.unwrap().unwrap()
    }

    /// Records an intent for the order.
    pub(crate) async fn intent(&self, order: Option<&Order>) -> Intent {
        let intent = intent(self.now(), order);
        let event = event(EventKind::CertificateIntended, &intent.serial.to_string());
        self.store.record_intent(&intent, event).await.unwrap();
        intent
    }

    /// Records an intent and its result.
    pub(crate) async fn certificate(&self, order: Option<&Order>) -> Intent {
        let intent = self.intent(order).await;
        let event = event(EventKind::CertificateIssued, &intent.serial.to_string());
        let (issuer, serial) = (&intent.issuer, &intent.serial);
        let recorded = self.store.record_result(issuer, serial, b"signed", event);
        recorded.await.unwrap();
        intent
    }
}

/// Runs fifty of the same at once and returns what came of each.
pub(crate) async fn fifty<F, T>(make: impl Fn(usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let mut tasks = JoinSet::new();
    for number in 0..50 {
        tasks.spawn(make(number));
    }
    tasks.join_all().await
}

pub(crate) fn event(kind: EventKind, subject: &str) -> Event {
    Event {
        at: START,
        kind,
        actor: Actor::System,
        subject: subject.to_owned(),
        details: json!({ "because": "a test" }),
    }
}

pub(crate) fn account(name: &str) -> Account {
    Account {
        id: name.to_owned(),
        directory: "default".to_owned(),
        status: AccountStatus::Valid,
        jwk: format!("{{\"kty\":\"{name}\"}}"),
        thumbprint: format!("thumbprint-of-{name}"),
        contacts: vec!["mailto:a@example.internal".to_owned()],
        terms_agreed: false,
        external_account: None,
        external_binding: None,
        principal: None,
        created_at: START,
    }
}

pub(crate) fn dns(name: &str) -> Identifier {
    Identifier::parse("dns", name).unwrap()
}

fn unique(what: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("{what}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// A pending authorization for a name, `*.` allowed.
pub(crate) fn pending(account: &Account, name: &str, now: Timestamp) -> Authorization {
    let challenge = |kind| Challenge {
        kind,
        status: ChallengeStatus::Pending,
        token: "token".to_owned(),
        validated_at: None,
        error: None,
    };
    Authorization {
        id: unique("authorization"),
        account: account.id.clone(),
        directory: account.directory.clone(),
        identifier: dns(name.strip_prefix("*.").unwrap_or(name)),
        wildcard: name.starts_with("*."),
        status: AuthorizationStatus::Pending,
        expires_at: now.plus(HOUR),
        challenges: vec![
            challenge(ChallengeKind::Http01),
            challenge(ChallengeKind::Dns01),
        ],
        caa_checked_at: None,
        granted_by: None,
    }
}

/// An order with a new pending authorization for each name.
pub(crate) fn new_order(account: &Account, names: &[&str], now: Timestamp) -> NewOrder {
    let new_authorizations: Vec<_> = names
        .iter()
        .map(|name| pending(account, name, now))
        .collect();
    let order = Order {
        id: unique("order"),
        account: account.id.clone(),
        directory: account.directory.clone(),
        status: OrderStatus::Pending,
        expires_at: now.plus(HOUR),
        identifiers: names.iter().map(|name| dns(name)).collect(),
        authorizations: new_authorizations
            .iter()
            .map(|one| one.id.clone())
            .collect(),
        profile: "tls-server".to_owned(),
        not_before: None,
        not_after: Some(now.plus(HOUR * 24)),
        replaces: None,
        error: None,
        certificate: None,
        created_at: now,
    };
    NewOrder {
        order,
        new_authorizations,
    }
}

pub(crate) fn intent(now: Timestamp, order: Option<&Order>) -> Intent {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let mut random = [7; Serial::RANDOM_BYTES];
    random[..4].copy_from_slice(&NUMBER.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    Intent {
        serial: Serial::new(now, random),
        issuer: "tls".to_owned(),
        profile: "tls-server".to_owned(),
        identifiers: vec![dns("a.example.internal")],
        validity: Validity {
            not_before: now,
            not_after: now.plus(HOUR * 24),
        },
        key_fingerprint: [5; 32],
        tbs_der: b"to be signed".to_vec(),
        requested_by: Actor::System,
        order: order.map(|order| order.id.clone()),
        grant: None,
        idempotency: None,
        provenance: None,
        recorded_at: now,
        settle_after: now.plus(Duration::from_secs(60)),
    }
}
