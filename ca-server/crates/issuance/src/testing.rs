//! A world for this room's tests: a ledger in memory, a clock that is set by hand, an issuer.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ca_keys::{SigningKey, SoftwareKey};
use ca_pki::authority::{self, RootRequest, SubordinateRequest};
use ca_pki::certificate::{PathLength, Template, name_from_text};
use ca_pki::crl::{RevocationReason, RevokedCertificate};
use ca_pki::{Certificate, KeyAlgorithm, Serial, Timestamp, Validity};
use tokio_util::task::TaskTracker;

use crate::audit::Event;
use crate::ledger::{
    CertificateRecord, CertificateState, Intent, Ledger, LedgerError, PublishedCrl, RevokeOutcome,
    Unfinished,
};
use crate::respond::responder_profile;
use crate::world::SystemEntropy;
use crate::{Clock, Corridor, CorridorParts, Issuer, IssuerParts, Policy};

/// A corridor over a ledger in memory, with one issuer called `tls`.
pub(crate) struct World {
    pub(crate) corridor: Arc<Corridor>,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) clock: Arc<HandClock>,
}

impl World {
    /// A world at noon, 2026-11-21.
    pub(crate) fn new() -> Self {
        Self::over(Arc::new(MemoryLedger::default()))
    }

    /// A world whose issuer has a new key but whose ledger is an old one.
    pub(crate) fn over(ledger: Arc<MemoryLedger>) -> Self {
        let clock = Arc::new(HandClock(AtomicI64::new(NOON)));
        let corridor = Corridor::new(CorridorParts {
            policy: Policy::new([responder_profile("tls").expect("the name is plain")]),
            issuers: vec![issuer(clock.now())],
            ledger: ledger.clone(),
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy::default()),
            tasks: TaskTracker::new(),
        });
        Self {
            corridor,
            ledger,
            clock,
        }
    }

    pub(crate) fn issuer(&self) -> &Issuer {
        self.corridor.issuer("tls").expect("it was put in")
    }

    /// Puts a certificate into the ledger without issuing it.
    pub(crate) fn insert(&self, serial: &str, state: CertificateState) -> Serial {
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
            order: None,
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
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn advance(&self, span: Duration) {
        let secs = i64::try_from(span.as_secs()).expect("tests do not wait that long");
        self.0.fetch_add(secs, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_secs(self.0.load(Ordering::SeqCst))
    }
}

/// A ledger of one issuer in memory. Durable until the test ends.
#[derive(Debug, Default)]
pub(crate) struct MemoryLedger {
    state: Mutex<State>,
    away: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    certificates: BTreeMap<Serial, CertificateRecord>,
    epoch: u64,
    crl_number: u64,
    crl: Option<PublishedCrl>,
    events: Vec<Event>,
}

impl MemoryLedger {
    /// Makes every call fail until told otherwise.
    pub(crate) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.state().events.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no test panics with the lock held")
    }

    fn reach(&self) -> Result<MutexGuard<'_, State>, LedgerError> {
        if self.away.load(Ordering::SeqCst) {
            let source: Box<dyn Error + Send + Sync> = "the store is away".into();
            return Err(LedgerError::Unavailable {
                retry_after: Duration::from_secs(1),
                source,
            });
        }
        Ok(self.state())
    }
}

impl State {
    /// Moves a certificate from one state to another, or says that it was not there.
    fn swap(
        &mut self,
        serial: &Serial,
        from: CertificateState,
        to: CertificateState,
    ) -> Result<&mut CertificateRecord, LedgerError> {
        let record = self
            .certificates
            .get_mut(serial)
            .ok_or(LedgerError::Conflict)?;
        if record.state != from {
            return Err(LedgerError::Conflict);
        }
        record.state = to;
        Ok(record)
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn record_intent(&self, intent: &Intent, event: Event) -> Result<(), LedgerError> {
        let mut state = self.reach()?;
        if state.certificates.contains_key(&intent.serial) {
            return Err(LedgerError::Conflict);
        }
        let record = CertificateRecord {
            serial: intent.serial.clone(),
            issuer: intent.issuer.clone(),
            profile: intent.profile.clone(),
            identifiers: intent.identifiers.clone(),
            validity: intent.validity,
            key_fingerprint: intent.key_fingerprint,
            requested_by: intent.requested_by.clone(),
            order: intent.order.clone(),
            state: CertificateState::Intended,
            der: None,
        };
        state.certificates.insert(intent.serial.clone(), record);
        state.events.push(event);
        Ok(())
    }

    async fn record_result(
        &self,
        _issuer: &str,
        serial: &Serial,
        certificate_der: &[u8],
        event: Event,
    ) -> Result<(), LedgerError> {
        let mut state = self.reach()?;
        let record = state.swap(serial, CertificateState::Intended, CertificateState::Valid)?;
        record.der = Some(certificate_der.to_vec());
        state.events.push(event);
        Ok(())
    }

    async fn burn(&self, _issuer: &str, serial: &Serial, event: Event) -> Result<(), LedgerError> {
        let mut state = self.reach()?;
        let burned = CertificateState::Burned { at: event.at };
        state.swap(serial, CertificateState::Intended, burned)?;
        state.epoch += 1;
        state.events.push(event);
        Ok(())
    }

    async fn unfinished(&self, _moment: Timestamp) -> Result<Vec<Unfinished>, LedgerError> {
        let state = self.reach()?;
        let intended = state
            .certificates
            .values()
            .filter(|record| record.state == CertificateState::Intended);
        let unfinished = intended.map(|record| Unfinished {
            serial: record.serial.clone(),
            issuer: record.issuer.clone(),
            order: record.order.clone(),
        });
        Ok(unfinished.collect())
    }

    async fn revoke(
        &self,
        _issuer: &str,
        serial: &Serial,
        reason: RevocationReason,
        event: Event,
    ) -> Result<RevokeOutcome, LedgerError> {
        let mut state = self.reach()?;
        if !state.certificates.contains_key(serial) {
            return Ok(RevokeOutcome::Unknown);
        }
        let revoked = CertificateState::Revoked {
            at: event.at,
            reason,
        };
        if state
            .swap(serial, CertificateState::Valid, revoked)
            .is_err()
        {
            return Ok(RevokeOutcome::AlreadyRevoked);
        }
        state.epoch += 1;
        state.events.push(event);
        Ok(RevokeOutcome::Revoked)
    }

    async fn certificate(
        &self,
        _issuer: &str,
        serial: &Serial,
    ) -> Result<Option<CertificateRecord>, LedgerError> {
        Ok(self.reach()?.certificates.get(serial).cloned())
    }

    async fn revoked(
        &self,
        _issuer: &str,
        moment: Timestamp,
    ) -> Result<Vec<RevokedCertificate>, LedgerError> {
        let state = self.reach()?;
        let listed = |record: &CertificateRecord| {
            let (revoked_at, reason) = match record.state {
                CertificateState::Revoked { at, reason } => (at, reason),
                CertificateState::Burned { at } => (at, RevocationReason::Unspecified),
                CertificateState::Intended | CertificateState::Valid => return None,
            };
            let serial = record.serial.clone();
            let entry = RevokedCertificate {
                serial,
                revoked_at,
                reason,
            };
            (record.validity.not_after >= moment).then_some(entry)
        };
        Ok(state.certificates.values().filter_map(listed).collect())
    }

    async fn revocation_epoch(&self, _issuer: &str) -> Result<u64, LedgerError> {
        Ok(self.reach()?.epoch)
    }

    async fn next_crl_number(&self, _issuer: &str) -> Result<u64, LedgerError> {
        let mut state = self.reach()?;
        state.crl_number += 1;
        Ok(state.crl_number)
    }

    async fn publish_crl(
        &self,
        _issuer: &str,
        crl: &PublishedCrl,
        event: Event,
    ) -> Result<(), LedgerError> {
        let mut state = self.reach()?;
        if state
            .crl
            .as_ref()
            .is_some_and(|stored| stored.number > crl.number)
        {
            return Err(LedgerError::Conflict);
        }
        state.crl = Some(crl.clone());
        state.events.push(event);
        Ok(())
    }

    async fn current_crl(&self, _issuer: &str) -> Result<Option<PublishedCrl>, LedgerError> {
        Ok(self.reach()?.crl.clone())
    }

    async fn append_event(&self, event: Event) -> Result<(), LedgerError> {
        self.reach()?.events.push(event);
        Ok(())
    }

    async fn claim(
        &self,
        _work: &str,
        _holder: &str,
        _moment: Timestamp,
        _span: Duration,
    ) -> Result<Option<u64>, LedgerError> {
        Ok(Some(1))
    }
}

/// An intermediate with a key in memory, below a root of its own.
fn issuer(now: Timestamp) -> Issuer {
    let root_key = SoftwareKey::generate(KeyAlgorithm::EcP256).expect("a key is made");
    let key = SoftwareKey::generate(KeyAlgorithm::EcP256).expect("a key is made");
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
        key: Arc::new(key),
        crl_url: "http://ca.example.internal/crl/tls.crl".into(),
        ocsp_url: "http://ca.example.internal/ocsp/tls".into(),
        certificate_url: "http://ca.example.internal/issuers/tls.cer".into(),
        signing_deadline: Duration::from_secs(10),
    };
    Issuer::new(parts, now).expect("the parts belong together")
}

fn signed(template: &Template, key: &SoftwareKey) -> Certificate {
    let tbs = template.to_be_signed().expect("the template is sound");
    let deadline = Instant::now() + Duration::from_secs(10);
    let signature = key.sign_blocking(&tbs, deadline).expect("the key signs");
    Certificate::assemble(&tbs, key.algorithm(), &signature).expect("it reads back")
}

const NOON: i64 = 1_795_262_400;
const DAY: Duration = Duration::from_secs(86_400);
