//! Keys that somebody gets for an ACME client of theirs.

use std::collections::BTreeSet;
use std::time::Duration;

use ca_identity::grant::{Addressee, Examined, GrantRequest, GrantRule, Verdict};
use ca_identity::{Error, Identity, Role};
use ca_issuance::audit::{Event, EventKind};
use ca_pki::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::NewExternalAccountKey;
use crate::acme::Acme;
use crate::directory::{Directory, ExternalAccountRule};

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct MintRequest {
    /// The directory; may be left out where one alone takes external accounts.
    pub directory: Option<String>,
    /// How long it may bind an account; 10 minutes, if left out.
    pub lifetime: Option<Duration>,
}

/// A key on its way to whoever asked for it: its secret is kept for nobody else to see.
#[derive(Debug)]
pub struct Minted {
    /// For the option `--eab-kid` or the like.
    pub kid: String,
    /// For the option `--eab-hmac-key` or the like: base64url without padding.
    pub mac_key: SecretString,
    /// The directory's name.
    pub directory: String,
    /// The directory's URL.
    pub directory_url: String,
    /// Until when it may bind an account.
    pub expires_at: Timestamp,
}

impl Acme {
    /// Mints a key that binds one account of one directory to the caller, soon.
    ///
    /// The account acts for the caller: what grants give the caller it gets without a challenge,
    /// for as long as they do. Somebody without any grant for the directory's profiles would get
    /// nothing by it and is refused; operators need none.
    pub async fn mint_external_account_key(
        &self,
        identity: &Identity,
        request: MintRequest,
    ) -> Result<Minted, Error> {
        let directory = self.directory_to_bind_in(request.directory.as_deref())?;
        let lifetime = checked(request.lifetime)?;
        self.require_any_grant(identity, directory).await?;

        let now = self.now();
        let expires_at = now.plus(lifetime);
        let new = NewExternalAccountKey {
            directory: Some(directory.name.clone()),
            comment: String::new(),
            principal: Some(identity.principal.clone()),
            single_use: true,
            expires_at: Some(expires_at),
        };
        let key = new.draw(now, self.corridor.entropy().as_ref())?;
        let minted = Minted {
            kid: key.kid.clone(),
            mac_key: key.mac_key_text(),
            directory: directory.name.clone(),
            directory_url: self.urls.directory(&directory.name),
            expires_at,
        };
        let event = key.created(identity.actor());
        self.store.add_external_account_key(key, event).await?;
        Ok(minted)
    }

    fn directory_to_bind_in(&self, wanted: Option<&str>) -> Result<&Directory, Error> {
        let mut takers = self
            .directories()
            .filter(|directory| directory.external_account != ExternalAccountRule::Off);
        let names = || {
            let takers = self
                .directories()
                .filter(|directory| directory.external_account != ExternalAccountRule::Off);
            let names: Vec<&str> = takers.map(|directory| directory.name.as_str()).collect();
            names.join(", ")
        };
        match wanted {
            Some(name) => takers
                .find(|directory| directory.name == name)
                .ok_or_else(|| {
                    Error::Malformed(format!(
                        "no ACME directory {name:?} takes external accounts; these do: {}",
                        names()
                    ))
                }),
            None => match (takers.next(), takers.next()) {
                (Some(only), None) => Ok(only),
                (None, _) => Err(Error::Malformed(
                    "no ACME directory takes external accounts".to_owned(),
                )),
                (Some(_), Some(_)) => Err(Error::Malformed(format!(
                    "say for which ACME directory: {}",
                    names()
                ))),
            },
        }
    }

    async fn require_any_grant(
        &self,
        identity: &Identity,
        directory: &Directory,
    ) -> Result<(), Error> {
        match identity.role {
            Some(Role::Admin | Role::Operator) => return Ok(()),
            Some(Role::Auditor) => {
                return Err(Error::Forbidden("auditors change nothing".to_owned()));
            }
            None => {}
        }
        let nothing = BTreeSet::new();
        let asked = |profile| GrantRequest {
            principal: &identity.principal,
            role: identity.role,
            profile,
            identifiers: &nothing,
            address: None,
            at: self.now(),
        };
        for profile in directory.profiles.keys() {
            let examined = self.access.examine(asked(profile)).await?;
            if examined.iter().any(gives_something) {
                return Ok(());
            }
        }
        match self.access.judge(asked(&directory.default_profile)).await? {
            Verdict::Granted(_) => Ok(()),
            Verdict::Refused(refusal) => {
                self.note_refused_key(identity, directory, refusal.to_json())
                    .await?;
                Err(Error::NotGranted(Box::new(refusal)))
            }
        }
    }

    async fn note_refused_key(
        &self,
        identity: &Identity,
        directory: &Directory,
        grants: Value,
    ) -> Result<(), Error> {
        let event = Event {
            at: self.now(),
            kind: EventKind::ExternalAccountKeyRefused,
            actor: identity.actor(),
            subject: directory.name.clone(),
            details: json!({ "address": identity.address, "grants": grants }),
        };
        Ok(self.corridor.ledger().append_event(event).await?)
    }
}

/// No name was asked for, so that a grant fails in this at least; a network may be another one
/// where the ACME client runs.
fn gives_something(examined: &Examined) -> bool {
    examined.addressee == Addressee::Caller
        && examined
            .failed
            .iter()
            .all(|failed| matches!(failed.rule, GrantRule::Identifier | GrantRule::Network))
}

fn checked(lifetime: Option<Duration>) -> Result<Duration, Error> {
    match lifetime.unwrap_or(USUAL_LIFETIME) {
        Duration::ZERO => Err(Error::Malformed("the lifetime is zero".to_owned())),
        lifetime if lifetime > LONGEST_LIFETIME => Err(Error::Malformed(
            "an EAB credential lives for an hour at most: the account lives on".to_owned(),
        )),
        lifetime => Ok(lifetime),
    }
}

/// How long a key that acts for somebody may bind an account, unless it is said otherwise.
pub const USUAL_LIFETIME: Duration = Duration::from_secs(10 * 60);
const LONGEST_LIFETIME: Duration = Duration::from_secs(60 * 60);
