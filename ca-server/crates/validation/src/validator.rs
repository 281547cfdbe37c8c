//! The port's implementation over the network.

use async_trait::async_trait;
use ca_acme::authorization::ChallengeKind;
use ca_acme::validator::Attempt;
use ca_acme::{Problem, ProblemKind, Validator};
use ca_pki::Identifier;

use crate::Settings;

/// Proves control with real connections and real DNS queries.
#[derive(Debug)]
pub struct NetworkValidator {
    settings: Settings,
}

impl NetworkValidator {
    /// Makes a validator; nothing is dialled or read until it is asked.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }
}

#[async_trait]
impl Validator for NetworkValidator {
    async fn validate(&self, attempt: &Attempt) -> Result<(), Problem> {
        let _ = (attempt, &self.settings);
        Err(Problem::new(
            ProblemKind::ServerInternal,
            "not available yet",
        ))
    }

    async fn check_caa(
        &self,
        identifier: &Identifier,
        wildcard: bool,
        challenge: Option<ChallengeKind>,
        account_url: &str,
    ) -> Result<(), Problem> {
        let _ = (identifier, wildcard, challenge, account_url);
        Err(Problem::new(
            ProblemKind::ServerInternal,
            "not available yet",
        ))
    }
}
