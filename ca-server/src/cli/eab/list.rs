//! `ca-server eab list`

use ca_acme::AcmeStore;
use ca_acme::external_account::{ExternalAccountKey, KeyQuery};
use ca_identity::Principal;
use ca_issuance::Clock;
use ca_issuance::world::SystemClock;
use ca_pki::Timestamp;
use ca_store::Store;
use clap::Args;

use super::store_error;
use crate::cli::{ConfigArgument, block_on};
use crate::config::Config;
use crate::error::Error;
use crate::storage;

/// Arguments of `eab list`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ListArguments {
    #[command(flatten)]
    config: ConfigArgument,
}

pub(super) fn run(arguments: &ListArguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config.config)?;
    block_on(async move {
        let store = storage::open(&config).await?;
        let printed = print(&store).await;
        store.close().await;
        printed
    })
}

async fn print(store: &Store) -> Result<(), Error> {
    let now = SystemClock.now();
    let mut query = KeyQuery {
        limit: PAGE,
        ..KeyQuery::default()
    };
    loop {
        let list = store.external_account_keys(&query).await;
        let list = list.map_err(store_error)?;
        for key in &list.keys {
            println!("{}", line(key, now));
        }
        match list.next {
            Some(next) => query.cursor = Some(next),
            None => return Ok(()),
        }
    }
}

/// Writes tab-separated: kid, directory, state, when it was made, comment, for whom it is.
fn line(key: &ExternalAccountKey, now: Timestamp) -> String {
    let directory = key.directory.as_deref().unwrap_or("*");
    let principal = key.principal.as_deref().map(Principal::name);
    let principal = principal.as_deref().unwrap_or("-").escape_default();
    let comment = key.comment.escape_default();
    format!(
        "{}\t{directory}\t{}\t{}\t{comment}\t{principal}",
        key.kid,
        state(key, now),
        key.created_at
    )
}

fn state(key: &ExternalAccountKey, now: Timestamp) -> &'static str {
    if key.revoked_at.is_some() {
        return "revoked";
    }
    if key.expires_at.is_some_and(|end| end <= now) {
        return "expired";
    }
    match (key.used_at, key.single_use) {
        (Some(_), true) => "used up",
        (Some(_), false) => "used",
        (None, _) => "unused",
    }
}

const PAGE: u32 = 1_000;

#[cfg(test)]
mod tests {
    use secrecy::SecretSlice;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_secs(1_795_305_120);

    fn key() -> ExternalAccountKey {
        ExternalAccountKey {
            kid: "00ff".to_owned(),
            mac_key: SecretSlice::from(b"a secret that nobody sees".to_vec()),
            directory: None,
            comment: "team\tblue".to_owned(),
            principal: None,
            single_use: false,
            expires_at: None,
            revoked_at: None,
            used_at: None,
            created_at: NOW,
        }
    }

    #[test]
    fn shows_a_key_on_one_line_without_its_secret() {
        assert_eq!(
            line(&key(), NOW),
            "00ff\t*\tunused\t2026-11-21T23:52:00Z\tteam\\tblue\t-"
        );
    }

    #[test]
    fn says_why_a_key_binds_no_more() {
        let revoked = ExternalAccountKey {
            revoked_at: Some(NOW),
            used_at: Some(NOW),
            ..key()
        };
        let expired = ExternalAccountKey {
            expires_at: Some(NOW),
            ..key()
        };
        let used_up = ExternalAccountKey {
            single_use: true,
            used_at: Some(NOW),
            ..key()
        };

        assert_eq!(state(&revoked, NOW), "revoked");
        assert_eq!(state(&expired, NOW), "expired");
        assert_eq!(state(&used_up, NOW), "used up");
    }
}
