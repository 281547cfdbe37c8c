//! An ACME client that does as it is told, right or wrong.

mod answer;
mod external_account;
mod flow;
mod key;
mod post;

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::TestCa;
use crate::api::{self, Peer};

pub use answer::Answer;
pub use flow::{Issued, Order, challenge_of, identifiers, revocation};
pub use key::{AccountKey, KeyKind, base64url};
pub use post::{Post, send_together};

/// A client with a key and, once registered, an account.
#[derive(Clone, Debug)]
pub struct RawAcme<'ca> {
    /// The server that it speaks to.
    pub ca: &'ca TestCa,
    /// The account key.
    pub key: Arc<AccountKey>,
    /// The account's URL.
    pub kid: Option<String>,
    http: reqwest::Client,
    directory: Arc<Value>,
    nonces: Arc<Mutex<Vec<String>>>,
    detour: Option<Detour>,
}

/// Sends what is meant for one server to another of the same cluster.
#[derive(Clone, Debug)]
struct Detour {
    external_url: String,
    address: String,
}

impl<'ca> RawAcme<'ca> {
    /// Makes a client of the directory `default` with a fresh P-256 key and no account.
    pub async fn new(ca: &'ca TestCa) -> Self {
        Self::at(ca, "default", AccountKey::generate(KeyKind::Es256)).await
    }

    /// Makes a client and registers it.
    pub async fn registered(ca: &'ca TestCa) -> Self {
        let mut client = Self::new(ca).await;
        client.register(json!({})).await.expect_status(201);
        client
    }

    /// Makes a client of a directory with this key and no account.
    pub async fn at(ca: &'ca TestCa, directory: &str, key: AccountKey) -> Self {
        Self::of(ca, directory, key, &Peer::default()).await
    }

    /// Makes a client that is seen as told.
    pub async fn of(ca: &'ca TestCa, directory: &str, key: AccountKey, peer: &Peer) -> Self {
        let http = api::http_client(ca, peer);
        let url = ca.directory_url(directory);
        let answer = http.get(&url).send().await.expect("the server answers");
        let answer = Answer::from(answer).await.expect_status(200);
        Self {
            ca,
            key: Arc::new(key),
            kid: None,
            http,
            directory: Arc::new(answer.json()),
            nonces: Arc::default(),
            detour: None,
        }
    }

    /// Makes the same client, account and nonces included, whose requests reach another server of
    /// the cluster, as behind a load balancer.
    pub fn through<'other>(&self, server: &'other TestCa) -> RawAcme<'other> {
        RawAcme {
            ca: server,
            key: Arc::clone(&self.key),
            kid: self.kid.clone(),
            http: http_client(server),
            directory: Arc::clone(&self.directory),
            nonces: Arc::clone(&self.nonces),
            detour: Some(Detour {
                external_url: server.external_url(),
                address: format!("https://{}", server.address("public")),
            }),
        }
    }

    /// Makes another client of the same directory with this key and no account.
    pub fn with_key(&self, key: AccountKey) -> Self {
        Self {
            key: Arc::new(key),
            kid: None,
            nonces: Arc::default(),
            ..self.clone()
        }
    }

    /// Returns the directory object.
    pub fn directory(&self) -> &Value {
        &self.directory
    }

    /// Returns a URL in the directory: `newOrder`, `keyChange`, …
    pub fn url(&self, resource: &str) -> String {
        let url = self.directory[resource].as_str();
        url.unwrap_or_else(|| panic!("the directory has no {resource}"))
            .to_owned()
    }

    /// Takes a nonce that was not used yet.
    pub async fn nonce(&self) -> String {
        let kept = self.nonces.lock().unwrap().pop();
        match kept {
            Some(nonce) => nonce,
            None => self.fresh_nonce().await,
        }
    }

    /// Asks newNonce.
    pub async fn fresh_nonce(&self) -> String {
        let answer = self
            .http
            .head(self.target(&self.url("newNonce")))
            .send()
            .await;
        let answer = Answer::from(answer.expect("the server answers")).await;
        let nonce = answer.header("replay-nonce").expect("newNonce gives one");
        nonce.to_owned()
    }

    /// Prepares a POST, signed by the account, or by the bare key while there is none.
    pub fn post(&self, url: &str, payload: &Value) -> Post<'_> {
        Post::new(self, url, payload.to_string().into_bytes())
    }

    /// Prepares a POST-as-GET.
    pub fn read(&self, url: &str) -> Post<'_> {
        Post::new(self, url, Vec::new())
    }

    /// Sends a GET.
    pub async fn get(&self, url: &str) -> Answer {
        let answer = self.http.get(self.target(url)).send().await;
        Answer::from(answer.expect("the server answers")).await
    }

    /// Returns the HTTP client, which trusts the CA's root only and follows no redirect.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Gives up connections that a restart of the server has ended.
    pub fn reconnect(&mut self) {
        self.http = http_client(self.ca);
    }

    /// Sends newAccount and remembers the account.
    pub async fn register(&mut self, payload: Value) -> Answer {
        let answer = self.post(&self.url("newAccount"), &payload).with_jwk();
        let answer = answer.send().await;
        if (200..300).contains(&answer.status) {
            self.kid = answer.header("location").map(str::to_owned);
        }
        answer
    }

    /// Returns where a request for this URL goes.
    fn target(&self, url: &str) -> String {
        let detour = self.detour.as_ref();
        detour
            .and_then(|detour| {
                let path = url.strip_prefix(&detour.external_url)?;
                Some(format!("{}{path}", detour.address))
            })
            .unwrap_or_else(|| url.to_owned())
    }

    fn keep_nonce(&self, answer: &Answer) {
        if let Some(nonce) = answer.header("replay-nonce") {
            self.nonces.lock().unwrap().push(nonce.to_owned());
        }
    }
}

/// Makes an HTTP client that trusts a CA's root only and follows no redirect.
pub fn http_client(ca: &TestCa) -> reqwest::Client {
    api::http_client(ca, &Peer::default())
}
