//! Whether somebody who showed who they are some time ago is still who they were.

use ca_issuance::ledger::{CertificateRecord, CertificateState};
use ca_pki::{Serial, Timestamp};

use crate::operator::OperatorToken;
use crate::{Access, Error, Principal, Role};

/// How a principal that was known at some moment stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What it was known by is still good, or was good for that moment only (a CI token).
    Good,
    /// What it was known by was taken back or has ended.
    Ended,
}

impl Access {
    /// Tells how a principal that was known at `since` stands now.
    ///
    /// A client or an operator token that was removed ends it, and so does the end or the
    /// revocation of a certificate. One that was made later under the same name revives nothing.
    pub async fn standing(
        &self,
        principal: &Principal,
        since: Timestamp,
    ) -> Result<Standing, Error> {
        let good = match principal {
            Principal::Oidc { .. } => true,
            Principal::Client { id, .. } => {
                let client = self.store.client(id).await?;
                client.is_some_and(|client| client.created_at <= since)
            }
            Principal::Certificate { issuer, serial, .. } => {
                self.is_in_force(issuer, serial).await?
            }
            Principal::Operator { name, role } => {
                let tokens = self.store.operator_tokens().await?;
                let now = self.corridor.clock().now();
                let counts = |token: &OperatorToken| token.stands_for(name, *role, since, now);
                tokens.iter().any(counts)
            }
        };
        Ok(if good {
            Standing::Good
        } else {
            Standing::Ended
        })
    }

    /// Tells how a principal stands for whom a certificate, issued at `since`, is to be renewed.
    ///
    /// As [`Self::standing`], but for the end of a certificate: each of a line of renewals goes
    /// back to whoever asked first, and that one's certificate has had its day. Its revocation
    /// ends the line.
    pub(crate) async fn standing_to_renew(
        &self,
        principal: &Principal,
        since: Timestamp,
    ) -> Result<Standing, Error> {
        let Principal::Certificate { issuer, serial, .. } = principal else {
            return self.standing(principal, since).await;
        };
        let record = self.record(issuer, serial).await?;
        let is_revoked =
            |record: CertificateRecord| matches!(record.state, CertificateState::Revoked { .. });
        Ok(match record.is_some_and(is_revoked) {
            true => Standing::Ended,
            // One that ended long ago is not kept for ever.
            false => Standing::Good,
        })
    }

    async fn is_in_force(&self, issuer: &str, serial: &str) -> Result<bool, Error> {
        let record = self.record(issuer, serial).await?;
        let now = self.corridor.clock().now();
        Ok(record.is_some_and(|record| {
            record.state == CertificateState::Valid && now <= record.validity.not_after
        }))
    }

    async fn record(&self, issuer: &str, serial: &str) -> Result<Option<CertificateRecord>, Error> {
        let serial =
            Serial::parse_hex(serial).map_err(|error| Error::Inconsistent(error.to_string()))?;
        Ok(self.corridor.ledger().certificate(issuer, &serial).await?)
    }
}

impl OperatorToken {
    fn stands_for(&self, name: &str, role: Role, since: Timestamp, now: Timestamp) -> bool {
        self.name == name
            && self.role == role
            && self.created_at <= since
            && self.revoked_at.is_none()
            && self.expires_at.is_none_or(|end| now < end)
    }
}
