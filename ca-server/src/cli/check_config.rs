//! `ca-server check-config`

use crate::app::identity;
use crate::cli::ConfigArgument;
use crate::config::Config;
use crate::error::Error;

pub(super) fn run(arguments: &ConfigArgument) -> Result<(), Error> {
    let config = Config::load(&arguments.config)?;
    identity::providers(&config)?;
    print!("{}", config.to_toml()?);
    Ok(())
}
