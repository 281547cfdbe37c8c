//! A world for tests, of this room and of those above it: a ledger in memory, a clock that is set by hand, an issuer.

mod key;
mod ledger;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use ca_keys::{SigningKey, SoftwareKey};
use ca_pki::authority::{self, RootRequest, SubordinateRequest};
use ca_pki::certificate::{ExtendedKeyUsage, PathLength, Template, name_from_text};
use ca_pki::{Certificate, KeyAlgorithm, Serial, Timestamp, Validity};
use tokio_util::task::TaskTracker;

pub use self::key::{FaultyKey, KeyFault};
pub use self::ledger::MemoryLedger;
use crate::ledger::{CertificateRecord, CertificateState};
use crate::profile::{
    CiClaims, Holder, IdentifierKind, Pointer, Profile, RevocationRule, SubjectRule,
};
use crate::respond::responder_profile;
use crate::world::SystemEntropy;
use crate::{Clock, Corridor, CorridorParts, Issuer, IssuerParts, Ledger, Policy};

/// A corridor over a ledger in memory, with one issuer called `tls`.
pub struct World {
    /// The corridor.
    pub corridor: Arc<Corridor>,
    /// What it remembers.
    pub ledger: Arc<MemoryLedger>,
    /// What it takes for the time.
    pub clock: Arc<HandClock>,
    /// The issuer's key.
    pub key: Arc<FaultyKey>,
}

impl World {
    /// A world at noon, 2026-11-21.
    pub fn at_noon() -> Self {
        Self::over(Arc::new(MemoryLedger::default()))
    }

    /// A world whose issuer has a new key but whose ledger is an old one.
    pub fn over(ledger: Arc<MemoryLedger>) -> Self {
        let clock = Arc::new(HandClock::at_noon());
        let key = Arc::new(FaultyKey::default());
        let corridor = Self::corridor_with(key.clone(), ledger.clone(), clock.clone());
        Self {
            corridor,
            ledger,
            clock,
            key,
        }
    }

    /// Returns a corridor with the same issuer over any ledger.
    pub fn corridor(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>) -> Arc<Corridor> {
        Self::corridor_with(Arc::new(FaultyKey::default()), ledger, clock)
    }

    fn corridor_with(
        key: Arc<FaultyKey>,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Corridor> {
        Corridor::new(CorridorParts {
            policy: Policy::new([
                responder_profile("tls").expect("the name is plain"),
                tls_server(),
                mtls(),
                client(),
            ]),
            issuers: vec![issuer(clock.now(), key)],
            ledger,
            clock,
            entropy: Arc::new(SystemEntropy::default()),
            tasks: TaskTracker::new(),
        })
    }

    /// Returns the issuer.
    pub fn issuer(&self) -> &Issuer {
        self.corridor.issuer("tls").expect("it was put in")
    }

    /// Puts a certificate into the ledger without issuing it.
    pub fn insert(&self, serial: &str, state: CertificateState) -> Serial {
        let serial = Serial::parse_hex(serial).expect("the test's serial is valid");
        let now = self.clock.now();
        let record = CertificateRecord {
            serial: serial.clone(),
            issuer: "tls".into(),
            profile: "tls-server".into(),
            identifiers: Vec::new(),
            validity: Validity {
                not_before: now,
                not_after: now.plus(DAY),
            },
            key_fingerprint: [0; 32],
            requested_by: "system".into(),
            requester: "system".into(),
            order: None,
            grant: None,
            provenance: None,
            recorded_at: now,
            state,
            der: None,
        };
        self.ledger
            .state()
            .certificates
            .insert(serial.clone(), record);
        serial
    }
}

/// A clock that moves when told.
#[derive(Debug)]
pub struct HandClock {
    secs: AtomicI64,
    begun: Instant,
}

impl HandClock {
    fn at_noon() -> Self {
        Self {
            secs: AtomicI64::new(NOON),
            begun: Instant::now(),
        }
    }

    /// Moves on.
    pub fn advance(&self, span: Duration) {
        let secs = i64::try_from(span.as_secs()).expect("tests do not wait that long");
        self.secs.fetch_add(secs, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_secs(self.secs.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Instant {
        let noon = Timestamp::from_unix_secs(NOON);
        self.begun + self.now().since(noon)
    }
}

/// An intermediate with a key in memory, below a root of its own.
fn issuer(now: Timestamp, key: Arc<FaultyKey>) -> Issuer {
    let root_key = SoftwareKey::generate(KeyAlgorithm::EcP256).expect("a key is made");
    let validity = Validity {
        not_before: now.minus(DAY),
        not_after: now.plus(DAY * 365),
    };
    let serial = |octet| Serial::from_be_bytes(&[octet; 16]).expect("it is positive");
    let name = |text| name_from_text(text).expect("the test's name is valid");
    let root = signed(
        &authority::root(RootRequest {
            subject_der: name("CN=Example Root"),
            public_key: root_key.public_key().clone(),
            serial: serial(1),
            validity,
        }),
        &root_key,
    );
    let template = authority::subordinate(
        &root,
        SubordinateRequest {
            subject_der: name("CN=Example Issuing CA"),
            public_key: key.public_key().clone(),
            serial: serial(2),
            validity,
            path_length: PathLength::AtMost(0),
            extended_key_usage: Vec::new(),
            name_constraints: None,
            crl_urls: vec!["http://ca.example.internal/crl/root.crl".into()],
            issuer_urls: Vec::new(),
        },
    );
    let parts = IssuerParts {
        name: "tls".into(),
        chain: vec![signed(&template, &root_key)],
        root,
        alternate_chains: Vec::new(),
        key,
        crl_url: "http://ca.example.internal/crl/tls.crl".into(),
        ocsp_url: "http://ca.example.internal/ocsp/tls".into(),
        certificate_url: "http://ca.example.internal/issuers/tls.cer".into(),
        signing_deadline: Duration::from_secs(10),
    };
    Issuer::new(parts, now).expect("the parts belong together")
}

/// A profile as operators configure it.
fn tls_server() -> Profile {
    Profile {
        name: "tls-server".into(),
        description: "server certificates".into(),
        issuer: "tls".into(),
        lifetime: DAY,
        max_lifetime: DAY,
        backdate: Duration::from_secs(60),
        keys: BTreeSet::from([KeyAlgorithm::EcP256, KeyAlgorithm::Rsa { bits: 2048 }]),
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

/// Both ends of mutual TLS, with a subject from the grant.
fn mtls() -> Profile {
    Profile {
        name: "mtls".into(),
        extended_key_usage: vec![ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth],
        identifiers: BTreeSet::from([IdentifierKind::Dns, IdentifierKind::Ip, IdentifierKind::Uri]),
        subject: SubjectRule::Grant,
        ..tls_server()
    }
}

/// Clients known by subject, by names or by what a CI system says of them.
fn client() -> Profile {
    Profile {
        name: "client".into(),
        extended_key_usage: vec![ExtendedKeyUsage::ClientAuth],
        identifiers: BTreeSet::from([
            IdentifierKind::Dns,
            IdentifierKind::Ip,
            IdentifierKind::Uri,
            IdentifierKind::Email,
        ]),
        ci_claims: CiClaims::Included,
        ..mtls()
    }
}

fn signed(template: &Template, key: &SoftwareKey) -> Certificate {
    let tbs = template.to_be_signed().expect("the template is sound");
    let deadline = Instant::now() + Duration::from_secs(10);
    let signature = key.sign_blocking(&tbs, deadline).expect("the key signs");
    Certificate::assemble(&tbs, key.algorithm(), &signature).expect("it reads back")
}

const NOON: i64 = 1_795_262_400;
const DAY: Duration = Duration::from_secs(86_400);
