//! Operators: who has a role, by token or by rule.

use std::time::Duration;

use ca_issuance::audit::{Event, EventKind};
use ca_issuance::{Actor, Entropy};
use ca_pki::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::grant::Who;
use crate::store::SecretHash;
use crate::{Error, IdentityStore, Principal, Role, secret};

/// A configured rule that gives a role: `[[operator]]`.
#[derive(Clone, Debug)]
pub struct OperatorRule {
    /// For logs and events.
    pub name: String,
    /// Which role.
    pub role: Role,
    /// To whom.
    pub who: Who,
}

/// Returns the highest role that a principal's credential or the rules give.
pub fn role_of(rules: &[OperatorRule], principal: &Principal) -> Option<Role> {
    let own = match principal {
        Principal::Client { role, .. } => *role,
        Principal::Operator { role, .. } => Some(*role),
        Principal::Oidc { .. } | Principal::Certificate { .. } => None,
    };
    let meant = rules.iter().filter(|rule| rule.who.matches(principal, own));
    let given = meant.map(|rule| rule.role);
    // Declared from the highest down.
    given.chain(own).min()
}

/// An operator token as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorToken {
    /// For lists and revocation; not the secret.
    pub id: String,
    /// SHA-256 of the token.
    pub hash: SecretHash,
    /// Whose.
    pub name: String,
    /// Which role.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// An operator token to be made.
#[derive(Clone, Debug)]
pub struct NewOperatorToken {
    /// Whose: letters, digits, `.`, `_`, `-` and `@`, at most 64.
    pub name: String,
    /// Which role.
    pub role: Role,
    /// How long it lives; `None`: until it is revoked.
    pub lifetime: Option<Duration>,
}

impl NewOperatorToken {
    /// Checks the parts and draws the token, which is shown this once.
    pub fn draw(
        self,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<(OperatorToken, SecretString), Error> {
        let text = secret::draw(OPERATOR_TOKEN_PREFIX, entropy)?;
        Ok((self.of_text(&text, now, entropy)?, text))
    }

    /// Makes the row of a token that was drawn before: quickstart's, which a file holds.
    pub fn of_text(
        self,
        text: &SecretString,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<OperatorToken, Error> {
        if !is_operator_name(&self.name) {
            return Err(Error::Malformed(
                "an operator's name has 1 to 64 letters, digits, '.', '_', '-' or '@'".into(),
            ));
        }
        if self.lifetime == Some(Duration::ZERO) {
            return Err(Error::Malformed(
                "a token lives for a second at least".into(),
            ));
        }
        if self.lifetime.is_some_and(|span| span > LONGEST_LIFE) {
            return Err(Error::Malformed(
                "a token lives for ten years at most, or until it is revoked".into(),
            ));
        }
        Ok(OperatorToken {
            id: secret::draw_id(entropy)?,
            hash: secret::hash(text.expose_secret()),
            name: self.name,
            role: self.role,
            created_at: now,
            expires_at: self.lifetime.map(|lifetime| now.plus(lifetime)),
            revoked_at: None,
        })
    }
}

impl OperatorToken {
    /// Finds the row of a token that a file holds.
    pub async fn find(
        text: &SecretString,
        store: &dyn IdentityStore,
    ) -> Result<Option<Self>, Error> {
        let hash = secret::hash(text.expose_secret());
        Ok(store.operator_token(&hash).await?)
    }

    /// Returns the event of its making.
    pub fn created(&self, by: Actor) -> Event {
        Event {
            at: self.created_at,
            kind: EventKind::OperatorTokenCreated,
            actor: by,
            subject: self.id.clone(),
            details: json!({
                "name": self.name,
                "role": self.role,
                "expires_at": self.expires_at.map(|end| end.to_string()),
            }),
        }
    }
}

/// Returns the event of a token's revocation.
pub fn revoked(id: &str, by: Actor, at: Timestamp) -> Event {
    Event {
        at,
        kind: EventKind::OperatorTokenRevoked,
        actor: by,
        subject: id.to_owned(),
        details: json!({}),
    }
}

fn is_operator_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || b"._-@".contains(&octet))
}

/// Whoever wants more says `never`: a number that large is a mistake.
const LONGEST_LIFE: Duration = Duration::from_secs(3_653 * 86_400);

/// What every operator token begins with.
pub const OPERATOR_TOKEN_PREFIX: &str = "cao_";
