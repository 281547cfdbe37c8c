//! The port to what must be remembered about certificates. One method, one transaction.

mod crl;
mod list;
mod record;

use std::time::Duration;

use async_trait::async_trait;
use ca_pki::crl::{CrlEntries, RevocationReason};
use ca_pki::{Identifier, Serial, Timestamp, Validity};

pub use self::crl::{PublishedCrl, RevocationSpan, Revocations};
pub use self::list::{
    CertificateCursor, CertificatePage, CertificateQuery, CertificateStatus, NotACursor,
};
pub use self::record::{CertificateRecord, CertificateState, Standing};
use crate::Actor;
use crate::audit::Event;
use crate::audit::query::{EventPage, EventQuery};
use crate::entitlement::{GrantUse, Idempotency};
use crate::lease::Fence;

/// A serial about to be spent: everything known before the signature.
#[derive(Clone, Debug)]
pub struct Intent {
    /// The serial, unique per issuer.
    pub serial: Serial,
    /// The issuer's configured name.
    pub issuer: String,
    /// The profile's name; internal ones are `ocsp-responder/{issuer}` and `server-tls`.
    pub profile: String,
    /// The names in the certificate.
    pub identifiers: Vec<Identifier>,
    /// notBefore and notAfter.
    pub validity: Validity,
    /// SHA-256 of the SubjectPublicKeyInfo, for revocation by key and reuse checks.
    pub key_fingerprint: [u8; 32],
    /// The bytes that will be signed.
    pub tbs_der: Vec<u8>,
    /// Who asked.
    pub requested_by: Actor,
    /// The ACME order that this certificate answers: it moves from `ready` to `processing`.
    pub order: Option<String>,
    /// The grant that allows it; a limited one loses a use.
    pub grant: Option<GrantUse>,
    /// The request's key, taken from now on.
    pub idempotency: Option<Idempotency>,
    /// What the door knew when it decided; a JSON object.
    pub provenance: Option<serde_json::Value>,
    /// When the serial was spent.
    pub recorded_at: Timestamp,
    /// Until when the result is awaited, by the clock that all servers share
    /// ([`Ledger::shared_moment`]); past it `settle` burns the serial.
    pub settle_after: Timestamp,
}

/// An intent without a result.
#[derive(Clone, Debug)]
pub struct Unfinished {
    /// The serial.
    pub serial: Serial,
    /// The issuer's configured name.
    pub issuer: String,
    /// The order that waits for it.
    pub order: Option<String>,
}

/// A request that was answered under an idempotency key, or is being answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierRequest {
    /// SHA-256 of what was asked.
    pub request_hash: [u8; 32],
    /// The issuer's configured name.
    pub issuer: String,
    /// The certificate, perhaps not signed yet.
    pub serial: Serial,
}

/// What became of a request to revoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokeOutcome {
    /// Revoked now.
    Revoked,
    /// It was revoked (or burned) before; nothing changed.
    AlreadyRevoked,
    /// No such certificate.
    Unknown,
}

/// Why the ledger could not do its part. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The state moved in between (compare-and-swap failed): somebody else was first.
    #[error("the record has moved on")]
    Conflict,
    /// The grant has no uses left: its owner grants more.
    #[error("the grant has no uses left")]
    GrantUsedUp,
    /// The grant is no longer in the store, or has ended: it was withdrawn after it was judged.
    #[error("the grant was withdrawn")]
    GrantWithdrawn,
    /// The idempotency key is taken: the caller looks at what it was taken for.
    #[error("the idempotency key is taken")]
    Duplicate,
    /// The store is unreachable, full or overloaded: ask again later.
    #[error("the store is not available")]
    Unavailable {
        /// How long to wait before asking again.
        retry_after: Duration,
        /// What happened, for the log.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row that does not read back: the operator looks into it.
    #[error("the store holds a row that does not read back: {0}")]
    Corrupt(String),
}

/// What the corridor needs remembered. Every method is one durable transaction, its event
/// included: when it returns `Ok`, the change survives a power cut.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Spends the serial: inserts the intent; an order named in it must be `ready` and becomes
    /// `processing`, else `Conflict`. A serial already present is `Conflict`.
    ///
    /// A grant that is kept in the store must still be there, and stays until the intent is
    /// durable, or it is `GrantWithdrawn`. A limited one loses one use, or it is `GrantUsedUp`; an idempotency key is taken for
    /// [`Idempotency::KEPT`], or it is `Duplicate`.
    async fn record_intent(&self, intent: &Intent, event: Event) -> Result<(), LedgerError>;

    /// Stores the signed certificate: `Intended -> Valid`; the order becomes `valid`. `Conflict`
    /// if the serial was burned meanwhile: then the signature must be thrown away.
    async fn record_result(
        &self,
        issuer: &str,
        serial: &Serial,
        certificate_der: &[u8],
        event: Event,
    ) -> Result<(), LedgerError>;

    /// Burns an unfinished serial: `Intended -> Burned`; the order goes back to `ready`, the grant
    /// gets its use back and the idempotency key is free again.
    async fn burn(&self, issuer: &str, serial: &Serial, event: Event) -> Result<(), LedgerError>;

    /// Lists intents whose `settle_after` is at or before `moment`, oldest first, at most 1,000.
    /// Those whose `settle_after` is more than an hour later are among them: no issuance takes that
    /// long, so they were recorded while a clock was ahead, and must not wait until it comes true.
    async fn unfinished(&self, moment: Timestamp) -> Result<Vec<Unfinished>, LedgerError>;

    /// Revokes a valid certificate.
    async fn revoke(
        &self,
        issuer: &str,
        serial: &Serial,
        reason: RevocationReason,
        event: Event,
    ) -> Result<RevokeOutcome, LedgerError>;

    /// Reads one certificate.
    async fn certificate(
        &self,
        issuer: &str,
        serial: &Serial,
    ) -> Result<Option<CertificateRecord>, LedgerError>;

    /// Reads where one certificate stands, for OCSP: of all reads the most frequent.
    async fn standing(
        &self,
        issuer: &str,
        serial: &Serial,
    ) -> Result<Option<Standing>, LedgerError> {
        let record = self.certificate(issuer, serial).await?;
        Ok(record.map(|record| Standing {
            state: record.state,
            not_after: record.validity.not_after,
        }))
    }

    /// Lists certificates that were signed, newest first, revoked and expired ones included.
    async fn certificates(&self, query: &CertificateQuery) -> Result<CertificatePage, LedgerError>;

    /// Finds what an idempotency key of `actor` was taken for, if that was less than
    /// [`Idempotency::KEPT`] before `moment`.
    async fn idempotent(
        &self,
        actor: &str,
        key: &str,
        moment: Timestamp,
    ) -> Result<Option<EarlierRequest>, LedgerError>;

    /// Tells whether a certificate with this key was revoked because the key is compromised.
    async fn is_compromised(&self, key_fingerprint: &[u8; 32]) -> Result<bool, LedgerError>;

    /// Adds what is revoked or burned to the entries of a CRL, in order of the numbers.
    ///
    /// Numbers become visible in their order, so a span up to the epoch is whole. One that is
    /// missing belongs to a certificate that was pruned, or to a revocation by a server of an
    /// earlier release: [`Ledger::number_revocations`] gives it another.
    async fn collect_revocations(
        &self,
        issuer: &str,
        span: RevocationSpan,
        entries: CrlEntries,
    ) -> Result<Revocations, LedgerError>;

    /// Gives a number to each revocation of the issuer that has none.
    async fn number_revocations(&self, issuer: &str) -> Result<(), LedgerError>;

    /// Returns a counter that grows with every revocation or burning of the issuer, so that a
    /// publisher (on any server) sees that its CRL is out of date without scanning.
    async fn revocation_epoch(&self, issuer: &str) -> Result<u64, LedgerError>;

    /// Draws the issuer's next CRL number, durable before it is returned, never twice.
    async fn next_crl_number(&self, issuer: &str) -> Result<u64, LedgerError>;

    /// Stores a CRL as the current one unless one with a higher number or a later epoch is there
    /// (`Conflict`): a slow server must not take revocations back out of the list. `Conflict` too
    /// if the lease behind `fence` has passed to somebody else: one that was frozen and wakes up
    /// must not publish beside its successor.
    async fn publish_crl(
        &self,
        issuer: &str,
        crl: &PublishedCrl,
        fence: &Fence,
        event: Event,
    ) -> Result<(), LedgerError>;

    /// Reads the number of the current CRL; what it costs does not grow with the list.
    async fn current_crl_number(&self, issuer: &str) -> Result<Option<u64>, LedgerError>;

    /// Reads the current CRL.
    async fn current_crl(&self, issuer: &str) -> Result<Option<PublishedCrl>, LedgerError>;

    /// Appends an event that has no change of its own (a refusal).
    async fn append_event(&self, event: Event) -> Result<(), LedgerError>;

    /// Reads a page of the log.
    async fn events(&self, query: &EventQuery) -> Result<EventPage, LedgerError>;

    /// Returns this moment by the clock that all who share the store go by: leases must not depend
    /// on how far servers' own clocks are apart.
    async fn shared_moment(&self) -> Result<Timestamp, LedgerError>;

    /// Takes or renews the lease on a piece of background work for `holder`, valid for `span`.
    /// Returns the fencing number, or `None` while somebody else holds it or writes under it.
    async fn claim(
        &self,
        work: &str,
        holder: &str,
        moment: Timestamp,
        span: Duration,
    ) -> Result<Option<u64>, LedgerError>;

    /// Ends a lease that `holder` has, after whatever is written under it at this moment. If it is
    /// somebody else's, nothing happens.
    async fn give_back(&self, work: &str, holder: &str) -> Result<(), LedgerError>;
}
