//! What is known of a certificate.

use ca_pki::crl::RevocationReason;
use ca_pki::{Identifier, Serial, Timestamp, Validity};

/// Where a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateState {
    /// Recorded, not signed as far as the store knows.
    Intended,
    /// Signed and handed out.
    Valid,
    /// Revoked on request.
    Revoked {
        /// When.
        at: Timestamp,
        /// Why.
        reason: RevocationReason,
    },
    /// Intended and never finished: nobody may hold it; listed as revoked.
    Burned {
        /// When it was burned.
        at: Timestamp,
    },
}

/// What is said of a certificate to whoever asks by its serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where it stands.
    pub state: CertificateState,
    /// notAfter.
    pub not_after: Timestamp,
}

/// A certificate as the store knows it.
#[derive(Clone, Debug)]
pub struct CertificateRecord {
    /// The serial.
    pub serial: Serial,
    /// The issuer's configured name.
    pub issuer: String,
    /// The profile's name.
    pub profile: String,
    /// The names in the certificate.
    pub identifiers: Vec<Identifier>,
    /// notBefore and notAfter.
    pub validity: Validity,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub key_fingerprint: [u8; 32],
    /// Who asked, in [`Actor`](crate::Actor)'s text form.
    pub requested_by: String,
    /// Who asked, without what it acted through ([`Actor::requester`](crate::Actor::requester)).
    pub requester: String,
    /// The ACME order, if one asked.
    pub order: Option<String>,
    /// The grant that allowed it.
    pub grant: Option<String>,
    /// What the door knew when it decided; a JSON object.
    pub provenance: Option<serde_json::Value>,
    /// When its serial was spent.
    pub recorded_at: Timestamp,
    /// Where it stands.
    pub state: CertificateState,
    /// The certificate in DER, once signed.
    pub der: Option<Vec<u8>>,
}
