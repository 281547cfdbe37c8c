//! A client of the JSON API that asks under idempotency keys, again with the same where it got no
//! answer, and revokes.

use std::collections::VecDeque;

use ca_pki::{Certificate, Serial};
use ca_tests::ApiClient;
use ca_tests::acme::Answer;
use ca_tests::api::Call;
use ca_tests::csr::Request;
use serde_json::json;

use super::{Later, REVOKED_OF, Surroundings, until_done};

/// One bearer and its requests.
pub(crate) struct JsonClient {
    surroundings: Surroundings,
    api: ApiClient,
    open: VecDeque<Asked>,
    turns: usize,
}

/// A request that has no answer yet.
struct Asked {
    name: String,
    request: Request,
}

impl JsonClient {
    pub(super) fn new(surroundings: Surroundings, token: &str) -> Self {
        let api = ApiClient::new(&surroundings.ca).bearer(token);
        Self {
            surroundings,
            api,
            open: VecDeque::new(),
            turns: 0,
        }
    }

    /// Obtains one more certificate, every other time for a request that was left.
    pub(super) async fn turn(&mut self) -> Result<(), Later> {
        self.turns += 1;
        if self.open.is_empty() || !self.turns.is_multiple_of(2) {
            let name = self.surroundings.name("json", self.turns);
            let request = Request::for_names(&[&name]);
            self.open.push_front(Asked { name, request });
        }
        let Some(asked) = self.open.pop_front() else {
            return Ok(());
        };
        match self.ask(&asked).await {
            Ok(serial) if self.turns.is_multiple_of(REVOKED_OF) => self.revoke(serial).await,
            Ok(_) => Ok(()),
            Err(later) => {
                self.open.push_back(asked);
                Err(later)
            }
        }
    }

    pub(super) async fn finish(&mut self) {
        while let Some(asked) = self.open.pop_front() {
            until_done(&asked.name, async || self.ask(&asked).await).await;
        }
    }

    async fn ask(&self, asked: &Asked) -> Result<Serial, Later> {
        let call = self.api.issue(&asked.request, "tls-server");
        let answer = answer(call.idempotency_key(&asked.name)).await?;
        let leaf = answer.member("certificate");
        let leaf = Certificate::parse_pem_chain(&leaf).unwrap().remove(0);
        let serial = leaf.serial().clone();
        self.surroundings.hands.hold(leaf);
        self.surroundings.step();
        Ok(serial)
    }

    async fn revoke(&self, serial: Serial) -> Result<(), Later> {
        let path = format!("/api/v1/certificates/{serial}/revoke");
        let body = json!({ "reason": "superseded" });
        answer(self.api.post(&path, &body)).await?;
        self.surroundings.hands.know_revoked(serial);
        self.surroundings.step();
        Ok(())
    }
}

/// Sends a request; 409 says that the same request is still being answered, 429 to go slower.
async fn answer(call: Call) -> Result<Answer, Later> {
    let response = call.prepared().send().await?;
    let status = response.status().as_u16();
    match status {
        200 | 201 => {
            let headers = response.headers().clone();
            let body = response.bytes().await?.to_vec();
            Ok(Answer {
                status,
                headers,
                body,
            })
        }
        409 | 429 | 500.. => Err(Later::refused(status, &response.text().await?)),
        _ => panic!("{status}: {}", response.text().await.unwrap_or_default()),
    }
}

impl From<reqwest::Error> for Later {
    fn from(error: reqwest::Error) -> Self {
        Self(error.to_string())
    }
}
