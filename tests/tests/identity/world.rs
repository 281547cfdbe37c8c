//! A server, two CI systems, and who may have what.

use std::future::Future;
use std::net::IpAddr;
use std::sync::LazyLock;

use ca_tests::acme::{Order, identifiers};
use ca_tests::api::{Holder, Peer};
use ca_tests::csr::Request;
use ca_tests::server::{OperatorToken, TestCaBuilder};
use ca_tests::{ApiClient, OidcIssuer, RawAcme, TestCa};
use serde_json::{Value, json};
use tokio::runtime::Builder;

use crate::database::{Aside, Kind};
use crate::matrix;

/// A server and those who know it.
pub(crate) struct World {
    pub(crate) ca: TestCa,
    /// A CI system whose tokens are good for some minutes.
    pub(crate) ci: OidcIssuer,
    /// A CI system whose tokens are good once.
    pub(crate) once: OidcIssuer,
    pub(crate) kind: Kind,
    pub(crate) admin: OperatorToken,
}

impl World {
    /// Returns the server of this process, for tests that leave it as it is for others.
    pub(crate) fn shared(kind: Kind) -> &'static Self {
        static SQLITE: LazyLock<World> = LazyLock::new(|| World::start(Kind::Sqlite));
        static POSTGRES: LazyLock<World> = LazyLock::new(|| World::start(Kind::Postgres));
        match kind {
            Kind::Sqlite => &SQLITE,
            Kind::Postgres => &POSTGRES,
        }
    }

    /// Starts a server of one's own.
    pub(crate) fn start(kind: Kind) -> Self {
        let (ci, once) = (OidcIssuer::start("ci.test"), OidcIssuer::start("once.test"));
        let builder = match kind {
            Kind::Sqlite => TestCa::builder(),
            Kind::Postgres => TestCa::builder().on_postgres(),
        };
        let ca = knowing(builder, &ci, &once)
            // Whoever asks often here is a test.
            .set("api.requests_per_minute", 60_000)
            .set("api.burst", 10_000)
            // The sooner an intent's time is up, the sooner it is given up.
            .set("issuer.0.signing_deadline", "1s")
            .append(SECTIONS)
            .append(&matrix::grants())
            .start();
        Self {
            admin: ca.operator_token("admin"),
            ca,
            ci,
            once,
            kind,
        }
    }

    pub(crate) fn admin(&self) -> ApiClient {
        ApiClient::new(&self.ca).bearer(&self.admin.text)
    }

    /// Returns a token of a CI job; the claims are added to what every good token says.
    pub(crate) fn job(&self, subject: &str, claims: &Value) -> String {
        self.ci.token(&job_claims(&self.ci, subject, claims))
    }

    /// Returns a job that may have `*.web.example.internal`.
    pub(crate) fn web_job(&self, subject: &str) -> ApiClient {
        ApiClient::new(&self.ca).bearer(&self.job(subject, &web()))
    }

    /// Adds a client over the API and returns its secret.
    pub(crate) async fn client(&self, id: &str) -> String {
        let added = self.admin().post("/api/v1/clients", &json!({ "id": id }));
        added.send().await.expect_status(201).member("secret")
    }

    /// Obtains a certificate for both ends of TLS by showing control of a name, without any grant.
    pub(crate) async fn holder(&self, name: &str) -> Holder {
        let client = RawAcme::registered(&self.ca).await;
        let payload = json!({ "identifiers": identifiers(&[name]), "profile": "mtls" });
        let answer = client.post(&client.url("newOrder"), &payload).send().await;
        let order = Order::of(&answer.expect_status(201));
        Holder::from(&client.complete(&order, &[name]).await)
    }

    /// Returns a client that shows a certificate.
    pub(crate) fn showing(&self, holder: &Holder, address: Option<IpAddr>) -> ApiClient {
        let peer = Peer {
            address,
            holder: Some(holder.clone()),
        };
        ApiClient::of(&self.ca, &peer)
    }

    /// Reads events as an auditor does, newest first; the filters are a query's.
    pub(crate) async fn events(&self, filters: &str) -> Vec<Value> {
        let token = self.job("auditor", &json!({ "team": "audit" }));
        let auditor = ApiClient::new(&self.ca).bearer(&token);
        let path = format!("/api/v1/audit?limit=1000&{filters}");
        let page = auditor.get(&path).await.expect_status(200).json();
        page["items"].as_array().unwrap().clone()
    }

    /// Reads the states of all certificates for a name, intents included.
    pub(crate) async fn states(&self, name: &str) -> Vec<String> {
        let sql = format!(
            "SELECT state FROM certificate WHERE identifiers LIKE '%{name}%' ORDER BY state"
        );
        self.column(&sql).await
    }

    /// Reads a column beside the server.
    pub(crate) async fn column<T: sea_orm::TryGetable>(&self, sql: &str) -> Vec<T> {
        let aside = Aside::of(&self.ca.database_url()).await;
        let column = aside.column(sql).await;
        aside.close().await;
        column
    }
}

/// Returns what a good token of a job says, and these claims.
pub(crate) fn job_claims(issuer: &OidcIssuer, subject: &str, claims: &Value) -> Value {
    let mut all = issuer.claims(subject, AUDIENCE);
    for (name, value) in claims.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

/// Returns the claims of a job that may have `*.web.example.internal`.
pub(crate) fn web() -> Value {
    json!({ "project_path": "infra/web", "project_id": "42", "ref_protected": "true" })
}

/// Waits for what a test does.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(work)
}

/// Asks for one name with a fresh key.
pub(crate) fn request(name: &str) -> Request {
    Request::for_names(&[name])
}

fn knowing(builder: TestCaBuilder, ci: &OidcIssuer, once: &OidcIssuer) -> TestCaBuilder {
    let section = |name: &str, issuer: &OidcIssuer, single_use: bool| {
        format!(
            r#"
            [[oidc]]
            name = "{name}"
            issuer = "{}"
            audience = "{AUDIENCE}"
            jwks_url = "{}"
            jwks_ca = "{name}.pem"
            algorithms = ["ES256"]
            single_use = {single_use}
            "#,
            issuer.url(),
            issuer.keys_url(),
        )
    };
    builder
        .file("ci.pem", ci.certificate_pem())
        .file("once.pem", once.certificate_pem())
        .append(&section("ci", ci, false))
        .append(&section("once", once, true))
}

/// What jobs ask their CI system to put into `aud`.
pub(crate) const AUDIENCE: &str = "https://ca.test";

/// A directory that gives what grants give and no more, an auditor, and grants with nothing wrong.
const SECTIONS: &str = r#"
    [[acme]]
    name = "granted"
    profiles = ["mtls", "tls-server"]
    default_profile = "mtls"
    external_account = "required"
    challenges = []
    allow = ["dns:**"]

    [[operator]]
    name = "auditors"
    role = "auditor"
    who = { oidc = "ci", claims = { team = "audit" } }

    [[grant]]
    name = "web"
    who = { oidc = "ci", claims = { project_id = "42", ref_protected = "true" } }
    profiles = ["mtls"]
    identifiers = ["dns:*.web.example.internal"]

    [[grant]]
    name = "web-once"
    who = { oidc = "once", claims = { project_id = "42" } }
    profiles = ["mtls"]
    identifiers = ["dns:*.web.example.internal"]

    [[grant]]
    name = "twice"
    who = { oidc = "ci", claims = { team = "twice" } }
    profiles = ["mtls"]
    identifiers = ["dns:*.twice.example.internal"]
    uses = 2

    [[grant]]
    name = "deployer"
    who = { client = "deployer" }
    profiles = ["mtls"]
    identifiers = ["dns:*.deployer.example.internal"]

    [[grant]]
    name = "holders"
    who = { certificate = "*.holders.example.internal" }
    profiles = ["mtls"]
    identifiers = ["dns:*.holders.example.internal"]
"#;
