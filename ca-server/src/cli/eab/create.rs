//! `ca-server eab create`

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_acme::AcmeStore;
use ca_acme::external_account::ExternalAccountKey;
use ca_issuance::audit::{Event, EventKind};
use ca_issuance::world::{NoEntropy, SystemClock, SystemEntropy};
use ca_issuance::{Clock, Entropy, IssuanceError};
use ca_pki::hex;
use clap::Args;
use secrecy::{ExposeSecret, SecretSlice};
use serde_json::json;

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
    /// Lets the key bind one account only.
    #[arg(long)]
    single_use: bool,
    /// When the key ends, for example 30d; never, if left out.
    #[arg(long, value_name = "SPAN", value_parser = humantime::parse_duration)]
    expires_in: Option<Duration>,
}

pub(super) fn run(arguments: CreateArguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config.config)?;
    require_directory(&config, arguments.directory.as_deref())?;
    let key = new_key(arguments).map_err(|error| Error::Issuance(IssuanceError::from(error)))?;
    block_on(async move {
        let shown = Shown::of(&key);
        let store = storage::open(&config).await?;
        let event = created(&key);
        let added = store.add_external_account_key(key, event).await;
        store.close().await;
        added.map_err(store_error)?;
        shown.print();
        Ok(())
    })
}

/// What the operator gets to see once the key is durable.
struct Shown {
    kid: String,
    mac_key: String,
}

impl Shown {
    fn of(key: &ExternalAccountKey) -> Self {
        Self {
            kid: key.kid.clone(),
            mac_key: URL_SAFE_NO_PAD.encode(key.mac_key.expose_secret()),
        }
    }

    fn print(&self) {
        println!("kid       {}", self.kid);
        println!("hmac key  {}", self.mac_key);
        eprintln!("The key is not shown again. For certbot: --eab-kid and --eab-hmac-key.");
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

fn new_key(arguments: CreateArguments) -> Result<ExternalAccountKey, NoEntropy> {
    let (entropy, now) = (SystemEntropy::default(), SystemClock.now());
    let (mut kid, mut mac_key) = ([0; KID_BYTES], vec![0; MAC_KEY_BYTES]);
    entropy.fill(&mut kid)?;
    entropy.fill(&mut mac_key)?;
    // Without the top bit the text begins with a letter: with `-` it would look like an option.
    if let Some(first) = mac_key.first_mut() {
        *first &= 0x7f;
    }
    Ok(ExternalAccountKey {
        kid: hex::lower(&kid),
        mac_key: SecretSlice::from(mac_key),
        directory: arguments.directory,
        comment: arguments.comment,
        principal: None,
        single_use: arguments.single_use,
        expires_at: arguments.expires_in.map(|span| now.plus(span)),
        revoked_at: None,
        used_at: None,
        created_at: now,
    })
}

fn created(key: &ExternalAccountKey) -> Event {
    Event {
        at: key.created_at,
        kind: EventKind::ExternalAccountKeyCreated,
        actor: operator::at_the_command_line(),
        subject: key.kid.clone(),
        details: json!({
            "directory": key.directory,
            "comment": key.comment,
            "single_use": key.single_use,
            "expires_at": key.expires_at.map(|end| end.to_string()),
        }),
    }
}

const KID_BYTES: usize = 16;
const MAC_KEY_BYTES: usize = 32;
