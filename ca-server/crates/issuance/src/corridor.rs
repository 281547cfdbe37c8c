//! The corridor: every door's requests walk through here, one step after the other.

mod refusal;

use std::collections::BTreeMap;
use std::sync::Arc;

use ca_pki::{Csr, PublicKey, Serial, Timestamp};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use self::refusal::RefusedRequest;
use crate::entitlement::Entitlement;
use crate::error::{IssuanceError, Rule, Violation};
use crate::issuer::Issuer;
use crate::ledger::Ledger;
use crate::policy::{Approved, Asked, GrantedWindow, Policy, window};
use crate::profile::Profile;
use crate::settle::SharedClock;
use crate::steps::{Issued, Recorded};
use crate::world::{Clock, Entropy};

/// What the corridor is made of.
pub struct CorridorParts {
    /// Profiles.
    pub policy: Policy,
    /// Issuers.
    pub issuers: Vec<Issuer>,
    /// What is remembered.
    pub ledger: Arc<dyn Ledger>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Where work goes on when its asker hangs up; drained at shutdown.
    pub tasks: TaskTracker,
}

/// The one road to a signature.
pub struct Corridor {
    pub(crate) policy: Policy,
    pub(crate) issuers: BTreeMap<String, Issuer>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) tasks: TaskTracker,
    /// Counts revocations and burnings made here, so that publishers wake at once.
    pub(crate) revocations: watch::Sender<u64>,
    pub(crate) shared_clock: SharedClock,
}

impl Corridor {
    /// Puts the corridor together.
    pub fn new(parts: CorridorParts) -> Arc<Self> {
        let issuers = parts
            .issuers
            .into_iter()
            .map(|issuer| (issuer.name().to_owned(), issuer))
            .collect();
        Arc::new(Self {
            policy: parts.policy,
            issuers,
            ledger: parts.ledger,
            clock: parts.clock,
            entropy: parts.entropy,
            tasks: parts.tasks,
            revocations: watch::Sender::new(0),
            shared_clock: SharedClock::default(),
        })
    }

    /// Issues one certificate.
    ///
    /// The work runs on the task tracker: when the caller goes away it still finishes. On an error
    /// after the intent the serial is burned and the order goes back to `ready`.
    pub async fn issue(
        self: &Arc<Self>,
        csr: Csr,
        entitlement: Entitlement,
    ) -> Result<Issued, IssuanceError> {
        let corridor = Arc::clone(self);
        let walk = self
            .tasks
            .spawn(async move { corridor.walk(csr, entitlement).await });
        walk.await
            .map_err(|error| IssuanceError::Failed(error.to_string()))?
    }

    async fn walk(&self, csr: Csr, entitlement: Entitlement) -> Result<Issued, IssuanceError> {
        let profile = entitlement.profile().to_owned();
        let result = self.walk_steps(csr, entitlement).await;
        let outcome = match &result {
            Ok(_) => "issued",
            Err(IssuanceError::Refused(_)) => "refused",
            Err(IssuanceError::Busy { .. }) => "busy",
            Err(IssuanceError::Conflict) => "conflict",
            Err(IssuanceError::Duplicate) => "duplicate",
            Err(IssuanceError::Failed(_)) => "failed",
        };
        metrics::counter!("ca_issuance_total", "profile" => profile, "result" => outcome)
            .increment(1);
        result
    }

    async fn walk_steps(
        &self,
        csr: Csr,
        entitlement: Entitlement,
    ) -> Result<Issued, IssuanceError> {
        let now = self.clock.now();
        let request = RefusedRequest::of(&entitlement);
        let recorded = match self.record(csr, entitlement, now).await {
            Err(IssuanceError::Refused(violations)) => {
                self.note_refusal(now, request, &violations).await?;
                return Err(IssuanceError::Refused(violations));
            }
            result => result?,
        };
        let issuer = self.issuer_recorded(&recorded)?;
        let serial = recorded.serial().clone();
        let signed = issuer
            .sign(recorded, self.ledger.as_ref(), self.clock.now())
            .await;
        if let Err(error) = &signed {
            tracing::warn!(
                %serial,
                issuer = issuer.name(),
                error = error as &dyn std::error::Error,
                "not signed, burning the serial"
            );
            self.burn(issuer.name(), &serial).await;
        }
        signed
    }

    /// Walks as far as the intent.
    async fn record(
        &self,
        csr: Csr,
        entitlement: Entitlement,
        now: Timestamp,
    ) -> Result<Recorded, IssuanceError> {
        let issuer = self.issuer_of_profile(entitlement.profile())?;
        let approved = self.judge(&csr, entitlement, issuer, now).await?;
        let prepared = issuer
            .prepare(approved, self.draw_serial(now)?, now)?
            .settled_by(&self.shared_clock);
        issuer.record(prepared, self.ledger.as_ref()).await
    }

    /// Asks policy, and the ledger whether the key was reported compromised.
    async fn judge(
        &self,
        csr: &Csr,
        entitlement: Entitlement,
        issuer: &Issuer,
        now: Timestamp,
    ) -> Result<Approved, IssuanceError> {
        let judged = self.policy.approve(csr, entitlement, issuer, now);
        let mut forbidden = Vec::new();
        if self.is_authority_key(csr.public_key()) {
            forbidden.push(authority_key());
        }
        let key = csr.public_key().fingerprint_sha256();
        if self.ledger.is_compromised(&key).await? {
            forbidden.push(compromised_key());
        }
        match judged {
            Ok(approved) if forbidden.is_empty() => Ok(approved),
            Ok(_) => Err(IssuanceError::Refused(forbidden)),
            Err(mut violations) => {
                violations.append(&mut forbidden);
                Err(IssuanceError::Refused(violations))
            }
        }
    }

    /// Returns a profile.
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.policy.profile(name).map(Arc::as_ref)
    }

    /// Returns an issuer.
    pub fn issuer(&self, name: &str) -> Option<&Issuer> {
        self.issuers.get(name)
    }

    /// Returns every issuer, by name.
    pub fn issuers(&self) -> impl Iterator<Item = &Issuer> {
        self.issuers.values()
    }

    /// Finds the issuer with this subjectKeyIdentifier.
    pub fn issuer_by_key_identifier(&self, key_identifier: &[u8]) -> Option<&Issuer> {
        self.issuers
            .values()
            .find(|issuer| issuer.key_identifier() == key_identifier)
    }

    /// Computes the span that a certificate asked for now would get.
    pub fn granted_window(
        &self,
        profile: &str,
        not_before: Option<Timestamp>,
        not_after: Option<Timestamp>,
    ) -> Result<GrantedWindow, Violation> {
        let missing = || Violation::new(Rule::Profile, format!("there is no profile {profile:?}"));
        let profile = self.policy.profile(profile).ok_or_else(missing)?;
        let issuer = self.issuers.get(&profile.issuer).ok_or_else(missing)?;
        let asked = Asked {
            not_before,
            not_after,
            max_lifetime: None,
        };
        window(profile, issuer.certificate(), asked, self.clock.now())
    }

    /// Returns what is remembered.
    pub fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.ledger
    }

    /// Returns the clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Returns the source of chance.
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.entropy
    }

    /// Hears of every revocation and burning made on this server.
    pub fn watch_revocations(&self) -> watch::Receiver<u64> {
        self.revocations.subscribe()
    }

    /// Waits for every issuance and revocation under way; new ones are still taken.
    #[cfg(test)]
    async fn drain(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    /// Tells whether a key is that of an issuer, or of what stands above one.
    fn is_authority_key(&self, key: &PublicKey) -> bool {
        self.issuers.values().any(|issuer| {
            let above = issuer.chain().iter().chain([issuer.root()]);
            above.into_iter().any(|one| one.public_key() == key)
        })
    }

    fn issuer_of_profile(&self, name: &str) -> Result<&Issuer, IssuanceError> {
        let refused =
            |detail: String| IssuanceError::Refused(vec![Violation::new(Rule::Profile, detail)]);
        let profile = self
            .policy
            .profile(name)
            .ok_or_else(|| refused(format!("there is no profile {name:?}")))?;
        self.issuers.get(&profile.issuer).ok_or_else(|| {
            IssuanceError::Failed(format!("profile {name} names an issuer that is not loaded"))
        })
    }

    fn issuer_recorded(&self, recorded: &Recorded) -> Result<&Issuer, IssuanceError> {
        let name = recorded.issuer();
        let missing = || IssuanceError::Failed(format!("issuer {name} is not loaded"));
        self.issuers.get(name).ok_or_else(missing)
    }

    fn draw_serial(&self, now: Timestamp) -> Result<Serial, IssuanceError> {
        let mut random = [0; Serial::RANDOM_BYTES];
        self.entropy.fill(&mut random)?;
        Ok(Serial::new(now, random))
    }

    async fn note_refusal(
        &self,
        at: Timestamp,
        request: RefusedRequest,
        violations: &[Violation],
    ) -> Result<(), IssuanceError> {
        let event = request.event(at, violations);
        Ok(self.ledger.append_event(event).await?)
    }
}

/// A certificate for a CA's own key lets its holder pass for a client, and says that the key is used
/// for what it is not for.
fn authority_key() -> Violation {
    Violation::new(
        Rule::Key,
        "the key is that of a certificate authority of this server; make another key",
    )
}

/// Whoever stole the key could use the new certificate as well.
fn compromised_key() -> Violation {
    Violation::new(
        Rule::Key,
        "the key was reported compromised when a certificate for it was revoked; make another key",
    )
}

#[cfg(test)]
mod tests;
