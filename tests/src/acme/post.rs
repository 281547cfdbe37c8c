//! A signed request whose every part may be replaced.

use futures_util::future::join_all;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};
use serde_json::{Map, Value, json};

use super::{AccountKey, Answer, RawAcme};

/// A request not sent yet: right, unless told otherwise.
#[must_use]
pub struct Post<'a> {
    client: &'a RawAcme<'a>,
    target: String,
    method: Method,
    payload: Vec<u8>,
    signer: &'a AccountKey,
    overrides: Map<String, Value>,
    content_type: Option<String>,
    headers: Vec<(String, String)>,
    alterations: Vec<Alteration<'a>>,
    body: Option<Vec<u8>>,
}

type Alteration<'a> = Box<dyn FnOnce(&mut Value) + Send + 'a>;

impl<'a> Post<'a> {
    pub(super) fn new(client: &'a RawAcme<'a>, target: &str, payload: Vec<u8>) -> Self {
        Self {
            client,
            target: target.to_owned(),
            method: Method::POST,
            payload,
            signer: &client.key,
            overrides: Map::new(),
            content_type: Some("application/jose+json".to_owned()),
            headers: Vec::new(),
            alterations: Vec::new(),
            body: None,
        }
    }

    /// Sets a member of the protected header; `null` leaves it out.
    pub fn protected(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.overrides.insert(name.to_owned(), value.into());
        self
    }

    /// Carries the key itself instead of the account's URL.
    pub fn with_jwk(self) -> Self {
        let jwk = self.signer.jwk();
        self.protected("kid", Value::Null).protected("jwk", jwk)
    }

    /// Signs with another key; the header still tells of the client's own.
    pub fn signed_by(mut self, key: &'a AccountKey) -> Self {
        self.signer = key;
        self
    }

    /// Replaces the payload's octets.
    pub fn payload(mut self, octets: impl Into<Vec<u8>>) -> Self {
        self.payload = octets.into();
        self
    }

    /// Changes the JWS after it was signed.
    pub fn alter(mut self, change: impl FnOnce(&mut Value) + Send + 'a) -> Self {
        self.alterations.push(Box::new(change));
        self
    }

    /// Sends this body, whatever was signed.
    pub fn body(mut self, octets: impl Into<Vec<u8>>) -> Self {
        self.body = Some(octets.into());
        self
    }

    /// Sends with this Content-Type, or without one.
    pub fn content_type(mut self, media_type: Option<&str>) -> Self {
        self.content_type = media_type.map(str::to_owned);
        self
    }

    /// Sends to this URL; the signed one stays as it is.
    pub fn to(mut self, target: &str) -> Self {
        let signed = std::mem::replace(&mut self.target, target.to_owned());
        if !self.overrides.contains_key("url") {
            self.overrides.insert("url".to_owned(), signed.into());
        }
        self
    }

    /// Sends with another method.
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Adds an HTTP header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Signs and sends.
    pub async fn send(self) -> Answer {
        let client = self.client;
        let answer = self.prepare().await.send().await;
        let answer = Answer::from(answer.expect("the server answers")).await;
        client.keep_nonce(&answer);
        answer
    }

    /// Signs, to send several times or at a chosen moment.
    pub async fn prepare(self) -> RequestBuilder {
        let protected = self.protected_header().await;
        let mut jws = self.signer.jws(&protected, &self.payload);
        for alter in self.alterations {
            alter(&mut jws);
        }
        let body = self.body.unwrap_or_else(|| jws.to_string().into_bytes());
        let target = self.client.target(&self.target);
        let mut request = self.client.http.request(self.method, target);
        if let Some(media_type) = self.content_type {
            request = request.header(CONTENT_TYPE, media_type);
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        request.body(body)
    }

    async fn protected_header(&self) -> Value {
        let mut header = Map::new();
        header.insert("alg".to_owned(), json!(self.signer.algorithm()));
        match &self.client.kid {
            Some(kid) => header.insert("kid".to_owned(), json!(kid)),
            None => header.insert("jwk".to_owned(), self.client.key.jwk()),
        };
        header.insert("url".to_owned(), json!(self.target));
        if !self.overrides.contains_key("nonce") {
            header.insert("nonce".to_owned(), json!(self.client.nonce().await));
        }
        for (name, value) in &self.overrides {
            if value.is_null() {
                header.remove(name);
            } else {
                header.insert(name.clone(), value.clone());
            }
        }
        Value::Object(header)
    }
}

/// Sends requests at the same moment, as far as one machine can.
pub async fn send_together(posts: Vec<RequestBuilder>) -> Vec<Answer> {
    let sent = join_all(posts.into_iter().map(RequestBuilder::send)).await;
    join_all(
        sent.into_iter()
            .map(|answer| Answer::from(answer.expect("the server answers"))),
    )
    .await
}
