//! Showing certificates to those who may see them.

use ca_issuance::ledger::{
    CertificateCursor, CertificatePage, CertificateQuery, CertificateRecord, CertificateStatus,
};
use ca_pki::{Identifier, Serial, Timestamp};

use super::{Answered, may_see};
use crate::{Access, Error, Identity, Role};

/// Which certificates to list; every filter that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct CertificateFilter {
    /// Where they stand.
    pub status: Option<CertificateStatus>,
    /// The profile's name.
    pub profile: Option<String>,
    /// The issuer's configured name.
    pub issuer: Option<String>,
    /// A name that they hold, exactly.
    pub identifier: Option<Identifier>,
    /// Who asked: `oidc:gitlab:SUB`, whatever it acted through.
    pub requested_by: Option<String>,
    /// notAfter lies before.
    pub expires_before: Option<Timestamp>,
    /// How many at most.
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: Option<CertificateCursor>,
}

impl Access {
    /// Shows one certificate. One that the caller may not see looks like one that is not there.
    pub async fn certificate(
        &self,
        identity: &Identity,
        serial: &Serial,
    ) -> Result<Answered, Error> {
        let record = self.seen(identity, serial).await?;
        self.answered(record)
    }

    /// Lists certificates, newest first; those without a role see what they asked for.
    pub async fn certificates(
        &self,
        identity: &Identity,
        filter: CertificateFilter,
    ) -> Result<CertificatePage, Error> {
        let requester = match identity.role {
            Some(Role::Admin | Role::Operator | Role::Auditor) => None,
            None => Some(identity.principal.name()),
        };
        let query = CertificateQuery {
            moment: self.corridor.clock().now(),
            status: filter.status,
            profile: filter.profile,
            issuer: filter.issuer,
            identifier: filter.identifier,
            requester,
            requested_by: filter.requested_by,
            expires_before: filter.expires_before,
            recorded_since: None,
            limit: filter.limit,
            cursor: filter.cursor,
        };
        let mut page = self.corridor.ledger().certificates(&query).await?;
        page.certificates.retain(|record| may_see(identity, record));
        Ok(page)
    }

    /// Finds a signed certificate that the caller may see, whoever issued it.
    pub(super) async fn seen(
        &self,
        identity: &Identity,
        serial: &Serial,
    ) -> Result<CertificateRecord, Error> {
        for issuer in self.corridor.issuers() {
            let record = self
                .corridor
                .ledger()
                .certificate(issuer.name(), serial)
                .await?;
            if let Some(record) = record
                && record.der.is_some()
                && may_see(identity, &record)
            {
                return Ok(record);
            }
        }
        Err(Error::NotFound)
    }
}
