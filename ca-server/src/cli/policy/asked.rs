//! Who asks, as told at the command line.

use std::path::{Path, PathBuf};

use ca_identity::oidc::unverified_principal;
use ca_identity::{IdentityStore, LoginFailure, Principal, Role, oidc};
use ca_pki::{Identifier, Timestamp};
use ca_store::Store;
use clap::Args;
use serde_json::{Map, Value};

use crate::app::identity;
use crate::cli::operator;
use crate::config::{Config, ConfigError};
use crate::error::Error;
use crate::files;

/// Who asks.
#[derive(Debug, Args)]
#[group(id = "who", required = true, multiple = false)]
pub(super) struct WhoArguments {
    /// A client, by its id.
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// The holder of a client certificate with this name, such as spiffe://example.internal/ci/42
    /// or dns:web.example.internal; given again, with several names.
    #[arg(long, value_name = "NAME", value_parser = certificate_name)]
    certificate: Vec<Identifier>,
    /// Somebody with a role: admin, operator or auditor.
    #[arg(long, value_name = "ROLE", value_parser = operator::role)]
    role: Option<Role>,
    /// The holder of a token of this [[oidc]] provider, with the claims given by --claim.
    #[arg(long, value_name = "PROVIDER")]
    oidc: Option<String>,
    /// The holder of the token in this file; whether the server would take it is said too.
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
}

/// A claim of the token.
#[derive(Debug, Args)]
pub(super) struct ClaimArguments {
    /// A claim, as name=value or /json/pointer=value; given again under the same name, a list.
    #[arg(
        long = "claim",
        value_name = "NAME=VALUE",
        requires = "oidc",
        conflicts_with_all = ["client", "certificate", "role", "token"],
        value_parser = claim
    )]
    claims: Vec<(String, String)>,
}

/// Who asks, and what is to be said about that.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) principal: Principal,
    /// Why the server would not believe it.
    pub(super) refused: Option<String>,
    pub(super) notes: Vec<String>,
}

impl Asking {
    fn plainly(principal: Principal) -> Self {
        Self {
            principal,
            refused: None,
            notes: Vec::new(),
        }
    }
}

impl WhoArguments {
    /// Finds out who is meant.
    pub(super) async fn asking(
        self,
        claims: ClaimArguments,
        config: &Config,
        store: Option<&Store>,
        now: Timestamp,
    ) -> Result<Asking, Error> {
        if let Some(file) = &self.token {
            return by_token(file, config, now).await;
        }
        if let Some(id) = self.client {
            return client(id, store).await;
        }
        if let Some(provider) = self.oidc {
            return by_claims(provider, claims, config);
        }
        Ok(Asking::plainly(match self.role {
            Some(role) => Principal::Operator {
                name: "somebody".to_owned(),
                role,
                token: None,
            },
            None => Principal::Certificate {
                issuer: "some".to_owned(),
                serial: "0".to_owned(),
                profile: "some".to_owned(),
                identifiers: self.certificate.iter().map(Identifier::to_string).collect(),
            },
        }))
    }
}

async fn client(id: String, store: Option<&Store>) -> Result<Asking, Error> {
    let known = match store {
        Some(store) => store
            .client(&id)
            .await
            .map_err(|error| Error::Store(Box::new(error)))?,
        None => return Ok(Asking::plainly(Principal::Client { id, role: None })),
    };
    let refused = known
        .is_none()
        .then(|| "there is no client of this id".to_owned());
    let role = known.and_then(|client| client.role);
    Ok(Asking {
        refused,
        ..Asking::plainly(Principal::Client { id, role })
    })
}

fn by_claims(
    provider: String,
    arguments: ClaimArguments,
    config: &Config,
) -> Result<Asking, Error> {
    let section = config.oidc.iter().find(|section| section.name == provider);
    let section =
        section.ok_or_else(|| Error::Finding(format!("there is no [[oidc]] {provider:?}")))?;
    let settings = section.to_settings().map_err(ConfigError::Faults)?;
    let mut claims = Map::new();
    for (key, value) in &arguments.claims {
        put(&mut claims, &path(key), value)
            .ok_or_else(|| Error::Finding(format!("--claim {key}: it is a value and holds one")))?;
    }
    let subject = claims.get("sub").and_then(Value::as_str);
    let refused = settings.check_claims(&claims).err();
    Ok(Asking {
        refused: refused.map(|failure| failure.to_string()),
        ..Asking::plainly(Principal::Oidc {
            provider,
            subject: subject.unwrap_or("somebody").to_owned(),
            claims,
        })
    })
}

/// Reads the token, and asks whether the server would take it. It is not used up.
async fn by_token(file: &Path, config: &Config, now: Timestamp) -> Result<Asking, Error> {
    let text = files::read(file)?;
    let unverified = text.trim();
    let unreadable = |failure: LoginFailure| Error::Finding(failure.to_string());
    let issuer = oidc::unverified_issuer(unverified).map_err(unreadable)?;
    let providers = identity::providers(config)?;
    let provider = providers
        .iter()
        .find(|provider| provider.settings().issuer == issuer)
        .ok_or_else(|| unreadable(LoginFailure::UnknownIssuer))?;
    let name = &provider.settings().name;
    let principal = unverified_principal(name, unverified).map_err(unreadable)?;
    let mut asking = Asking::plainly(principal);
    match provider.verify(unverified, now).await {
        Ok(_) => asking.notes.push("the token itself is good".to_owned()),
        Err(ca_identity::Error::Unauthenticated(failure)) => {
            asking.refused = Some(failure.to_string());
        }
        Err(error) => asking
            .notes
            .push(format!("the token cannot be verified now: {error}")),
    }
    Ok(asking)
}

/// Splits a JSON pointer (RFC 6901); a plain name is a path of one.
fn path(key: &str) -> Vec<String> {
    match key.strip_prefix('/') {
        Some(pointer) => pointer
            .split('/')
            .map(|part| part.replace("~1", "/").replace("~0", "~"))
            .collect(),
        None => vec![key.to_owned()],
    }
}

/// Puts a text where the path leads; a second one beside the first. `None` if the path goes
/// through a text, or ends where other members are.
fn put(claims: &mut Map<String, Value>, path: &[String], text: &str) -> Option<()> {
    let (name, rest) = path.split_first()?;
    let fresh = if rest.is_empty() {
        Value::Null
    } else {
        Value::Object(Map::new())
    };
    let place = claims.entry(name.clone()).or_insert(fresh);
    if !rest.is_empty() {
        return put(place.as_object_mut()?, rest, text);
    }
    let text = Value::from(text);
    match place {
        Value::Null => *place = text,
        Value::Array(texts) => texts.push(text),
        Value::String(first) => *place = Value::from(vec![Value::from(first.as_str()), text]),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    }
    Some(())
}

fn claim(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write name=value")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn certificate_name(text: &str) -> Result<Identifier, String> {
    match text.split_once(':') {
        Some((kind @ ("dns" | "ip" | "uri" | "email"), value)) => Identifier::parse(kind, value),
        Some(_) => Identifier::parse("uri", text),
        None => Identifier::parse("dns", text),
    }
    .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
