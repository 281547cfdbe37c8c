//! A CI system that signs tokens, a CA that knows it, and accounts for its jobs.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_tests::acme::{AccountKey, Answer, KeyKind, Order, base64url};
use ca_tests::csr::Request;
use ca_tests::{RawAcme, TestCa};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::database::Kind;

/// A CA whose directory `pipelines` offers no challenge at all.
pub(crate) struct World {
    pub(crate) ca: TestCa,
    issuer: AccountKey,
    _folder: TempDir,
}

/// What binds an account.
pub(crate) struct Credential {
    pub(crate) kid: String,
    secret: Vec<u8>,
}

impl World {
    pub(crate) fn on(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let issuer = AccountKey::generate(KeyKind::Es256);
        let key_set = folder.path().join("jwks.json");
        let mut jwk = issuer.jwk();
        jwk["kid"] = json!("one");
        std::fs::write(&key_set, json!({"keys": [jwk]}).to_string()).unwrap();
        let ca = kind.builder().append(&sections(&key_set)).start();
        Self {
            ca,
            issuer,
            _folder: folder,
        }
    }

    /// Signs a token for a job of a project.
    pub(crate) fn token(&self, project: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": "one"});
        let claims = json!({
            "iss": "https://ci.example.internal",
            "aud": "https://ca.example.internal",
            "sub": format!("project:{project}"),
            "iat": now.as_secs(),
            "exp": now.as_secs() + 300,
            "project_id": project,
        });
        let [header, claims] = [header, claims].map(|part| base64url(part.to_string().as_bytes()));
        let signature = self.issuer.sign(format!("{header}.{claims}").as_bytes());
        format!("{header}.{claims}.{}", base64url(&signature))
    }

    /// Asks the API, as a job of project 42.
    pub(crate) async fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.api_as(&self.token("42"), method, path, body).await
    }

    /// Asks the API with a bearer token.
    async fn api_as(&self, bearer: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let url = format!("{}/api/v1{path}", self.ca.external_url());
        let client = ca_tests::acme::http_client(&self.ca);
        let mut request = client
            .request(method.parse().unwrap(), url)
            .bearer_auth(bearer);
        if let Some(body) = body {
            request = request.json(body);
        }
        Answer::from(request.send().await.unwrap()).await
    }

    /// Trades a job's token for a credential.
    pub(crate) async fn mint(&self) -> Credential {
        self.mint_as(&self.token("42")).await
    }

    /// Trades a bearer token for a credential.
    pub(crate) async fn mint_as(&self, bearer: &str) -> Credential {
        let wanted = json!({"directory": "pipelines"});
        let minted = self.api_as(bearer, "POST", "/eab-credentials", Some(&wanted));
        let minted = minted.await;
        let minted = minted.expect_status(201).json();
        Credential::new(
            minted["kid"].as_str().unwrap(),
            minted["hmac_key"].as_str().unwrap(),
        )
    }

    /// Makes a credential at the command line.
    pub(crate) fn create(&self, options: &[&str]) -> Credential {
        let create = ["eab", "create", "--directory", "pipelines"];
        let said = self.command(&[&create, options].concat());
        let value = |label: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(label));
            line.unwrap().trim().to_owned()
        };
        Credential::new(&value("kid"), &value("hmac key"))
    }

    /// Runs a command that must succeed.
    pub(crate) fn command(&self, arguments: &[&str]) -> String {
        let output = self.ca.command(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Registers an account with a credential.
    pub(crate) async fn account(&self, credential: &Credential) -> RawAcme<'_> {
        let mut client = stranger(&self.ca).await;
        let binding = credential.bind(&client);
        let answer = client
            .register(json!({"externalAccountBinding": binding}))
            .await;
        answer.expect_status(201);
        client
    }
}

impl Credential {
    fn new(kid: &str, secret: &str) -> Self {
        Self {
            kid: kid.to_owned(),
            secret: URL_SAFE_NO_PAD.decode(secret).unwrap(),
        }
    }

    pub(crate) fn bind(&self, client: &RawAcme<'_>) -> Value {
        let header = json!({"alg": "HS256", "kid": self.kid, "url": client.url("newAccount")});
        let jwk = client.key.jwk().to_string();
        AccountKey::Secret(self.secret.clone()).jws(&header, jwk.as_bytes())
    }
}

/// A client of the directory `pipelines` without an account.
pub(crate) async fn stranger(ca: &TestCa) -> RawAcme<'_> {
    RawAcme::at(ca, "pipelines", AccountKey::generate(KeyKind::Es256)).await
}

/// Finalizes an order for a new key.
pub(crate) async fn finalize(client: &RawAcme<'_>, order: &Order, names: &[&str]) -> Answer {
    let csr = Request::for_names(names).der;
    client.finalize(order, &csr).await
}

fn sections(key_set: &Path) -> String {
    format!(
        r#"
        [[oidc]]
        name = "ci"
        issuer = "https://ci.example.internal"
        audience = "https://ca.example.internal"
        jwks_file = "{}"
        algorithms = ["ES256"]

        [[grant]]
        name = "jobs"
        who = {{ oidc = "ci", claims = {{ project_id = "42" }} }}
        profiles = ["tls-server"]
        identifiers = ["dns:*.ci.example.internal"]
        max_lifetime = "1h"

        [[grant]]
        name = "staff"
        who = {{ role = "operator" }}
        profiles = ["tls-server"]
        identifiers = ["dns:*.ci.example.internal"]

        [[grant]]
        name = "deployers"
        who = {{ client = "deployer" }}
        profiles = ["tls-server"]
        identifiers = ["dns:*.ci.example.internal"]

        [[acme]]
        name = "pipelines"
        profiles = ["tls-server"]
        default_profile = "tls-server"
        external_account = "required"
        challenges = []
        allow = ["dns:**"]
        "#,
        key_set.display()
    )
}
