//! `ca-server settle`

use ca_issuance::Settle;

use crate::app::App;
use crate::cli::{ConfigArgument, block_on};
use crate::config::Config;
use crate::error::Error;
use crate::telemetry;

pub(super) fn run(arguments: &ConfigArgument) -> Result<(), Error> {
    let config = Config::load(&arguments.config)?;
    let (metrics, _last_lines) = telemetry::start()?;
    block_on(async move {
        let app = App::open(config, metrics).await?;
        let settled = app.settle(Settle::Overdue).await?;
        app.close().await;
        println!("settled {settled} unfinished issuance(s)");
        Ok(())
    })
}
