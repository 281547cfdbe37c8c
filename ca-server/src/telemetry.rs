//! Logs and metrics of the whole process.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::error::Error;

/// Starts logging and installs the metrics recorder; once per process.
///
/// Logs go to standard error: JSON lines, or plain text on a terminal. `RUST_LOG` filters.
pub(crate) fn start() -> Result<PrometheusHandle, Error> {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_absent| EnvFilter::new("info,sqlx=warn,sea_orm_migration=warn"));
    let registry = tracing_subscriber::registry().with(filter);
    let plain = std::io::stderr().is_terminal();
    let started = if plain {
        registry
            .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr))
            .try_init()
    } else {
        let json = tracing_subscriber::fmt::layer()
            .json()
            .with_writer(std::io::stderr);
        registry.with(json).try_init()
    };
    started.map_err(|error| Error::Telemetry(error.to_string()))?;
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| Error::Telemetry(error.to_string()))
}

const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
