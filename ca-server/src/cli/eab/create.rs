//! `ca-server eab create`

use std::time::Duration;

use ca_acme::AcmeStore;
use ca_acme::external_account::{NewExternalAccountKey, USUAL_LIFETIME};
use ca_identity::{IdentityStore, Principal};
use ca_issuance::world::{SystemClock, SystemEntropy};
use ca_issuance::{Clock, IssuanceError};
use ca_store::Store;
use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::store_error;
use crate::cli::{ConfigArgument, block_on, operator};
use crate::config::Config;
use crate::error::Error;
use crate::storage;

/// Arguments of `eab create`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CreateArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// Restricts the key to one ACME directory.
    #[arg(long, value_name = "NAME")]
    directory: Option<String>,
    /// What the key is for, shown in lists.
    #[arg(long, value_name = "TEXT", default_value = "")]
    comment: String,
    /// Binds accounts to a client: what grants give the client they get without a challenge.
    ///
    /// Such a key is good for one account and ten minutes, unless it is said otherwise.
    #[arg(long, value_name = "ID", requires = "directory")]
    client: Option<String>,
    /// Lets the key bind one account only.
    #[arg(long)]
    single_use: bool,
    /// Lets the key of a client bind many accounts.
    #[arg(long, requires = "client", conflicts_with = "single_use")]
    reusable: bool,
    /// When the key ends, for example 30d; left out: a client's in 10m, others never.
    #[arg(long, value_name = "SPAN", value_parser = humantime::parse_duration)]
    expires_in: Option<Duration>,
}

pub(super) fn run(arguments: CreateArguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config.config)?;
    require_directory(&config, arguments.directory.as_deref())?;
    block_on(async move {
        let store = storage::open(&config).await?;
        let created = create(&store, arguments).await;
        store.close().await;
        let (kid, mac_key) = created?;
        println!("kid       {kid}");
        println!("hmac key  {}", mac_key.expose_secret());
        eprintln!("The key is not shown again. For certbot: --eab-kid and --eab-hmac-key.");
        Ok(())
    })
}

/// Returns what the operator gets to see once the key is durable.
async fn create(
    store: &Store,
    arguments: CreateArguments,
) -> Result<(String, SecretString), Error> {
    let now = SystemClock.now();
    // Whoever holds the key of a client gets what grants give it.
    let acts_for_somebody = arguments.client.is_some();
    let usual = acts_for_somebody.then_some(USUAL_LIFETIME);
    let lifetime = arguments.expires_in.or(usual);
    let new = NewExternalAccountKey {
        principal: match &arguments.client {
            Some(id) => Some(client(store, id).await?),
            None => None,
        },
        directory: arguments.directory,
        comment: arguments.comment,
        single_use: arguments.single_use || (acts_for_somebody && !arguments.reusable),
        expires_at: lifetime.map(|span| now.plus(span)),
    };
    let key = new
        .draw(now, &SystemEntropy::default())
        .map_err(|error| Error::Issuance(IssuanceError::from(error)))?;
    let shown = (key.kid.clone(), key.mac_key_text());
    let event = key.created(operator::at_the_command_line());
    store
        .add_external_account_key(key, event)
        .await
        .map_err(store_error)?;
    Ok(shown)
}

async fn client(store: &Store, id: &str) -> Result<Principal, Error> {
    let found = store
        .client(id)
        .await
        .map_err(|error| Error::Store(Box::new(error)))?;
    match found {
        Some(client) => Ok(Principal::Client {
            id: client.id,
            role: client.role,
        }),
        None => Err(Error::Finding(format!("there is no client {id:?}"))),
    }
}

fn require_directory(config: &Config, wanted: Option<&str>) -> Result<(), Error> {
    let names: Vec<&str> = config.acme.iter().map(|one| one.name.as_str()).collect();
    match wanted {
        Some(name) if !names.contains(&name) => Err(Error::Finding(format!(
            "there is no ACME directory {name:?}: the configuration has {}",
            names.join(", ")
        ))),
        Some(_) | None => Ok(()),
    }
}
