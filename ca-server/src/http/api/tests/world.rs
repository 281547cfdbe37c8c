mod parts;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use ca_identity::operator::NewOperatorToken;
use ca_identity::testing::TestIssuer;
use ca_identity::{IdentityStore, Role};
use ca_issuance::audit::query::EventQuery;
use ca_issuance::world::SystemEntropy;
use ca_issuance::{Actor, Clock, Ledger};
use ca_store::{Options, Store};
use rcgen::{CertificateParams, KeyPair};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::parts::parts;
use super::call::{Answer, Call};
use crate::config::{AddressLimits, ApiSection, LimitsSection};
use crate::http::api::{ApiParts, router};
use crate::http::limits::RequestLimits;
use crate::http::testing::HandClock;

pub(super) const BASE: &str = "https://ca.example";
pub(super) const SERIAL_OF_NOTHING: &str = "0102030405060708090a0b0c0d0e0f1011121314";

/// A server without sockets: a client `deployer` with a grant for `**.ci.example`, an OIDC issuer
/// `gitlab`, and a token for each role.
pub(super) struct World {
    pub(super) router: Router,
    pub(super) document: Value,
    pub(super) store: Store,
    pub(super) clock: Arc<HandClock>,
    pub(super) gitlab: Arc<TestIssuer>,
    pub(super) secret: String,
    pub(super) tokens: [(Role, String); 3],
    _folder: TempDir,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with_rates(&ApiSection::default(), &LimitsSection::default()).await
    }

    /// Makes a world in which each caller may ask `burst` times at once.
    pub(super) async fn with_burst(burst: u32) -> Self {
        let burst = NonZeroU32::new(burst).unwrap();
        let section = ApiSection {
            requests_per_minute: burst,
            burst,
        };
        Self::with_rates(&section, &LimitsSection::default()).await
    }

    /// Makes a world in which each address may ask `burst` times at once.
    pub(super) async fn with_burst_of_addresses(burst: u32) -> Self {
        let address = AddressLimits {
            requests_per_minute: burst,
            burst,
            ..AddressLimits::default()
        };
        let limits = LimitsSection {
            address,
            ..LimitsSection::default()
        };
        Self::with_rates(&ApiSection::default(), &limits).await
    }

    async fn with_rates(rates: &ApiSection, limits: &LimitsSection) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock::default());
        let store = store(&folder, &clock).await;
        let gitlab = Arc::new(TestIssuer::new("https://gitlab.example"));
        let (access, acme, parts) = parts(&store, &clock, &gitlab, rates).await;
        let new = ca_identity::client::NewClient {
            id: "deployer".to_owned(),
            role: None,
            comment: String::new(),
        };
        let (_, secret) = access.add_client(new, Actor::System).await.unwrap();
        let router = router(ApiParts {
            access,
            acme,
            limits: Arc::new(RequestLimits::new(limits)),
            ..parts
        });
        let mut world = Self {
            router,
            document: Value::Null,
            tokens: [
                operator_token(&store, Role::Admin).await,
                operator_token(&store, Role::Operator).await,
                operator_token(&store, Role::Auditor).await,
            ],
            store,
            clock,
            gitlab,
            secret: secret.expose_secret().to_owned(),
            _folder: folder,
        };
        world.document = world.get("/api/v1/openapi.json").send().await.json();
        world
    }

    pub(super) fn call(&self, method: &str, path: &str) -> Call<'_> {
        let peer = ConnectInfo(SocketAddr::from(([10, 1, 2, 3], 1_024)));
        let request = Request::builder().method(method).uri(path).extension(peer);
        Call {
            world: self,
            request: request.body(Body::empty()).unwrap(),
        }
    }

    pub(super) fn get(&self, path: &str) -> Call<'_> {
        self.call("GET", path)
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Call<'_> {
        self.call("POST", path).json(body)
    }

    /// Posts a form.
    pub(super) fn form(&self, path: &str, body: &str) -> Call<'_> {
        let mut call = self.call("POST", path);
        let kind = "application/x-www-form-urlencoded".parse().unwrap();
        call.request.headers_mut().insert("content-type", kind);
        *call.request.body_mut() = Body::from(body.to_owned());
        call
    }

    /// Logs the client in and returns the answer's JSON.
    pub(super) async fn log_in(&self) -> Value {
        let form = format!(
            "grant_type=client_credentials&client_id=deployer&client_secret={}",
            self.secret
        );
        let answer = self.form("/oauth2/token", &form).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Logs the client in and returns its access token.
    pub(super) async fn deployer(&self) -> String {
        self.log_in().await["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Returns a CI token of a job on a protected branch, made now.
    pub(super) fn ci_token(&self) -> String {
        let now = self.clock.now();
        let mut claims = self.gitlab.claims("project_path:infra/web", BASE, now);
        claims.insert("ref_protected".to_owned(), json!("true"));
        self.gitlab.token(&claims)
    }

    /// Has a certificate issued to the client.
    pub(super) async fn issue(&self, token: &str, names: &[&str]) -> Answer {
        let body = json!({"csr": csr(names), "profile": "mtls"});
        self.post("/api/v1/certificates", &body)
            .bearer(token)
            .send()
            .await
    }

    /// Returns kind and actor of every event so far, newest first.
    pub(super) async fn events(&self) -> Vec<(String, String)> {
        let query = EventQuery {
            limit: 1_000,
            ..EventQuery::default()
        };
        let page = self.store.events(&query).await.unwrap();
        let events = page.events.into_iter();
        events.map(|event| (event.kind, event.actor)).collect()
    }

    /// Returns method and path of every route of the document.
    pub(super) fn routes(&self) -> BTreeSet<(String, String)> {
        let paths = self.document["paths"].as_object().unwrap();
        let routes = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(|method| (method.to_uppercase(), path.clone()))
        });
        routes.collect()
    }
}

/// Makes a CSR with a fresh key in PEM; names with a colon are URIs.
pub(super) fn csr(names: &[&str]) -> String {
    csr_with(&KeyPair::generate().unwrap(), names)
}

pub(super) fn csr_with(key: &KeyPair, names: &[&str]) -> String {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.subject_alt_names = names
        .iter()
        .map(|name| match name.contains(':') {
            true => rcgen::SanType::URI((*name).try_into().unwrap()),
            false => rcgen::SanType::DnsName((*name).try_into().unwrap()),
        })
        .collect();
    params.serialize_request(key).unwrap().pem().unwrap()
}

async fn store(folder: &TempDir, clock: &Arc<HandClock>) -> Store {
    let url = format!("sqlite://{}", folder.path().join("ca.db").display());
    let store = Store::connect(&url, Options::new(clock.clone()))
        .await
        .unwrap();
    store.migrate().await.unwrap();
    store.begin_serving().await.unwrap();
    store
}

async fn operator_token(store: &Store, role: Role) -> (Role, String) {
    let new = NewOperatorToken {
        name: format!("an-{role}"),
        role,
        lifetime: None,
    };
    let now = HandClock::default().now();
    let (token, text) = new.draw(now, &SystemEntropy::default()).unwrap();
    let event = token.created(Actor::System);
    store.add_operator_token(token, event).await.unwrap();
    (role, text.expose_secret().to_owned())
}
