//! `ca-server check-config`

use ca_issuance::Clock;
use ca_issuance::world::SystemClock;

use crate::app::rules;
use crate::cli::ConfigArgument;
use crate::config::Config;
use crate::error::Error;

pub(super) fn run(arguments: &ConfigArgument) -> Result<(), Error> {
    let config = Config::load(&arguments.config)?;
    rules::build(&config)?;
    for warning in config.warnings(SystemClock.now()) {
        eprintln!("ca-server: warning: {warning}");
    }
    print!("{}", config.to_toml()?);
    Ok(())
}
