//! A whole ACME service over a real store, in a world that does what it is told: the clock stands
//! still until it is moved, and validation ends as scripted, when it is let go on.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_acme::account::Registered;
use ca_acme::authorization::ChallengeKind;
use ca_acme::directory::{Directory, ExternalAccountRule};
use ca_acme::limits::Limits;
use ca_acme::request::{AccountRequest, Unverified};
use ca_acme::validator::Attempt;
use ca_acme::{Acme, AcmeParts, Error, Problem, ProblemKind, Validator};
use ca_identity::{Access, AccessParts, Rules};
use ca_issuance::pattern::{Scope, Wildcards};
use ca_issuance::profile::{
    CiClaims, Holder, IdentifierKind, Pointer, Profile, RevocationRule, SubjectRule,
};
use ca_issuance::respond::responder_profile;
use ca_issuance::world::SystemEntropy;
use ca_issuance::{Clock, Corridor, CorridorParts, Issuer, IssuerParts, Ledger, Policy};
use ca_keys::{SigningKey, SoftwareKey};
use ca_pki::authority::{self, RootRequest, SubordinateRequest};
use ca_pki::certificate::{
    ExtendedKeyUsage, NameConstraints, PathLength, Subtrees, Template, name_from_text,
};
use ca_pki::{Certificate, Identifier, KeyAlgorithm, Serial, Timestamp, Validity};
use ca_store::{Options, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// Everything around an ACME service, and the service.
pub(crate) struct World {
    pub(crate) acme: Arc<Acme>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) validator: Arc<ScriptedValidator>,
    pub(crate) corridor: Arc<Corridor>,
    pub(crate) store: Store,
    tasks: TaskTracker,
    _folder: Option<TempDir>,
}

/// What outlives a server: where its data is, its issuer, the time.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) url: String,
    pub(crate) clock: Arc<HandClock>,
    issuer: Issuer,
}

/// Somebody with an account.
pub(crate) struct Client {
    acme: Arc<Acme>,
    pub(crate) account: AccountHolder,
}

/// What a client keeps while there is no server.
#[derive(Clone)]
pub(crate) struct AccountHolder {
    pair: Arc<EcdsaKeyPair>,
    kid: String,
}

/// A clock that is moved by hand.
pub(crate) struct HandClock(AtomicI64);

/// A validator that does as the test says.
#[derive(Default)]
pub(crate) struct ScriptedValidator {
    refused: Mutex<BTreeMap<String, ProblemKind>>,
    forbidden_by_caa: Mutex<Option<ProblemKind>>,
    held: Mutex<Option<Arc<Semaphore>>>,
    pub(crate) attempts: AtomicUsize,
    pub(crate) caa_checks: AtomicUsize,
}

impl World {
    /// Makes a world whose server waits for every validation.
    pub(crate) async fn new() -> Self {
        Self::waiting(Duration::from_secs(60)).await
    }

    /// Makes a world whose server waits for none.
    pub(crate) async fn impatient() -> Self {
        Self::waiting(Duration::ZERO).await
    }

    async fn waiting(answer_wait: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("ca.db").display());
        let key = SoftwareKey::generate(KeyAlgorithm::EcP256).unwrap();
        let ground = Ground::new(url, Arc::new(key));
        let store = ground.connect().await;
        store.migrate().await.unwrap();
        let ledger = Arc::new(store.clone());
        let mut world = Self::on(&ground, store, ledger, answer_wait).await;
        world._folder = Some(folder);
        world
    }

    /// Makes a world on a migrated store, whose corridor remembers through `ledger`.
    pub(crate) async fn on(
        ground: &Ground,
        store: Store,
        ledger: Arc<dyn Ledger>,
        answer_wait: Duration,
    ) -> Self {
        let tasks = TaskTracker::new();
        let corridor = Corridor::new(CorridorParts {
            policy: Policy::new([
                profile("tls-server"),
                profile("mtls"),
                responder_profile("tls").unwrap(),
            ]),
            issuers: vec![ground.issuer.clone()],
            ledger,
            clock: ground.clock.clone(),
            entropy: Arc::new(SystemEntropy::default()),
            tasks: tasks.clone(),
        });
        let validator = Arc::new(ScriptedValidator::default());
        let acme = start(&store, &corridor, &validator, &tasks, answer_wait).await;
        Self {
            acme,
            clock: ground.clock.clone(),
            validator,
            corridor,
            store,
            tasks,
            _folder: None,
        }
    }

    /// Forgets what only memory held, as a crash does.
    pub(crate) async fn restart(&mut self) {
        self.tasks = TaskTracker::new();
        self.validator = Arc::new(ScriptedValidator::default());
        self.acme = start(
            &self.store,
            &self.corridor,
            &self.validator,
            &self.tasks,
            Duration::ZERO,
        )
        .await;
    }

    /// Waits until the work in the background is done.
    pub(crate) async fn settle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    pub(crate) async fn client(&self) -> Client {
        let pair = Arc::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
        let path = "/acme/default/new-account";
        let body = sign(&self.acme, &pair, path, &("jwk", jwk(&pair)), "{}");
        let request = self
            .acme
            .accept_from_key(unverified(path, &body))
            .await
            .unwrap();
        let account = match self.acme.register(request).await.unwrap() {
            Registered::Created(account) | Registered::Existing(account) => account,
        };
        let kid = self.acme.urls().account("default", &account.id);
        self.client_of(&AccountHolder { pair, kid })
    }

    /// A client that has an account already.
    pub(crate) fn client_of(&self, account: &AccountHolder) -> Client {
        Client {
            acme: self.acme.clone(),
            account: account.clone(),
        }
    }
}

impl Ground {
    /// Data at this URL, an issuer `tls` that signs with this key.
    pub(crate) fn new(url: String, key: Arc<dyn SigningKey>) -> Self {
        let clock = Arc::new(HandClock(AtomicI64::new(1_800_000_000)));
        let issuer = issuer(clock.now(), key);
        Self { url, clock, issuer }
    }

    /// Opens a store.
    pub(crate) async fn connect(&self) -> Store {
        let options = Options::new(self.clock.clone());
        Store::connect(&self.url, options).await.unwrap()
    }
}

async fn start(
    store: &Store,
    corridor: &Arc<Corridor>,
    validator: &Arc<ScriptedValidator>,
    tasks: &TaskTracker,
    answer_wait: Duration,
) -> Arc<Acme> {
    let access = Access::new(AccessParts {
        store: Arc::new(store.clone()),
        corridor: corridor.clone(),
        external_url: "https://ca.example".parse().unwrap(),
        rules: Rules::default(),
    });
    let acme = Acme::new(AcmeParts {
        store: Arc::new(store.clone()),
        corridor: corridor.clone(),
        access: Arc::new(access.await.unwrap()),
        validator: validator.clone(),
        tasks: tasks.clone(),
        external_url: "https://ca.example".parse().unwrap(),
        directories: vec![directory()],
        limits: Limits::default(),
    });
    Arc::new(acme.await.unwrap().with_answer_wait(answer_wait))
}

impl Client {
    /// Signs a payload for any resource and has it accepted.
    pub(crate) async fn sends(&self, payload: &str) -> AccountRequest {
        self.sends_signed(&self.signs(payload)).await.unwrap()
    }

    /// Signs a payload for any resource.
    pub(crate) fn signs(&self, payload: &str) -> String {
        let kid = json!(self.account.kid);
        let pair = &self.account.pair;
        sign(&self.acme, pair, ANYTHING, &("kid", kid), payload)
    }

    /// Has a signed request accepted, or not.
    pub(crate) async fn sends_signed(&self, body: &str) -> Result<AccountRequest, Error> {
        let request = unverified(ANYTHING, body);
        self.acme.accept_from_account(request).await
    }

    /// Goes on with the service that came up after a restart.
    pub(crate) fn reconnects(&mut self, world: &World) {
        self.acme = world.acme.clone();
    }

    /// The account's own key as a certificate key, in PKCS#8.
    pub(crate) fn own_key(&self) -> rcgen::KeyPair {
        let der = self.account.pair.to_pkcs8v1().unwrap();
        rcgen::KeyPair::try_from(der.as_ref()).unwrap()
    }
}

impl HandClock {
    pub(crate) fn advance(&self, span: Duration) {
        let secs = i64::try_from(span.as_secs()).unwrap();
        self.0.fetch_add(secs, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_secs(self.0.load(Ordering::SeqCst))
    }
}

impl ScriptedValidator {
    /// Fails every challenge for this name.
    pub(crate) fn refuse(&self, name: &str, kind: ProblemKind) {
        self.refused.lock().unwrap().insert(name.to_owned(), kind);
    }

    /// Fails it no more.
    pub(crate) fn relent(&self, name: &str) {
        self.refused.lock().unwrap().remove(name);
    }

    /// Ends every later check of CAA so.
    pub(crate) fn end_caa_checks_with(&self, kind: ProblemKind) {
        *self.forbidden_by_caa.lock().unwrap() = Some(kind);
    }

    /// Lets no validation end before [`ScriptedValidator::release`].
    pub(crate) fn hold(&self) {
        *self.held.lock().unwrap() = Some(Arc::new(Semaphore::new(0)));
    }

    pub(crate) fn release(&self) {
        if let Some(held) = self.held.lock().unwrap().take() {
            held.close();
        }
    }
}

#[async_trait]
impl Validator for ScriptedValidator {
    async fn validate(&self, attempt: &Attempt) -> Result<(), Problem> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        let held = self.held.lock().unwrap().clone();
        if let Some(held) = held {
            let _closed = held.acquire().await;
        }
        let name = attempt.identifier.value();
        match self.refused.lock().unwrap().get(&name) {
            Some(kind) => Err(Problem::new(*kind, "scripted")),
            None => Ok(()),
        }
    }

    async fn check_caa(
        &self,
        _identifier: &Identifier,
        _wildcard: bool,
        _challenge: Option<ChallengeKind>,
        _account_url: &str,
    ) -> Result<(), Problem> {
        self.caa_checks.fetch_add(1, Ordering::SeqCst);
        match *self.forbidden_by_caa.lock().unwrap() {
            Some(kind) => Err(Problem::new(kind, "scripted")),
            None => Ok(()),
        }
    }
}

/// Returns the problem that an operation was refused with.
pub(crate) fn refusal<T>(result: Result<T, Error>) -> Problem {
    match result {
        Ok(_) => panic!("nothing was refused"),
        Err(Error::Refused(problem)) => *problem,
        Err(other) => panic!("{other:?}"),
    }
}

/// Makes a finalize payload.
pub(crate) fn finalize_payload(key: &rcgen::KeyPair, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = rcgen::CertificateParams::new(names).unwrap();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    let csr = parameters.serialize_request(key).unwrap();
    json!({ "csr": URL_SAFE_NO_PAD.encode(csr.der()) }).to_string()
}

fn unverified<'a>(path: &'a str, body: &'a str) -> Unverified<'a> {
    Unverified {
        directory: "default",
        path_and_query: path,
        body: body.as_bytes(),
        address: IpAddr::from([192, 0, 2, 1]),
    }
}

fn sign(
    acme: &Acme,
    pair: &EcdsaKeyPair,
    path: &str,
    (member, key): &(&str, Value),
    payload: &str,
) -> String {
    let mut header = json!({
        "alg": "ES256",
        "nonce": acme.fresh_nonce().unwrap(),
        "url": format!("https://ca.example{path}"),
    });
    header[*member] = key.clone();
    let protected = URL_SAFE_NO_PAD.encode(header.to_string());
    let payload = URL_SAFE_NO_PAD.encode(payload);
    let message = format!("{protected}.{payload}");
    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    let signature = URL_SAFE_NO_PAD.encode(signature.as_ref());
    json!({ "protected": protected, "payload": payload, "signature": signature }).to_string()
}

fn jwk(pair: &EcdsaKeyPair) -> Value {
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    json!({
        "kty": "EC",
        "crv": "P-256",
        "x": URL_SAFE_NO_PAD.encode(x),
        "y": URL_SAFE_NO_PAD.encode(y),
    })
}

fn directory() -> Directory {
    let described = |name: &str| (name.to_owned(), "for tests".to_owned());
    Directory {
        name: "default".to_owned(),
        profiles: BTreeMap::from([described("tls-server"), described("mtls")]),
        default_profile: "tls-server".to_owned(),
        external_account: ExternalAccountRule::Off,
        challenges: BTreeSet::from([
            ChallengeKind::Http01,
            ChallengeKind::Dns01,
            ChallengeKind::TlsAlpn01,
        ]),
        scope: Scope {
            allow: vec!["dns:**".parse().unwrap(), "ip:10.0.0.0/8".parse().unwrap()],
            deny: vec!["dns:vault.example".parse().unwrap()],
            wildcards: Wildcards::Allowed,
        },
        terms_of_service: None,
        website: None,
        caa_identities: Vec::new(),
        order_lifetime: Duration::from_secs(7 * 24 * 3_600),
        authorization_lifetime: Duration::from_secs(7 * 24 * 3_600),
    }
}

fn profile(name: &str) -> Profile {
    Profile {
        name: name.to_owned(),
        description: "for tests".to_owned(),
        issuer: "tls".to_owned(),
        lifetime: Duration::from_secs(24 * 3_600),
        max_lifetime: Duration::from_secs(24 * 3_600),
        backdate: Duration::from_secs(60),
        keys: BTreeSet::from([KeyAlgorithm::EcP256]),
        extended_key_usage: vec![ExtendedKeyUsage::ServerAuth],
        identifiers: BTreeSet::from([IdentifierKind::Dns, IdentifierKind::Ip]),
        subject: SubjectRule::Empty,
        revocation: RevocationRule::Published {
            crl: Pointer::Included,
            ocsp: Pointer::Included,
        },
        ci_claims: CiClaims::LeftOut,
        holder: Holder::EndEntity,
    }
}

fn issuer(now: Timestamp, intermediate_key: Arc<dyn SigningKey>) -> Issuer {
    let validity = Validity {
        not_before: now.minus(Duration::from_secs(24 * 3_600)),
        not_after: now.plus(Duration::from_secs(365 * 24 * 3_600)),
    };
    let key = || SoftwareKey::generate(KeyAlgorithm::EcP256).unwrap();
    let (root_key, other_root_key) = (key(), key());
    let root = root_of(&root_key, "CN=Root", validity);
    let other_root = root_of(&other_root_key, "CN=Other Root", validity);
    let below = |authority: &Certificate, signer: &SoftwareKey, serial: u8| {
        let template = authority::subordinate(
            authority,
            subordinate(intermediate_key.as_ref(), validity, serial),
        );
        signed(&template, signer)
    };
    let parts = IssuerParts {
        name: "tls".to_owned(),
        chain: vec![below(&root, &root_key, 2)],
        alternate_chains: vec![vec![below(&other_root, &other_root_key, 3)]],
        root,
        key: Arc::clone(&intermediate_key),
        crl_url: "http://ca.example/crl/tls.crl".to_owned(),
        ocsp_url: "http://ca.example/ocsp/tls".to_owned(),
        certificate_url: "http://ca.example/issuers/tls.cer".to_owned(),
        signing_deadline: Duration::from_secs(10),
    };
    Issuer::new(parts, now).unwrap()
}

fn root_of(key: &SoftwareKey, subject: &str, validity: Validity) -> Certificate {
    let template = authority::root(RootRequest {
        subject_der: name_from_text(subject).unwrap(),
        public_key: key.public_key().clone(),
        serial: Serial::from_be_bytes(&[1]).unwrap(),
        validity,
    });
    signed(&template, key)
}

fn subordinate(key: &dyn SigningKey, validity: Validity, serial: u8) -> SubordinateRequest {
    SubordinateRequest {
        subject_der: name_from_text("CN=Intermediate").unwrap(),
        public_key: key.public_key().clone(),
        serial: Serial::from_be_bytes(&[serial]).unwrap(),
        validity,
        path_length: PathLength::AtMost(0),
        extended_key_usage: vec![ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::OcspSigning],
        name_constraints: Some(NameConstraints {
            permitted: Subtrees::default(),
            excluded: Subtrees {
                dns: vec!["constrained.example".to_owned()],
                ..Subtrees::default()
            },
        }),
        crl_urls: Vec::new(),
        issuer_urls: Vec::new(),
    }
}

fn signed(template: &Template, key: &SoftwareKey) -> Certificate {
    let bytes = template.to_be_signed().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let signature = key.sign_blocking(&bytes, deadline).unwrap();
    Certificate::assemble(&bytes, key.algorithm(), &signature).unwrap()
}

const ANYTHING: &str = "/acme/default/anything";
