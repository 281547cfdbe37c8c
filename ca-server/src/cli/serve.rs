//! `ca-server serve`

use crate::app::App;
use crate::cli::{ConfigArgument, block_on};
use crate::config::Config;
use crate::error::Error;
use crate::telemetry;

pub(super) fn run(arguments: &ConfigArgument) -> Result<(), Error> {
    let config = Config::load(&arguments.config)?;
    let (metrics, _last_lines) = telemetry::start()?;
    block_on(async move { App::open(config, metrics).await?.serve().await })
}
