//! Logs and metrics of the whole process.

mod line;
mod pen;

use std::io::IsTerminal;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use self::line::JsonLine;
use self::pen::Pen;
use crate::error::Error;

pub(crate) use self::pen::LastLines;

/// Starts logging and installs the metrics recorder; once per process.
///
/// Logs go to standard error: JSON lines, or plain text on a terminal. `RUST_LOG` filters. Keep
/// what is returned beside the metrics to the end: it writes the last lines.
pub(crate) fn start() -> Result<(PrometheusHandle, LastLines), Error> {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_absent| EnvFilter::new("info,sqlx=warn,sea_orm_migration=warn"));
    let registry = tracing_subscriber::registry().with(filter);
    let (pen, last_lines) =
        Pen::start(std::io::stderr()).map_err(|error| Error::Telemetry(error.to_string()))?;
    let plain = std::io::stderr().is_terminal();
    let started = if plain {
        registry
            .with(tracing_subscriber::fmt::layer().with_writer(pen))
            .try_init()
    } else {
        let json = tracing_subscriber::fmt::layer()
            .event_format(JsonLine)
            .fmt_fields(JsonFields::new())
            .with_writer(pen);
        registry.with(json).try_init()
    };
    started.map_err(|error| Error::Telemetry(error.to_string()))?;
    let metrics = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| Error::Telemetry(error.to_string()))?;
    Ok((metrics, last_lines))
}

const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
