//! Requests that write, prepared so that they can be sent again.

use ca_tests::acme::{
    AccountKey, Answer, KeyKind, base64url, challenge_of, identifiers, revocation,
};
use ca_tests::csr::Request;
use ca_tests::{RawAcme, TestCa};
use serde_json::{Value, json};

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// newAccount.
    Register,
    /// New contacts.
    ChangeContact,
    /// The end of an account that has an order.
    Deactivate,
    /// newOrder.
    PlaceOrder,
    /// The answer to a challenge.
    AnswerChallenge,
    /// finalize.
    Finalize,
    /// revokeCert.
    Revoke,
}

/// A client before its request.
pub(crate) struct Scene<'ca> {
    pub(crate) client: RawAcme<'ca>,
    target: String,
    payload: Value,
    resource: String,
}

impl Act {
    /// Brings a client to where it can ask.
    pub(crate) async fn prepare(self, ca: &TestCa) -> Scene<'_> {
        let client = match self {
            Self::Register => {
                RawAcme::at(ca, "default", AccountKey::generate(KeyKind::Es256)).await
            }
            Self::ChangeContact
            | Self::Deactivate
            | Self::PlaceOrder
            | Self::AnswerChallenge
            | Self::Finalize
            | Self::Revoke => RawAcme::registered(ca).await,
        };
        let account = client.kid.clone().unwrap_or_default();
        match self {
            Self::Register => Scene::of(client.url("newAccount"), json!({}), client),
            Self::ChangeContact => {
                let payload = json!({ "contact": ["mailto:other@example.internal"] });
                Scene::of(account, payload, client)
            }
            Self::Deactivate => {
                client.order(&[NAME]).await;
                Scene::of(account, json!({ "status": "deactivated" }), client)
            }
            Self::PlaceOrder => {
                let payload = json!({ "identifiers": identifiers(&[NAME]) });
                Scene::of(client.url("newOrder"), payload, client)
            }
            Self::AnswerChallenge => answer(client).await,
            Self::Finalize => finalize(client).await,
            Self::Revoke => {
                let issued = client.obtain(&[NAME]).await;
                let payload = revocation(&issued.leaf_der(), Some(1));
                Scene::of(client.url("revokeCert"), payload, client)
            }
        }
    }
}

async fn answer(client: RawAcme<'_>) -> Scene<'_> {
    let order = client.order(&[NAME]).await;
    let url = order.authorizations().remove(0);
    let authorization = client.read(&url).send().await.json();
    let challenge = challenge_of(&authorization, "http-01");
    client.publish(&authorization, &challenge);
    let target = challenge["url"].as_str().unwrap().to_owned();
    let mut scene = Scene::of(target, json!({}), client);
    scene.resource = url;
    scene
}

async fn finalize(client: RawAcme<'_>) -> Scene<'_> {
    let order = client.order(&[NAME]).await;
    let order = client.prove(&order).await;
    let csr = base64url(&Request::for_names(&[NAME]).der);
    let target = order.finalize().to_owned();
    Scene::of(target, json!({ "csr": csr }), client)
}

impl<'ca> Scene<'ca> {
    fn of(target: String, payload: Value, client: RawAcme<'ca>) -> Self {
        Self {
            client,
            target,
            payload,
            resource: String::new(),
        }
    }

    /// Sends the request, with a nonce of its own.
    pub(crate) async fn send(&self) -> Answer {
        self.client.post(&self.target, &self.payload).send().await
    }

    /// Waits until nothing goes on behind the answer.
    pub(crate) async fn ends(&self) {
        if !self.resource.is_empty() {
            self.client.wait_while(&self.resource, "pending").await;
        }
    }

    /// Returns the URL of the authorization that the challenge belongs to.
    pub(crate) fn resource(&self) -> &str {
        &self.resource
    }
}

const NAME: &str = "statement.example.internal";
