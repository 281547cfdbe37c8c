//! `ca-server client`: programs that log in with an id and a secret (RFC 6749 §4.4).

use ca_identity::client::{self, Client, NewClient};
use ca_identity::{IdentityStore, Role};
use ca_issuance::world::{SystemClock, SystemEntropy};
use ca_issuance::{Clock, LedgerError};
use clap::{Args, Subcommand};
use secrecy::ExposeSecret;

use super::{ConfigArgument, block_on, operator};
use crate::config::Config;
use crate::error::Error;
use crate::storage;

/// What to do with clients.
#[derive(Debug, Subcommand)]
pub(super) enum ClientCommand {
    /// Adds a client and prints its secret, this once.
    Add(AddArguments),
    /// Lists every client, by id.
    List(ListArguments),
    /// Removes a client: its tokens end at once.
    Remove(RemoveArguments),
}

/// Arguments of `client add`.
#[derive(Debug, Args)]
pub(super) struct AddArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// The id that it logs in with.
    #[arg(long)]
    id: String,
    /// Gives it a role: admin, operator or auditor. Without one it has what grants allow.
    #[arg(long, value_parser = operator::role)]
    role: Option<Role>,
    /// What the client is, shown in lists.
    #[arg(long, value_name = "TEXT", default_value = "")]
    comment: String,
}

/// Arguments of `client list`.
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    #[command(flatten)]
    config: ConfigArgument,
}

/// Arguments of `client remove`.
#[derive(Debug, Args)]
pub(super) struct RemoveArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// The client's id.
    id: String,
}

pub(super) fn run(command: ClientCommand) -> Result<(), Error> {
    match command {
        ClientCommand::Add(arguments) => add(arguments),
        ClientCommand::List(arguments) => list(&arguments),
        ClientCommand::Remove(arguments) => remove(&arguments),
    }
}

fn add(arguments: AddArguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config.config)?;
    let new = NewClient {
        id: arguments.id,
        role: arguments.role,
        comment: arguments.comment,
    };
    let (client, secret) = new.draw_blocking(SystemClock.now(), &SystemEntropy::default())?;
    block_on(async move {
        let id = client.id.clone();
        let event = client.created(operator::at_the_command_line());
        let store = storage::open(&config).await?;
        let added = store.add_client(client, event).await;
        store.close().await;
        match added {
            Ok(()) => {}
            Err(LedgerError::Conflict) => {
                return Err(Error::Finding(format!("there is a client {id:?} already")));
            }
            Err(error) => return Err(Error::Store(Box::new(error))),
        }
        println!("client id      {id}");
        println!("client secret  {}", secret.expose_secret());
        eprintln!("The secret is not shown again.");
        Ok(())
    })
}

fn list(arguments: &ListArguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config.config)?;
    block_on(async move {
        let store = storage::open(&config).await?;
        let clients = store.clients().await;
        store.close().await;
        for client in clients.map_err(|error| Error::Store(Box::new(error)))? {
            println!("{}", line(&client));
        }
        Ok(())
    })
}

fn remove(arguments: &RemoveArguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config.config)?;
    let id = &arguments.id;
    let event = client::removed(id, operator::at_the_command_line(), SystemClock.now());
    block_on(async move {
        let store = storage::open(&config).await?;
        let removed = store.remove_client(id, event).await;
        store.close().await;
        if removed.map_err(|error| Error::Store(Box::new(error)))? {
            println!("removed {id}");
            return Ok(());
        }
        Err(Error::Finding(format!("there is no client {id:?}")))
    })
}

/// Writes tab-separated: id, role, when it was made, when it last logged in, comment.
fn line(client: &Client) -> String {
    let last_used = client.last_used_at;
    format!(
        "{}\t{}\t{}\t{}\t{}",
        client.id,
        client.role.map_or("-", Role::name),
        client.created_at,
        last_used.map_or_else(|| "never".to_owned(), |moment| moment.to_string()),
        client.comment.escape_default()
    )
}

#[cfg(test)]
mod tests {
    use ca_pki::Timestamp;

    use super::*;

    #[test]
    fn shows_a_client_on_one_line_without_its_secret() {
        let client = Client {
            id: "deployer".to_owned(),
            secret_hash: "$argon2id$nobody-sees-this".to_owned(),
            role: Some(Role::Operator),
            comment: "team\tblue".to_owned(),
            created_at: Timestamp::from_unix_secs(1_795_305_120),
            last_used_at: None,
        };

        let line = line(&client);

        assert_eq!(
            line,
            "deployer\toperator\t2026-11-21T23:52:00Z\tnever\tteam\\tblue"
        );
    }
}
