//! Why no certificate was issued, by who must act.

use std::time::Duration;

use ca_keys::KeyError;
use ca_pki::Identifier;

use crate::ledger::LedgerError;

/// A rule that a request broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// What the CSR asks beside names and key.
    Csr,
    /// The key's kind, or a key that must not be certified.
    Key,
    /// A name that is missing, too many or not allowed by the profile.
    Name,
    /// The profile does not exist.
    Profile,
    /// notBefore or notAfter.
    Lifetime,
    /// The issuer's name constraints.
    Constraint,
    /// The subject: missing, too long, or not what the profile or the grant says.
    Subject,
    /// The grant has no uses left or was withdrawn.
    Grant,
    /// A lint over the final bytes.
    Lint,
}

/// One broken rule, for the requester.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// The name that it is about.
    pub identifier: Option<Identifier>,
    /// What is wrong and what to do.
    pub detail: String,
}

/// Why a certificate was not issued or revoked.
#[derive(Debug, thiserror::Error)]
pub enum IssuanceError {
    /// The requester must change the request: every broken rule.
    #[error("the request breaks {} rule(s)", .0.len())]
    Refused(Vec<Violation>),
    /// The requester asks again later: signer or store is busy or away.
    #[error("the signer or the store is not available")]
    Busy {
        /// How long to wait.
        retry_after: Duration,
        /// What happened, for the log.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The order or certificate moved in between: read it again.
    #[error("the record has moved on")]
    Conflict,
    /// The idempotency key is taken: look at what it was taken for and answer with that.
    #[error("the idempotency key is taken")]
    Duplicate,
    /// The operator must act; the log says on what.
    #[error("issuance failed: {0}")]
    Failed(String),
}

impl Violation {
    pub(crate) fn new(rule: Rule, detail: impl Into<String>) -> Self {
        Self {
            rule,
            identifier: None,
            detail: detail.into(),
        }
    }

    pub(crate) fn about(rule: Rule, identifier: &Identifier, detail: impl Into<String>) -> Self {
        Self {
            rule,
            identifier: Some(identifier.clone()),
            detail: detail.into(),
        }
    }
}

impl From<LedgerError> for IssuanceError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Conflict => Self::Conflict,
            LedgerError::GrantUsedUp => Self::Refused(vec![Violation::new(
                Rule::Grant,
                "the grant that allows this has no uses left",
            )]),
            LedgerError::GrantWithdrawn => {
                Self::Refused(vec![Violation::new(Rule::Grant, "the grant was withdrawn")])
            }
            LedgerError::Duplicate => Self::Duplicate,
            LedgerError::Unavailable {
                retry_after,
                source,
            } => Self::Busy {
                retry_after,
                source,
            },
            LedgerError::Corrupt(what) => Self::Failed(what),
        }
    }
}

impl From<KeyError> for IssuanceError {
    /// Every failure of a key that was opened once can pass: the token comes back, the PIN file is
    /// corrected. So each is "later", and the log has the cause.
    fn from(error: KeyError) -> Self {
        let retry_after = match &error {
            KeyError::Unavailable { retry_after } => *retry_after,
            KeyError::DeadlineExceeded
            | KeyError::Device(_)
            | KeyError::Uri(_)
            | KeyError::Secret(_)
            | KeyError::Key(_) => AFTER_DEVICE_ERROR,
        };
        Self::Busy {
            retry_after,
            source: Box::new(error),
        }
    }
}

impl From<crate::world::NoEntropy> for IssuanceError {
    fn from(error: crate::world::NoEntropy) -> Self {
        Self::Failed(error.to_string())
    }
}

const AFTER_DEVICE_ERROR: Duration = Duration::from_secs(2);
