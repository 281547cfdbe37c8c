//! Clients that order, prove, finalize, download and revoke, whatever becomes of the server.

use std::sync::Arc;
use std::time::Duration;

use ca_tests::csr::Request;
use ca_tests::{TestCa, openssl};
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, RevocationReason, RevocationRequest,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Several clients at work.
pub(crate) struct Load {
    clients: JoinSet<Client>,
    stop: watch::Sender<bool>,
    steps: watch::Receiver<u64>,
}

/// One client and what it remembers.
pub(crate) struct Client {
    /// Certificate chains that it holds.
    pub(crate) held: Vec<String>,
    /// Serials whose revocation was answered with success.
    pub(crate) revoked: Vec<String>,
    ca: Arc<TestCa>,
    account: Account,
    number: usize,
    open: Vec<Placed>,
    placed: usize,
    steps: watch::Sender<u64>,
}

/// An order that has no certificate yet.
#[derive(Clone, Debug)]
struct Placed {
    url: String,
    name: String,
}

impl Load {
    /// Registers this many clients and lets them work.
    pub(crate) async fn begin(ca: &Arc<TestCa>, clients: usize) -> Self {
        let stop = watch::Sender::new(false);
        let (counted, steps) = watch::channel(0);
        let mut working = JoinSet::new();
        for number in 0..clients {
            let client = Client::register(ca, number, counted.clone()).await;
            working.spawn(client.work(stop.subscribe()));
        }
        Self {
            clients: working,
            stop,
            steps,
        }
    }

    /// Waits until the clients have come this many steps further.
    pub(crate) async fn advance(&mut self, by: u64) {
        let goal = *self.steps.borrow() + by;
        let advanced = self.steps.wait_for(|steps| *steps >= goal);
        let advanced = tokio::time::timeout(DEADLINE, advanced).await;
        advanced.expect("the clients get on").unwrap();
    }

    /// Lets the clients end what they are at, successful or not.
    pub(crate) async fn end(self) -> Vec<Client> {
        self.stop.send_replace(true);
        self.clients.join_all().await
    }
}

impl Client {
    async fn register(ca: &Arc<TestCa>, number: usize, steps: watch::Sender<u64>) -> Self {
        let builder = Account::builder_with_root(ca.root_file()).unwrap();
        let directory = ca.directory_url("default");
        let new = NewAccount {
            contact: &[],
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let (account, _) = builder.create(&new, directory, None).await.unwrap();
        Self {
            held: Vec::new(),
            revoked: Vec::new(),
            ca: Arc::clone(ca),
            account,
            number,
            open: Vec::new(),
            placed: 0,
            steps,
        }
    }

    /// Obtains certificates until told to stop. What fails is left for later, as clients do.
    async fn work(mut self, stop: watch::Receiver<bool>) -> Self {
        while !*stop.borrow() {
            if self.obtain().await.is_err() {
                tokio::time::sleep(BETWEEN_QUESTIONS).await;
            }
        }
        self
    }

    async fn obtain(&mut self) -> Result<(), Error> {
        self.placed += 1;
        let name = format!("c{}-{}.example.internal", self.number, self.placed);
        let identifiers = [Identifier::Dns(name.clone())];
        let order = self.account.new_order(&NewOrder::new(&identifiers)).await?;
        let url = order.url().to_owned();
        self.open.push(Placed { url, name });
        self.step();
        let chain = self.go_on(self.open.len() - 1).await?;
        if self.placed.is_multiple_of(REVOKED_OF) {
            self.revoke(&chain).await?;
        }
        Ok(())
    }

    /// Brings every order that was left to its certificate.
    pub(crate) async fn finish(&mut self) {
        while let Some(last) = self.open.len().checked_sub(1) {
            let order = self.open[last].clone();
            let finished = tokio::time::timeout(DEADLINE, self.go_on(last)).await;
            let finished = finished.unwrap_or_else(|_| panic!("{order:?} is stuck"));
            finished.unwrap_or_else(|error| panic!("{order:?}: {error}"));
        }
    }

    /// Goes on with an order from wherever it is until the client holds its certificate.
    async fn go_on(&mut self, place: usize) -> Result<String, Error> {
        let Placed { url, name } = self.open[place].clone();
        let mut order = self.account.order(url.clone()).await?;
        let chain = loop {
            match order.state().status {
                OrderStatus::Pending => self.prove(&mut order).await?,
                OrderStatus::Ready => {
                    let csr = Request::for_names(&[&name]).der;
                    order.finalize_csr(&csr).await?;
                }
                OrderStatus::Processing => tokio::time::sleep(BETWEEN_QUESTIONS).await,
                OrderStatus::Valid => break order.certificate().await?.expect("it is valid"),
                OrderStatus::Invalid => panic!("{url} for {name} became invalid"),
            }
            self.step();
            order.refresh().await?;
        };
        self.step();
        self.held.push(chain.clone());
        self.open.remove(place);
        Ok(chain)
    }

    async fn prove(&self, order: &mut Order) -> Result<(), Error> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let mut challenge = authorization.challenge(ChallengeType::Http01).unwrap();
            let proof = challenge.key_authorization();
            let network = &self.ca.network.http;
            network.answer_challenge(&challenge.token, proof.as_str());
            challenge.set_ready().await?;
        }
        Ok(())
    }

    async fn revoke(&mut self, chain: &str) -> Result<(), Error> {
        let certificate = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
        let request = RevocationRequest {
            certificate: &certificate,
            reason: Some(RevocationReason::Superseded),
        };
        self.account.revoke(&request).await?;
        self.revoked
            .push(openssl::certificate_field(chain, "serial"));
        self.step();
        Ok(())
    }

    fn step(&self) {
        self.steps.send_modify(|steps| *steps += 1);
    }
}

/// One certificate of this many is revoked.
const REVOKED_OF: usize = 3;

const BETWEEN_QUESTIONS: Duration = Duration::from_millis(20);
const DEADLINE: Duration = Duration::from_secs(60);
