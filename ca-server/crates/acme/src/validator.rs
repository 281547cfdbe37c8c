//! The port to the outside world: proofs of control and CAA.

use async_trait::async_trait;
use ca_pki::Identifier;

use crate::Problem;
use crate::authorization::ChallengeKind;

/// What is to be proven.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The identifier; for a wildcard the base name.
    pub identifier: Identifier,
    /// Whether it is for `*.identifier`: changes CAA (issuewild), never what is dialled.
    pub wildcard: bool,
    /// How it is proven.
    pub challenge: ChallengeKind,
    /// The challenge's token.
    pub token: String,
    /// `token.thumbprint` (RFC 8555 §8.1).
    pub key_authorization: String,
    /// The account's URL, for CAA `accounturi` (RFC 8657 §3).
    pub account_url: String,
}

/// Proves control by asking the outside world.
///
/// Contract: answers within its own deadline (10 s from its turn) whatever the other side does; an
/// `Err` is the final result of the challenge, its detail safe to show: never the other side's
/// body. Only `rateLimited` is no result: its turn did not come, and it is tried again later.
#[async_trait]
pub trait Validator: Send + Sync {
    /// Checks the challenge, then CAA.
    async fn validate(&self, attempt: &Attempt) -> Result<(), Problem>;

    /// Checks CAA alone, for authorizations whose last check is old or that were born valid.
    async fn check_caa(
        &self,
        identifier: &Identifier,
        wildcard: bool,
        challenge: Option<ChallengeKind>,
        account_url: &str,
    ) -> Result<(), Problem>;
}
