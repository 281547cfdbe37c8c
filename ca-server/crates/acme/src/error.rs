//! What an ACME operation can end in besides success.

use ca_issuance::IssuanceError;
use ca_issuance::world::NoEntropy;

use crate::{Problem, StoreError};

/// Why an ACME operation did not succeed. Named for who must act.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client: the request is refused, and the problem says why.
    #[error(transparent)]
    Refused(Box<Problem>),
    /// The operator, if it lasts: the store could not do its part.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// Whoever the corridor says: requester, time or operator.
    #[error("the corridor did not issue or revoke")]
    Issuance(#[from] IssuanceError),
    /// The operator: no random octets.
    #[error("no random octets")]
    Entropy(#[from] NoEntropy),
    /// The operator: stored data contradicts itself; the text says where.
    #[error("stored data contradicts itself: {0}")]
    Inconsistent(String),
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}

/// What identities and grants are asked for ends here in their store's failures only: an account
/// shows no credential that could be refused.
impl From<ca_identity::Error> for Error {
    fn from(error: ca_identity::Error) -> Self {
        use ca_identity::Error as Identity;
        match error {
            Identity::Store(error) => Self::Issuance(error.into()),
            Identity::Issuance(error) => Self::Issuance(error),
            Identity::Entropy(error) => Self::Entropy(error),
            Identity::Inconsistent(text) => Self::Inconsistent(text),
            Identity::Unavailable {
                retry_after,
                source,
            } => Self::Store(StoreError::Unavailable {
                retry_after,
                source,
            }),
            Identity::Unauthenticated(_)
            | Identity::Throttled { .. }
            | Identity::Forbidden(_)
            | Identity::NotGranted(_)
            | Identity::Malformed(_)
            | Identity::NotFound
            | Identity::Conflict(_)
            | Identity::IdempotencyMismatch => {
                Self::Inconsistent(format!("asking for grants ended in: {error}"))
            }
        }
    }
}

impl Error {
    /// Makes a refusal of the `malformed` kind.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Problem::malformed(detail).into()
    }
}
