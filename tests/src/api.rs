//! A client of the JSON API that does as it is told.

mod kept;

use std::net::IpAddr;

use reqwest::header::AUTHORIZATION;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Identity, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::TestCa;
use crate::acme::{Answer, Issued};
use crate::csr::Request;

pub use kept::KeptConnection;

/// A client: where it comes from and what it shows.
#[derive(Clone, Debug)]
pub struct ApiClient {
    base: String,
    http: reqwest::Client,
    bearer: Option<String>,
}

/// How a client is seen before it says anything.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// The address that it calls from, one of 127.0.0.0/8.
    pub address: Option<IpAddr>,
    /// The certificate that it shows.
    pub holder: Option<Holder>,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The certificate and what stands above it.
    pub chain_pem: String,
    /// Its key.
    pub key_pem: String,
}

/// A request not sent yet.
#[derive(Debug)]
#[must_use]
pub struct Call(RequestBuilder);

impl ApiClient {
    /// Makes a client that shows nothing.
    pub fn new(ca: &TestCa) -> Self {
        Self::of(ca, &Peer::default())
    }

    /// Makes a client that is seen as told.
    pub fn of(ca: &TestCa, peer: &Peer) -> Self {
        Self {
            base: format!("https://{}", ca.address("public")),
            http: http_client(ca, peer),
            bearer: None,
        }
    }

    /// Shows a bearer token from now on.
    #[must_use]
    pub fn bearer(mut self, token: &str) -> Self {
        self.bearer = Some(token.to_owned());
        self
    }

    /// Prepares a request.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let call = self.http.request(method, format!("{}{path}", self.base));
        match &self.bearer {
            Some(token) => Call(call).header(AUTHORIZATION.as_str(), &format!("Bearer {token}")),
            None => Call(call),
        }
    }

    /// Sends a GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path).send().await
    }

    /// Sends a DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path).send().await
    }

    /// Prepares a POST of JSON.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        Call(self.call(Method::POST, path).0.json(body))
    }

    /// Sends a form.
    pub async fn form(&self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        let url = reqwest::Url::parse_with_params("https://localhost", parameters);
        let body = url.expect("a URL").query().unwrap_or_default().to_owned();
        let media_type = "application/x-www-form-urlencoded";
        let call = self
            .call(Method::POST, path)
            .header("content-type", media_type);
        Call(call.0.body(body)).send().await
    }

    /// Prepares a request for a certificate.
    pub fn issue(&self, request: &Request, profile: &str) -> Call {
        let body = json!({ "csr": request.pem(), "profile": profile });
        self.post("/api/v1/certificates", &body)
    }

    /// Logs a client in.
    pub async fn log_in(&self, id: &str, secret: &str) -> Answer {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", secret),
        ];
        self.form("/oauth2/token", &form).await
    }

    /// Exchanges a CI system's token.
    pub async fn exchange(&self, subject_token: &str) -> Answer {
        let form = [
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            ("subject_token", subject_token),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ];
        self.form("/oauth2/token", &form).await
    }

    /// Redeems a refresh token.
    pub async fn refresh(&self, id: &str, secret: &str, refresh_token: &str) -> Answer {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
            ("client_id", id),
            ("client_secret", secret),
        ];
        self.form("/oauth2/token", &form).await
    }

    /// Ends the session of the token that it shows; a client's only with the client's credentials.
    ///
    /// # Panics
    ///
    /// Panics if it shows none, or if the server does not end it.
    pub async fn revoke_bearer(&self, credentials: &[(&str, &str)]) {
        let token = self.bearer.as_deref().expect("a token");
        let form = [&[("token", token)], credentials].concat();
        let anonymous = Self {
            bearer: None,
            ..self.clone()
        };
        anonymous
            .form("/oauth2/revoke", &form)
            .await
            .expect_status(200);
    }
}

impl Holder {
    /// Returns the serial as the API writes it.
    pub fn serial(&self) -> String {
        let chain = ca_pki::Certificate::parse_pem_chain(&self.chain_pem);
        chain.expect("a certificate")[0].serial().to_string()
    }

    /// Takes the certificate out of an answer to a request for one.
    pub fn of(answer: &Answer, request: &Request) -> Self {
        Self {
            chain_pem: answer.member("certificate") + &answer.member("chain"),
            key_pem: request.key.serialize_pem(),
        }
    }
}

impl From<&Issued> for Holder {
    fn from(issued: &Issued) -> Self {
        Self {
            chain_pem: issued.chain_pem.clone(),
            key_pem: issued.request.key.serialize_pem(),
        }
    }
}

impl Call {
    /// Adds a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    /// Names the request, so that it can be sent again.
    pub fn idempotency_key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Sends it.
    pub async fn send(self) -> Answer {
        Answer::from(self.0.send().await.expect("the server answers")).await
    }

    /// Hands it out, to send several at once.
    pub fn prepared(self) -> RequestBuilder {
        self.0
    }
}

/// Makes an HTTP client that trusts a CA's root only, follows no redirect and is seen as told.
pub fn http_client(ca: &TestCa, peer: &Peer) -> reqwest::Client {
    let root = std::fs::read(ca.root_file()).expect("the CA has a root");
    let mut builder = reqwest::Client::builder()
        .tls_certs_only([Certificate::from_pem(&root).expect("PEM")])
        .redirect(Policy::none())
        .no_proxy()
        .local_address(peer.address);
    if let Some(Holder { chain_pem, key_pem }) = &peer.holder {
        let pem = [key_pem.as_bytes(), chain_pem.as_bytes()].concat();
        builder = builder.identity(Identity::from_pem(&pem).expect("a certificate and its key"));
    }
    builder.build().expect("a client")
}
