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
    /// A client that was removed ends it, and so does the end or the revocation of the operator
    /// token or the certificate that was shown. Others of the same name keep nothing alive, and
    /// one that was made later revives nothing.
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
            Principal::Operator { name, role, token } => {
                let tokens = self.store.operator_tokens().await?;
                let now = self.corridor.clock().now();
                // Rows of before say only whose token it was: there any that was good then counts.
                let was_shown = |one: &OperatorToken| token.as_ref().is_none_or(|id| one.id == *id);
                let counts =
                    |one: &OperatorToken| was_shown(one) && one.stands_for(name, *role, since, now);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ca_issuance::{Actor, Clock};

    use super::*;
    use crate::access::bench::{Bench, text};
    use crate::operator::{self, NewOperatorToken};

    const HOUR: Duration = Duration::from_secs(3_600);

    /// Makes another token of Anna's, and tells its id and who shows it.
    async fn token_of_anna(bench: &Bench, lifetime: Option<Duration>) -> (String, Principal) {
        let new = NewOperatorToken {
            name: "anna".to_owned(),
            role: Role::Admin,
            lifetime,
        };
        let entropy = bench.world.corridor.entropy();
        let (token, secret) = new.draw(bench.world.clock.now(), entropy.as_ref()).unwrap();
        let (id, event) = (token.id.clone(), token.created(Actor::System));
        let store = &bench.access.store;
        store.add_operator_token(token, event).await.unwrap();
        (id, bench.bearer(text(&secret)).await.unwrap().principal)
    }

    async fn revoke(bench: &Bench, id: &str) {
        let event = operator::revoked(id, Actor::System, bench.world.clock.now());
        let revoked = bench.access.store.revoke_operator_token(id, event).await;
        assert!(revoked.unwrap(), "{id}");
    }

    #[tokio::test]
    async fn a_token_ends_what_it_got_and_not_what_its_owner_got_by_another() {
        let bench = Bench::new().await;
        let (stolen_id, stolen) = token_of_anna(&bench, None).await;
        let (_, short) = token_of_anna(&bench, Some(HOUR)).await;
        let (_, kept) = token_of_anna(&bench, None).await;
        let since = bench.world.clock.now();
        let standing = async |principal| {
            let standing = bench.access.standing(principal, since).await.unwrap();
            let renewing = bench.access.standing_to_renew(principal, since).await;
            assert_eq!(renewing.unwrap(), standing, "{principal:?}");
            standing
        };
        for good in [&stolen, &short, &kept] {
            assert_eq!(standing(good).await, Standing::Good, "{good:?}");
        }

        revoke(&bench, &stolen_id).await;
        bench.advance(HOUR);

        assert_eq!(standing(&stolen).await, Standing::Ended);
        assert_eq!(standing(&short).await, Standing::Ended);
        assert_eq!(standing(&kept).await, Standing::Good);
    }

    #[tokio::test]
    async fn a_row_without_a_token_stands_as_long_as_any_of_its_owner_s() {
        let bench = Bench::new().await;
        let (first, _) = token_of_anna(&bench, None).await;
        let (second, _) = token_of_anna(&bench, None).await;
        let row = r#"{"kind": "operator", "name": "anna", "role": "admin"}"#;
        let anna: Principal = serde_json::from_str(row).unwrap();
        let since = bench.world.clock.now();

        revoke(&bench, &first).await;
        let by_another = bench.access.standing(&anna, since).await.unwrap();
        revoke(&bench, &second).await;
        let by_none = bench.access.standing(&anna, since).await.unwrap();

        assert_eq!(by_another, Standing::Good);
        assert_eq!(by_none, Standing::Ended);
    }
}
