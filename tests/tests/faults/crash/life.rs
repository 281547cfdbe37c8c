//! A server inside of the test that ends in an instant, and the next one on the same data.

use std::sync::Arc;
use std::time::Duration;

use ca_acme::authorization::ChallengeKind;
use ca_acme::order::{Order, OrderStatus};
use ca_issuance::ledger::Ledger;
use ca_issuance::publish::{CrlPublisher, PublishSchedule};
use ca_issuance::respond::{OcspResponder, RespondSchedule};
use ca_issuance::{Clock, Issuer, Lease, Settle};
use ca_pki::Certificate;
use rcgen::KeyPair;
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::key::WitnessKey;
use super::ledger::StoppingLedger;
use super::stop::{Moment, Stop};
use crate::database::Kind;
use crate::runtime;
use crate::world::{AccountHolder, Client, Ground, World, finalize_payload};

/// What outlives servers, and what their client remembers.
pub(crate) struct History {
    pub(crate) kind: Kind,
    pub(crate) ground: Ground,
    pub(crate) key: Arc<WitnessKey>,
    pub(crate) held: Vec<Certificate>,
    account: Option<AccountHolder>,
    boots: u32,
    _folder: TempDir,
}

/// One server. Everything that it does runs on its own runtime and ends with it.
pub(crate) struct Life {
    pub(crate) world: World,
    pub(crate) client: Client,
    pub(crate) publisher: Arc<CrlPublisher>,
    pub(crate) responder: OcspResponder,
    pub(crate) stop: Arc<Stop>,
    runtime: Runtime,
}

/// How long a server waits for a validation before it answers `processing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// For none.
    None,
    /// For any.
    Endless,
}

impl History {
    /// An empty, migrated database.
    pub(crate) fn begin(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = Arc::new(WitnessKey::generate());
        let ground = Ground::new(kind.url(folder.path()), key.clone());
        runtime().block_on(async {
            let store = ground.connect().await;
            store.migrate().await.unwrap();
            store.close().await;
        });
        Self {
            kind,
            ground,
            key,
            held: Vec::new(),
            account: None,
            boots: 0,
            _folder: folder,
        }
    }

    /// Claims the CRL for a server, for a span that ends at once: the next one need not wait.
    async fn take_over(&mut self, world: &World) -> Lease {
        self.boots += 1;
        let (holder, now) = (self.boots.to_string(), world.clock.now());
        let claimed = world.store.claim("crl.tls", &holder, now, Duration::ZERO);
        Lease::held("crl.tls", claimed.await.unwrap().unwrap())
    }

    /// Starts a server as the program does.
    pub(crate) fn boot(&mut self, patience: Patience) -> Life {
        let runtime = runtime();
        let (world, stop) = runtime.block_on(self.open(patience));
        let schedule = PublishSchedule::default();
        let lease = runtime.block_on(self.take_over(&world));
        let publisher = CrlPublisher::new(&world.corridor, issuer(&world), schedule, lease);
        let schedule = RespondSchedule::default();
        let responder = OcspResponder::new(&world.corridor, issuer(&world), schedule);
        let client = runtime.block_on(async {
            world.corridor.settle(self.which()).await.unwrap();
            publisher.refresh().await.unwrap();
            responder.renew(&world.corridor).await.unwrap();
            world.acme.resume_interrupted_validations().await.unwrap();
            match &self.account {
                Some(account) => world.client_of(account),
                None => world.client().await,
            }
        });
        self.account = Some(client.account.clone());
        Life {
            world,
            client,
            publisher: Arc::new(publisher),
            responder,
            stop,
            runtime,
        }
    }

    async fn open(&self, patience: Patience) -> (World, Arc<Stop>) {
        let store = self.ground.connect().await;
        store.begin_serving().await.unwrap();
        let stop = Arc::new(Stop::default());
        let ledger = Arc::new(StoppingLedger {
            store: store.clone(),
            stop: Arc::clone(&stop),
            clock: self.ground.clock.clone(),
        });
        let wait = match patience {
            Patience::None => Duration::ZERO,
            Patience::Endless => DEADLINE,
        };
        let world = World::on(&self.ground, store, ledger, wait).await;
        (world, stop)
    }

    /// What a server may give up when it starts: see `Settle`.
    fn which(&self) -> Settle {
        match self.kind {
            Kind::Sqlite => Settle::Everything,
            Kind::Postgres => Settle::Overdue,
        }
    }
}

impl Life {
    /// Runs something in this server until it is done.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let bounded = async { tokio::time::timeout(DEADLINE, work).await };
        self.runtime.block_on(bounded).expect("nothing hangs")
    }

    /// Starts something in this server, waits until it comes to a moment and ends the server.
    pub(crate) fn die_at(self, moment: Moment, work: impl Future<Output: Send> + Send + 'static) {
        self.stop.set(moment);
        let working = self.runtime.spawn(work);
        self.run(async {
            tokio::select! {
                () = self.stop.reached() => {}
                _ = working => panic!("it ended and never came to {moment:?}"),
            }
        });
        self.die();
    }

    /// Ends the server as a kill does: no task runs on, nothing is finished, nothing is closed.
    pub(crate) fn die(self) {
        drop(self.runtime);
    }

    /// Obtains a certificate.
    pub(crate) async fn obtain(&self, name: &str) -> Certificate {
        let order = self.place(name).await;
        self.prove(&order).await;
        self.complete(&order.id, name).await
    }

    pub(crate) async fn place(&self, name: &str) -> Order {
        let payload = json!({ "identifiers": [{ "type": "dns", "value": name }] });
        let request = self.client.sends(&payload.to_string()).await;
        self.world.acme.new_order(&request).await.unwrap().order
    }

    /// Answers the order's challenge.
    pub(crate) async fn prove(&self, order: &Order) {
        let request = self.client.sends("{}").await;
        let authorization = &order.authorizations[0];
        let answered = self
            .world
            .acme
            .challenge(&request, authorization, ChallengeKind::Http01);
        answered.await.unwrap();
    }

    pub(crate) async fn read(&self, order: &str) -> Order {
        let request = self.client.sends("").await;
        self.world.acme.order(&request, order).await.unwrap()
    }

    /// Goes on with an order from wherever it is, and returns its certificate.
    pub(crate) async fn complete(&self, order: &str, name: &str) -> Certificate {
        if self.read(order).await.status == OrderStatus::Pending {
            let order = self.read(order).await;
            self.prove(&order).await;
        }
        let ready = self.read(order).await;
        let finished = match ready.status {
            OrderStatus::Valid => ready,
            OrderStatus::Ready => self.finalize(order, name).await.await,
            OrderStatus::Pending | OrderStatus::Processing | OrderStatus::Invalid => {
                panic!("{order} is stuck: {:?}", ready.status)
            }
        };
        let (issuer, serial) = finished.certificate.unwrap();
        let record = self.world.store.certificate(&issuer, &serial).await;
        Certificate::parse(&record.unwrap().unwrap().der.unwrap()).unwrap()
    }

    /// Signs a finalize request; the future sends it.
    pub(crate) async fn finalize(
        &self,
        order: &str,
        name: &str,
    ) -> impl Future<Output = Order> + Send + 'static {
        let payload = finalize_payload(&KeyPair::generate().unwrap(), &[name]);
        let request = self.client.sends(&payload).await;
        let (acme, order) = (Arc::clone(&self.world.acme), order.to_owned());
        async move { acme.finalize(&request, &order).await.unwrap() }
    }

    pub(crate) fn issuer(&self) -> &Issuer {
        issuer(&self.world)
    }
}

fn issuer(world: &World) -> &Issuer {
    world.corridor.issuer("tls").unwrap()
}

const DEADLINE: Duration = Duration::from_secs(60);
