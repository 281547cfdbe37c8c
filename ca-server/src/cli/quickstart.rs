//! `ca-server quickstart`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::app::App;
use crate::cli::block_on;
use crate::config::Config;
use crate::error::Error;
use crate::quickstart::{Addresses, Quickstart};
use crate::telemetry;

/// Arguments of `quickstart`.
#[derive(Debug, Args)]
pub(super) struct QuickstartArguments {
    /// The folder that holds the CA; made if it is not there.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where HTTPS listens; port 0 picks a free one and writes it down.
    #[arg(long, value_name = "ADDRESS")]
    public: Option<SocketAddr>,
    /// Where CRL and OCSP are served.
    #[arg(long, value_name = "ADDRESS")]
    pki: Option<SocketAddr>,
    /// Where health and metrics are served.
    #[arg(long, value_name = "ADDRESS")]
    ops: Option<SocketAddr>,
}

pub(super) fn run(arguments: &QuickstartArguments) -> Result<(), Error> {
    let addresses = Addresses {
        public: arguments.public,
        pki: arguments.pki,
        ops: arguments.ops,
    };
    let quickstart = Quickstart::prepare(&arguments.data, addresses)?;
    let config = Config::load(&quickstart.config_file())?;
    let (metrics, _last_lines) = telemetry::start()?;
    block_on(async move {
        quickstart.migrate(&config).await?;
        let greeting = quickstart.greeting(&config)?;
        let app = App::open(config, metrics).await?;
        println!("{greeting}");
        app.serve().await
    })
}
