//! Revocation by identity.

use ca_issuance::ledger::RevokeOutcome;
use ca_pki::Serial;
use ca_pki::crl::RevocationReason;

use super::{Answered, may_revoke};
use crate::{Access, Error, Identity};

impl Access {
    /// Revokes a certificate that the caller may revoke. Doing it again changes nothing and is no
    /// error: whoever lost the answer asks once more.
    pub async fn revoke(
        &self,
        identity: &Identity,
        serial: &Serial,
        reason: RevocationReason,
    ) -> Result<Answered, Error> {
        let record = self.seen(identity, serial).await?;
        if !may_revoke(identity, &record) {
            let detail = "auditors change nothing";
            return Err(Error::Forbidden(detail.to_owned()));
        }
        let outcome = self
            .corridor
            .revoke(&record.issuer, serial, reason, &identity.actor())
            .await?;
        match outcome {
            RevokeOutcome::Revoked | RevokeOutcome::AlreadyRevoked => {
                let record = self.seen(identity, serial).await?;
                self.answered(record)
            }
            RevokeOutcome::Unknown => Err(Error::NotFound),
        }
    }
}
