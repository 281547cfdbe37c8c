//! A client that orders, proves, finalizes, downloads and revokes.

use std::collections::VecDeque;

use ca_pki::Certificate;
use ca_tests::csr::Request;
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, RevocationReason, RevocationRequest,
};
use rustls::pki_types::CertificateDer;

use super::{BETWEEN_QUESTIONS, Later, REVOKED_OF, Surroundings, until_done};

/// One account and its orders.
pub(crate) struct AcmeClient {
    surroundings: Surroundings,
    account: Account,
    open: VecDeque<Placed>,
    turns: usize,
}

/// An order that has no certificate yet.
#[derive(Clone, Debug)]
struct Placed {
    url: String,
    name: String,
}

impl AcmeClient {
    pub(super) async fn register(surroundings: Surroundings) -> Self {
        let ca = &surroundings.ca;
        let builder = Account::builder_with_root(ca.root_file()).unwrap();
        let directory = ca.directory_url("default");
        let new = NewAccount {
            contact: &[],
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let (account, _) = builder.create(&new, directory, None).await.unwrap();
        Self {
            surroundings,
            account,
            open: VecDeque::new(),
            turns: 0,
        }
    }

    /// Obtains one more certificate, every other time for an order that was left.
    pub(super) async fn turn(&mut self) -> Result<(), Later> {
        self.turns += 1;
        if self.open.is_empty() || !self.turns.is_multiple_of(2) {
            self.place().await?;
        }
        let Some(placed) = self.open.pop_front() else {
            return Ok(());
        };
        match self.go_on(&placed).await {
            Ok(certificate) if self.turns.is_multiple_of(REVOKED_OF) => {
                self.revoke(&certificate).await
            }
            Ok(_) => Ok(()),
            Err(later) => {
                self.open.push_back(placed);
                Err(later)
            }
        }
    }

    pub(super) async fn finish(&mut self) {
        while let Some(placed) = self.open.pop_front() {
            until_done(&placed.url, async || self.go_on(&placed).await).await;
        }
    }

    async fn place(&mut self) -> Result<(), Later> {
        let name = self.surroundings.name("acme", self.turns);
        let identifiers = [Identifier::Dns(name.clone())];
        let order = self.account.new_order(&NewOrder::new(&identifiers)).await?;
        let url = order.url().to_owned();
        self.open.push_front(Placed { url, name });
        self.surroundings.step();
        Ok(())
    }

    /// Goes on with an order from wherever it is until the client holds its certificate.
    async fn go_on(&self, placed: &Placed) -> Result<Certificate, Later> {
        let mut order = self.account.order(placed.url.clone()).await?;
        for _ in 0..MOST_QUESTIONS {
            match order.state().status {
                OrderStatus::Pending => self.prove(&mut order).await?,
                OrderStatus::Ready => {
                    let csr = Request::for_names(&[&placed.name]).der;
                    order.finalize_csr(&csr).await?;
                }
                OrderStatus::Processing => tokio::time::sleep(BETWEEN_QUESTIONS).await,
                OrderStatus::Valid => return self.download(&mut order).await,
                OrderStatus::Invalid => panic!("{placed:?} became invalid"),
            }
            self.surroundings.step();
            order.refresh().await?;
        }
        Err(Later("it is not issued yet".to_owned()))
    }

    async fn download(&self, order: &mut Order) -> Result<Certificate, Later> {
        let chain = order.certificate().await?.expect("it is valid");
        let leaf = Certificate::parse_pem_chain(&chain).unwrap().remove(0);
        self.surroundings.hands.hold(leaf.clone());
        self.surroundings.step();
        Ok(leaf)
    }

    async fn prove(&self, order: &mut Order) -> Result<(), Later> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let mut challenge = authorization.challenge(ChallengeType::Http01).unwrap();
            let proof = challenge.key_authorization();
            let network = &self.surroundings.ca.network.http;
            network.answer_challenge(&challenge.token, proof.as_str());
            challenge.set_ready().await?;
        }
        Ok(())
    }

    async fn revoke(&self, certificate: &Certificate) -> Result<(), Later> {
        let request = RevocationRequest {
            certificate: &CertificateDer::from(certificate.der()),
            reason: Some(RevocationReason::Superseded),
        };
        self.account.revoke(&request).await?;
        let hands = &self.surroundings.hands;
        hands.know_revoked(certificate.serial().clone());
        self.surroundings.step();
        Ok(())
    }
}

impl From<Error> for Later {
    fn from(error: Error) -> Self {
        if let Error::Api(problem) = &error {
            return Self::refused(problem.status.unwrap_or_default(), &error);
        }
        // No answer, or none that could be read.
        Self(error.to_string())
    }
}

/// From pending to valid takes three; the rest is waiting.
const MOST_QUESTIONS: usize = 8;
