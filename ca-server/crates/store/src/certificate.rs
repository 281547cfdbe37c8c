//! Certificates from intent to end.

mod at_once;
mod change;
mod compromised;
mod find;
mod list;
mod number;
mod revocations;

pub(crate) use change::{Burn, RecordIntent, RecordResult, Revoke, keep_use, not_valid};
pub(crate) use compromised::{is_compromised, start_reading_compromised};
pub(crate) use find::{by_serial, revocation_epoch, standing, unfinished};
pub(crate) use list::list;
pub(crate) use number::{NumberRevocations, any_unnumbered};
pub(crate) use revocations::collect;

use ca_issuance::Actor;
use ca_issuance::ledger::{CertificateRecord, CertificateState, Intent};
use ca_pki::crl::RevocationReason;
use ca_pki::{Timestamp, Validity};

use crate::entity::certificate::Model;
use crate::row::{json, moment, octets, serial, unjson};
use crate::{Error, identifier};

impl TryFrom<Model> for CertificateRecord {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Self {
            serial: serial(&row.serial)?,
            identifiers: identifier::from_json(&row.identifiers)?,
            validity: Validity {
                not_before: Timestamp::from_unix_secs(row.not_before),
                not_after: Timestamp::from_unix_secs(row.not_after),
            },
            key_fingerprint: octets("certificate.key_fingerprint", &row.key_fingerprint)?,
            state: state(&row.state, row.revoked_at, row.revocation_reason)?,
            issuer: row.issuer,
            profile: row.profile,
            requester: row.requester.unwrap_or_else(|| row.requested_by.clone()),
            requested_by: row.requested_by,
            order: row.order_id,
            grant: row.grant_name,
            provenance: row
                .provenance
                .map(|text| unjson("certificate.provenance", &text))
                .transpose()?,
            recorded_at: Timestamp::from_unix_secs(row.recorded_at),
            der: row.der,
        })
    }
}

fn state(
    state: &str,
    revoked_at: Option<i64>,
    code: Option<i16>,
) -> Result<CertificateState, Error> {
    match (state, moment(revoked_at)) {
        (INTENDED, None) => Ok(CertificateState::Intended),
        (VALID, None) => Ok(CertificateState::Valid),
        (REVOKED, Some(at)) => Ok(CertificateState::Revoked {
            at,
            reason: reason(code)?,
        }),
        (BURNED, Some(at)) => Ok(CertificateState::Burned { at }),
        (state, at) => Err(Error::Corrupt(format!(
            "certificate.state is {state:?}, revoked at {at:?}"
        ))),
    }
}

fn reason(code: Option<i16>) -> Result<RevocationReason, Error> {
    let parsed = code.and_then(|code| u8::try_from(code).ok());
    let reason = parsed.and_then(RevocationReason::from_code);
    reason.ok_or_else(|| Error::Corrupt(format!("certificate.revocation_reason is {code:?}")))
}

fn intended_row(intent: &Intent) -> Result<Model, Error> {
    let requester = match &intent.requested_by {
        Actor::Identity { name, .. } => Some(name.clone()),
        Actor::System
        | Actor::AcmeAccount { .. }
        | Actor::CertificateKey { .. }
        | Actor::Operator { .. } => None,
    };
    Ok(Model {
        issuer: intent.issuer.clone(),
        serial: intent.serial.as_be_bytes().to_vec(),
        profile: intent.profile.clone(),
        identifiers: identifier::to_json(&intent.identifiers)?,
        not_before: intent.validity.not_before.unix_secs(),
        not_after: intent.validity.not_after.unix_secs(),
        key_fingerprint: intent.key_fingerprint.to_vec(),
        requested_by: intent.requested_by.to_string(),
        order_id: intent.order.clone(),
        state: INTENDED.to_owned(),
        revoked_at: None,
        revocation_reason: None,
        tbs_der: Some(intent.tbs_der.clone()),
        der: None,
        recorded_at: intent.recorded_at.unix_secs(),
        settle_after: intent.settle_after.unix_secs(),
        requester,
        grant_name: intent.grant.as_ref().map(|grant| grant.name.clone()),
        grant_counted: intent
            .grant
            .as_ref()
            .is_some_and(|grant| grant.limit.is_some()),
        provenance: intent.provenance.as_ref().map(json).transpose()?,
        revocation_number: None,
    })
}

const INTENDED: &str = "intended";
const VALID: &str = "valid";
const REVOKED: &str = "revoked";
const BURNED: &str = "burned";
