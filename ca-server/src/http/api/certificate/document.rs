//! Certificates as JSON, and what is asked about them.

use ca_identity::certificate::{Answered, CertificateFilter};
use ca_issuance::ledger::{
    CertificateCursor, CertificateRecord, CertificateState, CertificateStatus,
};
use ca_pki::crl::RevocationReason;
use ca_pki::{Certificate, Identifier, Timestamp, hex};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::config::Span;
use crate::http::api::identifier::IdentifierEntry;
use crate::http::api::page::{self, Limit};
use crate::http::api::{Api, example};

/// A request for a certificate.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct IssueRequest {
    /// PKCS#10 in PEM, or base64 of its DER. Its names are what the certificate will hold.
    #[schema(example = example::csr)]
    pub(super) csr: String,
    /// The profile, see `/api/v1/profiles`.
    #[schema(example = "mtls")]
    pub(super) profile: String,
    /// How long it shall live; left out, as long as the profile says.
    #[schema(value_type = Option<String>, example = "8h")]
    pub(super) lifetime: Option<Span>,
}

/// A request for a successor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct RenewRequest {
    /// PKCS#10 in PEM, or base64 of its DER, with the same names and a new key.
    #[schema(example = example::csr)]
    pub(super) csr: String,
    /// How long it shall live; left out, as long as the profile says.
    #[schema(value_type = Option<String>, example = "8h")]
    pub(super) lifetime: Option<Span>,
}

/// Why a certificate is revoked.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct RevokeRequest {
    /// One of RFC 5280's reasons; left out, none is given.
    pub(super) reason: Option<Reason>,
}

/// RFC 5280 §5.3.1, as far as certificates for holders go.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RevocationReason)]
pub(in crate::http::api) enum Reason {
    /// None given.
    Unspecified,
    /// Somebody else has, or may have, the key. The key is not certified again.
    KeyCompromise,
    /// The holder's affiliation changed.
    AffiliationChanged,
    /// Another certificate took its place.
    Superseded,
    /// It is needed no more.
    CessationOfOperation,
    /// The right to it was withdrawn.
    PrivilegeWithdrawn,
}

/// Which certificates.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http::api) struct Wanted {
    /// Where they stand.
    #[param(inline)]
    status: Option<Status>,
    /// The profile.
    #[param(example = "mtls")]
    profile: Option<String>,
    /// The issuer.
    #[param(example = "tls")]
    issuer: Option<String>,
    /// A name that they hold, exactly, with its type.
    #[serde(default, deserialize_with = "page::identifier")]
    #[param(value_type = Option<String>, example = "dns:a.ci.example.internal")]
    identifier: Option<Identifier>,
    /// Who asked, also through something.
    #[param(example = "client:deployer")]
    requested_by: Option<String>,
    /// They end before this moment.
    #[serde(default, deserialize_with = "page::moment")]
    #[param(value_type = Option<String>, format = DateTime)]
    expires_before: Option<Timestamp>,
    /// How many at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// Where the page before ended.
    #[serde(default, deserialize_with = "page::parsed")]
    #[param(value_type = Option<String>)]
    cursor: Option<CertificateCursor>,
}

/// Where a certificate stands.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = CertificateStatus)]
pub(in crate::http::api) enum Status {
    /// In its time and not revoked.
    Valid,
    /// Past its time and not revoked.
    Expired,
    /// Revoked.
    Revoked,
}

/// A certificate and what is known of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Certificate)]
pub(in crate::http::api) struct CertificateEntry {
    /// The serial in hex.
    #[schema(example = example::serial)]
    serial: String,
    /// The profile.
    #[schema(example = "mtls")]
    profile: String,
    /// The issuer.
    #[schema(example = "tls")]
    issuer: String,
    /// Where it stands.
    status: Status,
    /// The first second of its life.
    #[schema(example = example::moment, format = DateTime)]
    not_before: String,
    /// The last second of its life.
    #[schema(example = example::moment, format = DateTime)]
    not_after: String,
    /// Its names.
    identifiers: Vec<IdentifierEntry>,
    /// Who asked for it.
    #[schema(example = "oidc:gitlab:project_path:infra/web:ref_type:branch:ref:main")]
    requested_by: String,
    /// The grant that allowed it; left out where no grant was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "release-jobs")]
    grant: Option<String>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = example::moment, format = DateTime)]
    revoked_at: Option<String>,
    /// Why it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "keyCompromise")]
    revocation_reason: Option<&'static str>,
    /// SHA-256 of the certificate.
    #[schema(example = example::fingerprint)]
    fingerprint_sha256: String,
    /// The certificate in PEM.
    #[schema(example = example::certificate)]
    certificate: String,
    /// The issuer's certificate and what stands between it and the root, in PEM.
    #[schema(example = example::certificate)]
    chain: String,
    /// What the caller should know: a lifetime that was cut.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, example = json!(["the lifetime was cut to what grant \"release-jobs\" allows"]))]
    warnings: Vec<String>,
}

impl Api {
    /// Returns an operation's result as JSON.
    pub(super) fn entry(&self, answered: Answered) -> CertificateEntry {
        let chain = answered.chain.iter().map(Certificate::pem).collect();
        CertificateEntry {
            warnings: answered.warnings,
            ..self.written(&answered.record, &answered.certificate, chain)
        }
    }

    /// Returns a list's entry as JSON; `None` for what was never signed, which no list holds.
    pub(super) fn listed(&self, record: CertificateRecord) -> Option<CertificateEntry> {
        let certificate = Certificate::parse(record.der.as_deref()?).ok()?;
        let issuer = self.parts.corridor.issuer(&record.issuer);
        let chain = issuer.map(|issuer| issuer.chain().iter().map(Certificate::pem).collect());
        Some(self.written(&record, &certificate, chain.unwrap_or_default()))
    }

    fn written(
        &self,
        record: &CertificateRecord,
        certificate: &Certificate,
        chain: String,
    ) -> CertificateEntry {
        let now = self.parts.corridor.clock().now();
        let (revoked_at, revocation_reason) = match &record.state {
            CertificateState::Revoked { at, reason } => (Some(at.to_string()), Some(reason.name())),
            CertificateState::Intended
            | CertificateState::Valid
            | CertificateState::Burned { .. } => (None, None),
        };
        CertificateEntry {
            serial: record.serial.to_string(),
            profile: record.profile.clone(),
            issuer: record.issuer.clone(),
            status: record.status(now).map_or(Status::Revoked, Status::from),
            not_before: record.validity.not_before.to_string(),
            not_after: record.validity.not_after.to_string(),
            identifiers: record
                .identifiers
                .iter()
                .map(IdentifierEntry::from)
                .collect(),
            requested_by: record.requested_by.clone(),
            grant: record.grant.clone(),
            revoked_at,
            revocation_reason,
            fingerprint_sha256: hex::lower(&certificate.fingerprint_sha256()),
            certificate: certificate.pem(),
            chain,
            warnings: Vec::new(),
        }
    }
}

impl From<Wanted> for CertificateFilter {
    fn from(wanted: Wanted) -> Self {
        Self {
            status: wanted.status.map(CertificateStatus::from),
            profile: wanted.profile,
            issuer: wanted.issuer,
            identifier: wanted.identifier,
            requested_by: wanted.requested_by,
            expires_before: wanted.expires_before,
            limit: wanted.limit.0,
            cursor: wanted.cursor,
        }
    }
}

impl From<Status> for CertificateStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Valid => Self::Valid,
            Status::Expired => Self::Expired,
            Status::Revoked => Self::Revoked,
        }
    }
}

impl From<CertificateStatus> for Status {
    fn from(status: CertificateStatus) -> Self {
        match status {
            CertificateStatus::Valid => Self::Valid,
            CertificateStatus::Expired => Self::Expired,
            CertificateStatus::Revoked => Self::Revoked,
        }
    }
}

impl From<Reason> for RevocationReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Unspecified => Self::Unspecified,
            Reason::KeyCompromise => Self::KeyCompromise,
            Reason::AffiliationChanged => Self::AffiliationChanged,
            Reason::Superseded => Self::Superseded,
            Reason::CessationOfOperation => Self::CessationOfOperation,
            Reason::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
        }
    }
}
