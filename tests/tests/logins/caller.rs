//! A program that logs in and asks who it is.

use std::fs;
use std::process::Output;
use std::time::Duration;

use ca_tests::TestCa;
use reqwest::header::HeaderMap;
use reqwest::{Certificate, Client, Identity, RequestBuilder, StatusCode};
use serde_json::Value;

/// An HTTP client that trusts the CA, with or without a certificate of its own.
pub(crate) struct Caller {
    http: Client,
    base: String,
}

/// A client's id and secret.
#[derive(Clone)]
pub(crate) struct Secret {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// What the server said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Caller {
    pub(crate) fn of(ca: &TestCa) -> Self {
        Self::with(ca, None)
    }

    /// A caller whose connections show a certificate that nobody but itself issued.
    pub(crate) fn with_certificate(ca: &TestCa) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["runner.example".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
        Self::with(ca, Some(Identity::from_pem(pem.as_bytes()).unwrap()))
    }

    fn with(ca: &TestCa, identity: Option<Identity>) -> Self {
        let root = Certificate::from_pem(&fs::read(ca.root_file()).unwrap()).unwrap();
        let builder = Client::builder()
            .tls_certs_only([root])
            .no_proxy()
            .timeout(Duration::from_secs(30));
        let builder = match identity {
            Some(identity) => builder.identity(identity),
            None => builder,
        };
        Self {
            http: builder.build().unwrap(),
            base: ca.external_url(),
        }
    }

    pub(crate) async fn whoami(&self, token: &str) -> Answer {
        let url = format!("{}/api/v1/whoami", self.base);
        answer(self.http.get(url).bearer_auth(token)).await
    }

    /// Posts a form to the token endpoint, with HTTP Basic.
    pub(crate) async fn token(&self, client: &Secret, form: &[(&str, &str)]) -> Answer {
        let request = self.form("/oauth2/token", form);
        answer(request.basic_auth(&client.id, Some(&client.secret))).await
    }

    pub(crate) async fn log_in(&self, client: &Secret) -> Answer {
        self.token(client, &[("grant_type", "client_credentials")])
            .await
    }

    pub(crate) async fn refresh(&self, client: &Secret, token: &str) -> Answer {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.token(client, &form).await
    }

    pub(crate) async fn revoke(&self, client: &Secret, token: &str) -> Answer {
        let request = self.form("/oauth2/revoke", &[("token", token)]);
        answer(request.basic_auth(&client.id, Some(&client.secret))).await
    }

    /// Posts a form without HTTP Basic.
    pub(crate) async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        answer(self.form(path, form)).await
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> Answer {
        let url = format!("{}{path}", self.base);
        answer(self.http.post(url).json(body)).await
    }

    /// Returns every event of a family of kinds, oldest first.
    pub(crate) async fn events(&self, admin: &str, kind: &str) -> Vec<Value> {
        let url = format!("{}/api/v1/audit?order=oldest&kind={kind}", self.base);
        let page = answer(self.http.get(url).bearer_auth(admin)).await;
        assert_eq!(page.status, 200, "{page:?}");
        let events = page.body.as_object().unwrap().values();
        events
            .filter_map(Value::as_array)
            .flatten()
            .cloned()
            .collect()
    }

    fn form(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        let encoded = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        self.http
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(encoded)
    }
}

impl Answer {
    pub(crate) fn text(&self, member: &str) -> &str {
        self.body[member]
            .as_str()
            .unwrap_or_else(|| panic!("no {member} in {self:?}"))
    }

    pub(crate) fn expect_error(&self, status: u16, error: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.body["error"], error, "{self:?}");
        assert_eq!(self.headers["cache-control"], "no-store");
    }
}

/// Adds a client on the command line, beside the running server.
pub(crate) fn add_client(ca: &TestCa, id: &str) -> Secret {
    let output = ca.command(&["client", "add", "--id", id]);
    Secret {
        id: id.to_owned(),
        secret: said(&output, "client secret"),
    }
}

/// Makes an admin token on the command line; returns its id and the token.
pub(crate) fn create_token(ca: &TestCa, name: &str) -> (String, String) {
    let output = ca.command(&["token", "create", "--name", name, "--role", "admin"]);
    (said(&output, "id"), said(&output, "token"))
}

/// Returns what a command printed after a word.
fn said(output: &Output, word: &str) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    let mut values = text.lines().filter_map(|line| line.strip_prefix(word));
    let value = values.find(|rest| rest.starts_with(' '));
    value
        .unwrap_or_else(|| panic!("no {word:?} in {output:?}"))
        .trim()
        .to_owned()
}

async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    Answer {
        status,
        headers,
        body: serde_json::from_str(&text).unwrap_or(Value::Null),
    }
}
