use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use ca_acme::authorization::ChallengeKind;
use ca_acme::directory::{Directory, ExternalAccountRule};
use ca_acme::limits::Limits;
use ca_acme::validator::Attempt;
use ca_acme::{Acme, AcmeParts, Problem, Validator};
use ca_identity::grant::{GrantSpec, Origin};
use ca_identity::operator::NewOperatorToken;
use ca_identity::testing::TestIssuer;
use ca_identity::{Access, AccessParts, IdentityStore, Role, Rules};
use ca_issuance::audit::query::EventQuery;
use ca_issuance::pattern::{Scope, Wildcards};
use ca_issuance::profile::{
    CiClaims, Holder, IdentifierKind, Pointer, Profile, RevocationRule, SubjectRule,
};
use ca_issuance::world::SystemEntropy;
use ca_issuance::{Actor, Clock, Corridor, CorridorParts, Ledger, Policy};
use ca_pki::certificate::ExtendedKeyUsage;
use ca_pki::{Certificate, Identifier, KeyAlgorithm};
use ca_store::{Options, Store};
use rcgen::{CertificateParams, KeyPair};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::config::{AddressLimits, ApiSection, LimitsSection};
use crate::http::api::{ApiParts, Rates, router};
use crate::http::limits::RequestLimits;
use crate::http::pki::{Root, Roots};
use crate::http::testing::{DAY, HandClock, issuer};
use crate::tls::client::PeerCertificate;

pub(super) const BASE: &str = "https://ca.example";
pub(super) const SERIAL_OF_NOTHING: &str = "0102030405060708090a0b0c0d0e0f1011121314";

/// A server without sockets: a client `deployer` with a grant for `**.ci.example`, an OIDC issuer
/// `gitlab`, and a token for each role.
pub(super) struct World {
    router: Router,
    pub(super) document: Value,
    pub(super) store: Store,
    pub(super) clock: Arc<HandClock>,
    pub(super) gitlab: Arc<TestIssuer>,
    pub(super) secret: String,
    tokens: [(Role, String); 3],
    _folder: TempDir,
}

/// A request on its way.
pub(super) struct Call<'a> {
    world: &'a World,
    request: Request<Body>,
}

/// What the server said.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
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

impl Call<'_> {
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = value.parse().unwrap();
        self.request.headers_mut().append(name, value);
        self
    }

    pub(super) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Comes from another address.
    pub(super) fn from(mut self, peer: [u8; 4]) -> Self {
        let peer = ConnectInfo(SocketAddr::from((peer, 1_024)));
        self.request.extensions_mut().insert(peer);
        self
    }

    /// Sends the operator token of a role.
    pub(super) fn by(self, role: Role) -> Self {
        let token = self.world.tokens.iter().find(|(one, _)| *one == role);
        let token = token.unwrap().1.clone();
        self.bearer(&token)
    }

    /// Sends it over a connection on which this certificate was shown.
    pub(super) fn over(mut self, certificate: &Certificate) -> Self {
        let leaf = PeerCertificate(certificate.der().into());
        self.request.extensions_mut().insert(leaf);
        self
    }

    pub(super) fn json(self, body: &Value) -> Self {
        self.text("application/json", body.to_string())
    }

    pub(super) fn text(self, kind: &str, body: String) -> Self {
        let mut call = self.header("content-type", kind);
        *call.request.body_mut() = Body::from(body);
        call
    }

    pub(super) async fn send(self) -> Answer {
        let router = self.world.router.clone();
        let response = router.oneshot(self.request).await.unwrap();
        let (head, body) = response.into_parts();
        Answer {
            status: head.status,
            headers: head.headers,
            body: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        }
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn json(&self) -> Value {
        let parsed = serde_json::from_slice(&self.body);
        parsed.unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns `status kind` of a problem, after checking what every problem must have.
    pub(super) fn refusal(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        assert_eq!(self.header("cache-control"), "no-store");
        let problem = self.json();
        let kind = problem["type"].as_str().unwrap();
        let kind = kind.strip_prefix("urn:ca:problem:").unwrap();
        assert_eq!(problem["status"], self.status.as_u16());
        for member in ["title", "detail"] {
            assert!(!problem[member].as_str().unwrap().is_empty());
        }
        format!("{} {kind}", self.status.as_u16())
    }

    /// Returns the certificate of an answer that holds one.
    pub(super) fn certificate(&self) -> Certificate {
        let pem = self.json()["certificate"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let chain = Certificate::parse_pem_chain(&pem);
        chain
            .unwrap_or_else(|error| panic!("{error}: {self:?}"))
            .remove(0)
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

async fn parts(
    store: &Store,
    clock: &Arc<HandClock>,
    gitlab: &Arc<TestIssuer>,
    rates: &ApiSection,
) -> (Arc<Access>, Arc<Acme>, ApiParts) {
    let tasks = TaskTracker::new();
    let issuer = issuer(clock.now());
    let roots = Roots(vec![Root {
        certificate: issuer.root().clone(),
        crl: None,
        issuers: vec!["tls".to_owned()],
    }]);
    let corridor = Corridor::new(CorridorParts {
        policy: Policy::new([profile()]),
        issuers: vec![issuer],
        ledger: Arc::new(store.clone()),
        clock: clock.clone(),
        entropy: Arc::new(SystemEntropy::default()),
        tasks: tasks.clone(),
    });
    let access = Access::new(AccessParts {
        store: Arc::new(store.clone()),
        corridor: Arc::clone(&corridor),
        external_url: BASE.parse().unwrap(),
        rules: rules(gitlab),
    });
    let access = Arc::new(access.await.unwrap());
    let acme = Acme::new(AcmeParts {
        store: Arc::new(store.clone()),
        corridor: Arc::clone(&corridor),
        access: Arc::clone(&access),
        validator: Arc::new(Nobody),
        tasks,
        external_url: BASE.parse().unwrap(),
        directories: vec![directory()],
        limits: Limits::default(),
    });
    let acme = Arc::new(acme.await.unwrap());
    let parts = ApiParts {
        access: Arc::clone(&access),
        acme: Arc::clone(&acme),
        corridor,
        profiles: vec!["mtls".to_owned()],
        roots: Arc::new(arc_swap::ArcSwap::from_pointee(roots)),
        external_url: BASE.parse().unwrap(),
        rates: Rates::new(rates),
        limits: Arc::new(RequestLimits::new(&LimitsSection::default())),
    };
    (access, acme, parts)
}

fn rules(gitlab: &Arc<TestIssuer>) -> Rules {
    let grants = [
        json!({
            "name": "deployments",
            "who": {"client": "deployer"},
            "profiles": ["mtls"],
            "identifiers": ["dns:**.ci.example", "uri:spiffe://example/*"],
        }),
        json!({
            "name": "short",
            "who": {"oidc": "gitlab", "claims": {"ref_protected": "true"}},
            "profiles": ["mtls"],
            "identifiers": ["dns:*.jobs.example"],
            "max_lifetime": "1h",
        }),
    ];
    let grants = grants.into_iter().map(|grant| {
        let spec: GrantSpec = serde_json::from_value(grant).unwrap();
        Arc::new(spec.compile(Origin::Configured).unwrap())
    });
    Rules {
        providers: vec![gitlab.provider("gitlab", BASE)],
        grants: grants.collect(),
        profiles: BTreeSet::from(["mtls".to_owned()]),
        ..Rules::default()
    }
}

fn profile() -> Profile {
    Profile {
        name: "mtls".to_owned(),
        description: "both ends".to_owned(),
        issuer: "tls".to_owned(),
        lifetime: DAY,
        max_lifetime: DAY,
        backdate: Duration::from_secs(60),
        keys: BTreeSet::from([KeyAlgorithm::EcP256]),
        extended_key_usage: vec![ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth],
        identifiers: BTreeSet::from([IdentifierKind::Dns, IdentifierKind::Uri]),
        subject: SubjectRule::Empty,
        revocation: RevocationRule::Published {
            crl: Pointer::Included,
            ocsp: Pointer::Included,
        },
        ci_claims: CiClaims::LeftOut,
        holder: Holder::EndEntity,
    }
}

fn directory() -> Directory {
    Directory {
        name: "default".to_owned(),
        profiles: [("mtls".to_owned(), "both ends".to_owned())].into(),
        default_profile: "mtls".to_owned(),
        external_account: ExternalAccountRule::Optional,
        challenges: BTreeSet::from([ChallengeKind::Http01]),
        scope: Scope {
            allow: vec!["dns:**".parse().unwrap()],
            deny: Vec::new(),
            wildcards: Wildcards::Allowed,
        },
        terms_of_service: None,
        website: None,
        caa_identities: Vec::new(),
        order_lifetime: DAY,
        authorization_lifetime: DAY,
    }
}

/// Nothing is validated over this door.
struct Nobody;

#[async_trait]
impl Validator for Nobody {
    async fn validate(&self, _: &Attempt) -> Result<(), Problem> {
        Ok(())
    }

    async fn check_caa(
        &self,
        _: &Identifier,
        _: bool,
        _: Option<ChallengeKind>,
        _: &str,
    ) -> Result<(), Problem> {
        Ok(())
    }
}
