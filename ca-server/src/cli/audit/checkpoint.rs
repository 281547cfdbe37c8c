//! `ca-server audit checkpoint`

use ca_issuance::audit::chain::Judgement;

use crate::app::{Absence, seal};
use crate::cli::{ConfigArgument, block_on};
use crate::config::Config;
use crate::error::Error;
use crate::storage;

/// Prints the newest checkpoint, unless it would be of no use later.
pub(super) fn run(arguments: &ConfigArgument) -> Result<(), Error> {
    let config = Config::load(&arguments.config)?;
    block_on(async move {
        let store = storage::open(&config).await?;
        let seal = seal::open(&config, &store, Absence::Refused).await?;
        let newest = store.newest_checkpoint().await;
        store.close().await;
        let newest = newest.map_err(|error| Error::Store(Box::new(error)))?;
        let Some(newest) = newest else {
            return Err(Error::Finding("nothing is sealed yet".to_owned()));
        };
        if newest.judge(seal.as_ref()) != Judgement::Vouches {
            let finding = "the newest checkpoint is not of [audit] key or one of its former_keys";
            return Err(Error::Finding(finding.to_owned()));
        }
        println!("{newest}");
        Ok(())
    })
}
