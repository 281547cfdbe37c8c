//! `ca-server token`: tokens by which operators use the API.

use std::time::Duration;

use ca_identity::operator::{NewOperatorToken, OperatorToken, revoked};
use ca_identity::{IdentityStore, Role};
use ca_issuance::Clock;
use ca_issuance::world::{SystemClock, SystemEntropy};
use ca_pki::Timestamp;
use clap::{Args, Subcommand};
use secrecy::ExposeSecret;

use super::{ConfigArgument, block_on, operator};
use crate::config::Config;
use crate::error::Error;
use crate::storage;

/// What to do with operator tokens.
#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Makes a token and prints it, this once.
    Create(CreateArguments),
    /// Lists every token, newest first, without its secret.
    List(ListArguments),
    /// Revokes a token: it opens nothing from the next request on.
    Revoke(RevokeArguments),
}

/// Arguments of `token create`.
#[derive(Debug, Args)]
pub(super) struct CreateArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// Who uses it: the actor `operator:NAME` in the audit log.
    #[arg(long)]
    name: String,
    /// admin, operator or auditor.
    #[arg(long, value_parser = operator::role)]
    role: Role,
    /// How long it lives, for example 24h, or `never` for one that lives until it is revoked.
    #[arg(long, value_name = "SPAN", default_value = "30d", value_parser = lifetime)]
    lifetime: Lifetime,
}

/// Arguments of `token list`.
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    #[command(flatten)]
    config: ConfigArgument,
}

/// Arguments of `token revoke`.
#[derive(Debug, Args)]
pub(super) struct RevokeArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// The token's id, as `token list` shows it; never the token itself.
    id: String,
}

/// How long a token lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lifetime {
    Bounded(Duration),
    UntilRevoked,
}

pub(super) fn run(command: TokenCommand) -> Result<(), Error> {
    match command {
        TokenCommand::Create(arguments) => create(arguments),
        TokenCommand::List(arguments) => list(&arguments),
        TokenCommand::Revoke(arguments) => revoke(&arguments),
    }
}

fn create(arguments: CreateArguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config.config)?;
    let new = NewOperatorToken {
        name: arguments.name,
        role: arguments.role,
        lifetime: match arguments.lifetime {
            Lifetime::Bounded(span) => Some(span),
            Lifetime::UntilRevoked => None,
        },
    };
    let (token, secret) = new.draw(SystemClock.now(), &SystemEntropy::default())?;
    block_on(async move {
        let (id, end) = (token.id.clone(), end(&token));
        let event = token.created(operator::at_the_command_line());
        let store = storage::open(&config).await?;
        let added = store.add_operator_token(token, event).await;
        store.close().await;
        added.map_err(|error| Error::Store(Box::new(error)))?;
        println!("id     {id}");
        println!("ends   {end}");
        println!("token  {}", secret.expose_secret());
        eprintln!("The token is not shown again. Send it as: Authorization: Bearer TOKEN");
        Ok(())
    })
}

fn list(arguments: &ListArguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config.config)?;
    block_on(async move {
        let store = storage::open(&config).await?;
        let tokens = store.operator_tokens().await;
        store.close().await;
        let now = SystemClock.now();
        for token in tokens.map_err(|error| Error::Store(Box::new(error)))? {
            println!("{}", line(&token, now));
        }
        Ok(())
    })
}

fn revoke(arguments: &RevokeArguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config.config)?;
    let id = &arguments.id;
    let event = revoked(id, operator::at_the_command_line(), SystemClock.now());
    block_on(async move {
        let store = storage::open(&config).await?;
        let revoked = store.revoke_operator_token(id, event).await;
        store.close().await;
        if revoked.map_err(|error| Error::Store(Box::new(error)))? {
            println!("revoked {id}");
            return Ok(());
        }
        Err(Error::Finding(format!(
            "there is no token {id:?}, or it was revoked before"
        )))
    })
}

/// Writes tab-separated: id, name, role, state, when it was made, when it ends.
fn line(token: &OperatorToken, now: Timestamp) -> String {
    format!(
        "{}\t{}\t{}\t{}\t{}\t{}",
        token.id,
        token.name,
        token.role,
        state(token, now),
        token.created_at,
        end(token)
    )
}

fn state(token: &OperatorToken, now: Timestamp) -> &'static str {
    if token.revoked_at.is_some() {
        return "revoked";
    }
    match token.expires_at {
        Some(end) if end <= now => "expired",
        Some(_) | None => "valid",
    }
}

fn end(token: &OperatorToken) -> String {
    let end = token.expires_at;
    end.map_or_else(|| "never".to_owned(), |end| end.to_string())
}

fn lifetime(text: &str) -> Result<Lifetime, String> {
    if text == "never" {
        return Ok(Lifetime::UntilRevoked);
    }
    humantime::parse_duration(text)
        .map(Lifetime::Bounded)
        .map_err(|error| format!("{error}: write it as 24h or 30d, or never"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_secs(1_795_305_120);

    fn token() -> OperatorToken {
        OperatorToken {
            id: "Zx".to_owned(),
            hash: [7; 32],
            name: "anna".to_owned(),
            role: Role::Admin,
            created_at: NOW,
            expires_at: None,
            revoked_at: None,
        }
    }

    #[test]
    fn shows_a_token_on_one_line_without_its_hash() {
        assert_eq!(
            line(&token(), NOW),
            "Zx\tanna\tadmin\tvalid\t2026-11-21T23:52:00Z\tnever"
        );
    }

    #[test]
    fn says_why_a_token_opens_nothing() {
        let expired = OperatorToken {
            expires_at: Some(NOW),
            ..token()
        };
        let revoked = OperatorToken {
            revoked_at: Some(NOW),
            ..expired.clone()
        };

        assert_eq!(state(&expired, NOW), "expired");
        assert_eq!(state(&revoked, NOW), "revoked");
    }

    #[test]
    fn reads_how_long_a_token_lives() {
        assert_eq!(lifetime("never"), Ok(Lifetime::UntilRevoked));
        assert_eq!(
            lifetime("24h"),
            Ok(Lifetime::Bounded(Duration::from_secs(86_400)))
        );
        assert!(lifetime("soon").is_err());
    }
}
