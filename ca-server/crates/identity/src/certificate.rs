//! The door: certificates by identity.
//!
//! It finds out who asks, for what, and which grant allows it; then it attests and the corridor
//! decides and signs.

mod issue;
mod lifetime;
mod names;
mod read;
mod renew;
mod request;
mod revoke;

use ca_issuance::ledger::CertificateRecord;
use ca_pki::Certificate;

use crate::{Error, Identity, Principal, Role};

pub use lifetime::Lifetime;
pub use names::names_of;
pub use read::CertificateFilter;
pub use request::{CertificateRequest, RenewalRequest};

/// A certificate as it is answered.
#[derive(Debug)]
pub struct Answered {
    /// What is known of it.
    pub record: CertificateRecord,
    /// The certificate itself.
    pub certificate: Certificate,
    /// Its issuer and what stands above, without the root.
    pub chain: Vec<Certificate>,
    /// What the caller should know: a lifetime that was cut.
    pub warnings: Vec<String>,
    /// Whether it was issued just now.
    pub freshness: Freshness,
}

/// Whether a request made something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It was made by this request.
    Issued,
    /// It was there before.
    Stored,
}

impl crate::Access {
    /// Completes a stored record to what is answered.
    pub(super) fn answered(&self, record: CertificateRecord) -> Result<Answered, Error> {
        let inconsistent = |what: &str| Error::Inconsistent(format!("{}: {what}", record.serial));
        let der = record
            .der
            .as_deref()
            .ok_or_else(|| inconsistent("no certificate"))?;
        let certificate =
            Certificate::parse(der).map_err(|error| inconsistent(&error.to_string()))?;
        Ok(Answered {
            certificate,
            chain: self.chain_of(&record.issuer),
            record,
            warnings: Vec::new(),
            freshness: Freshness::Stored,
        })
    }

    fn chain_of(&self, issuer: &str) -> Vec<Certificate> {
        let issuer = self.corridor.issuer(issuer);
        issuer
            .map(|issuer| issuer.chain().to_vec())
            .unwrap_or_default()
    }
}

/// Who sees a certificate: staff, whoever asked for it, whoever holds it.
fn may_see(identity: &Identity, record: &CertificateRecord) -> bool {
    match identity.role {
        Some(Role::Admin | Role::Operator | Role::Auditor) => true,
        None => is_own(&identity.principal, record),
    }
}

/// Who revokes a certificate: those who see it, but for auditors, who change nothing.
fn may_revoke(identity: &Identity, record: &CertificateRecord) -> bool {
    match identity.role {
        Some(Role::Admin | Role::Operator) => true,
        Some(Role::Auditor) | None => is_own(&identity.principal, record),
    }
}

fn is_own(principal: &Principal, record: &CertificateRecord) -> bool {
    let holds = matches!(
        principal,
        Principal::Certificate { issuer, serial, .. }
            if *issuer == record.issuer && *serial == record.serial.to_string()
    );
    holds || asked_for(principal, record)
}

/// Compares more than names: see [`Principal::key`].
fn asked_for(principal: &Principal, record: &CertificateRecord) -> bool {
    let asker = record.provenance.as_ref().and_then(|kept| {
        let asker = kept.get("principal")?.clone();
        serde_json::from_value::<Principal>(asker).ok()
    });
    record.requester == principal.name() && asker.is_none_or(|asker| asker.key() == principal.key())
}

#[cfg(test)]
mod tests;
