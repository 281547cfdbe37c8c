//! Clients that want certificates over ACME and over the JSON API, and revoke some, whatever
//! becomes of the server.

mod acme;
mod json;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ca_pki::{Certificate, Serial};
use ca_tests::TestCa;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::acme::AcmeClient;
use self::json::JsonClient;

/// Several clients at work.
pub(crate) struct Load {
    clients: JoinSet<Client>,
    stop: watch::Sender<bool>,
    steps: watch::Receiver<u64>,
    hands: Hands,
}

/// A client between two of its requests.
pub(crate) enum Client {
    /// Orders.
    Acme(AcmeClient),
    /// Asks for certificates under idempotency keys.
    Json(JsonClient),
}

/// What the clients hold and were told. Whatever is in here at some moment must be in the store
/// at every later one.
#[derive(Clone, Default)]
pub(crate) struct Hands(Arc<Mutex<Holdings>>);

/// Certificates and revocations, in the order in which the clients learned of them.
#[derive(Clone, Default)]
pub(crate) struct Holdings {
    /// Certificates that were handed out.
    pub(crate) held: Vec<Certificate>,
    /// Serials whose revocation was answered with success.
    pub(crate) revoked: Vec<Serial>,
}

/// It did not work out this time: the server is gone, busy or not done yet.
#[derive(Debug)]
pub(crate) struct Later(String);

/// What each client needs.
#[derive(Clone)]
struct Surroundings {
    ca: Arc<TestCa>,
    number: usize,
    hands: Hands,
    steps: watch::Sender<u64>,
}

impl Load {
    /// Lets this many clients of either kind work.
    pub(crate) async fn begin(ca: &Arc<TestCa>, clients: usize) -> Self {
        let stop = watch::Sender::new(false);
        let (counted, steps) = watch::channel(0);
        let hands = Hands::default();
        let token = ca.operator_token("admin").text;
        let mut working = JoinSet::new();
        for number in 0..clients {
            let surroundings = Surroundings {
                ca: Arc::clone(ca),
                number,
                hands: hands.clone(),
                steps: counted.clone(),
            };
            let client = AcmeClient::register(surroundings.clone()).await;
            working.spawn(Client::Acme(client).work(stop.subscribe()));
            let client = JsonClient::new(surroundings, &token);
            working.spawn(Client::Json(client).work(stop.subscribe()));
        }
        Self {
            clients: working,
            stop,
            steps,
            hands,
        }
    }

    /// Waits until the clients have come this many steps further.
    pub(crate) async fn advance(&mut self, by: u64) {
        let goal = *self.steps.borrow() + by;
        let advanced = self.steps.wait_for(|steps| *steps >= goal);
        let advanced = tokio::time::timeout(DEADLINE, advanced).await;
        advanced.expect("the clients get on").unwrap();
    }

    /// Returns what the clients hold, now and later.
    pub(crate) fn hands(&self) -> Hands {
        self.hands.clone()
    }

    /// Lets the clients end what they are at, successful or not.
    pub(crate) async fn end(self) -> Vec<Client> {
        self.stop.send_replace(true);
        self.clients.join_all().await
    }
}

impl Client {
    /// Goes on until told to stop. What fails is left for later, as clients do.
    async fn work(mut self, stop: watch::Receiver<bool>) -> Self {
        while !*stop.borrow() {
            let turn: Pin<Box<dyn Future<Output = _> + Send + '_>> = match &mut self {
                Self::Acme(client) => Box::pin(client.turn()),
                Self::Json(client) => Box::pin(client.turn()),
            };
            if turn.await.is_err() {
                tokio::time::sleep(BETWEEN_QUESTIONS).await;
            }
        }
        self
    }

    /// Brings everything that was left to its certificate.
    ///
    /// # Panics
    ///
    /// Panics if something is stuck.
    pub(crate) async fn finish(&mut self) {
        match self {
            Self::Acme(client) => client.finish().await,
            Self::Json(client) => client.finish().await,
        }
    }
}

impl Hands {
    /// Returns everything that the clients hold and know by now.
    pub(crate) fn now(&self) -> Holdings {
        self.0.lock().unwrap().clone()
    }

    fn hold(&self, certificate: Certificate) {
        self.0.lock().unwrap().held.push(certificate);
    }

    fn know_revoked(&self, serial: Serial) {
        self.0.lock().unwrap().revoked.push(serial);
    }
}

impl Surroundings {
    fn step(&self) {
        self.steps.send_modify(|steps| *steps += 1);
    }

    /// Names are new each time, so that no two certificates are for the same.
    fn name(&self, kind: &str, turn: usize) -> String {
        format!("{kind}{}-{turn}.load.internal", self.number)
    }
}

impl Later {
    /// Judges a refusal that a client cannot help: only 503 may come of a server in need.
    fn refused(status: u16, what: &dyn std::fmt::Display) -> Self {
        assert!(status < 500 || status == 503, "{status}: {what}");
        Self(format!("{status}: {what}"))
    }
}

/// Tries again and again until it works out.
async fn until_done<T>(what: &str, attempt: impl AsyncFn() -> Result<T, Later>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(Later(why)) => assert!(Instant::now() < deadline, "{what} is stuck: {why}"),
        }
        tokio::time::sleep(BETWEEN_QUESTIONS).await;
    }
}

/// One certificate of this many is revoked.
const REVOKED_OF: usize = 3;

const BETWEEN_QUESTIONS: Duration = Duration::from_millis(20);
const DEADLINE: Duration = Duration::from_secs(60);
