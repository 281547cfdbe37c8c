//! The same request again and again: OCSP by GET and POST, CRLs, a directory, newNonce.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use hyper::Method;
use hyper::body::Bytes;
use tokio::task::LocalSet;
use url::Url;

use crate::connection::{Connection, Sent, Target};
use crate::error::Error;
use crate::meter::{Meter, Outcome};
use crate::pace::Pace;
use crate::process::Watched;

/// What to fetch, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The URL.
    #[arg(long)]
    url: Url,
    /// The roots for https, PEM.
    #[arg(long)]
    root: Option<PathBuf>,
    /// A file to POST; without it, GET.
    #[arg(long)]
    post: Option<PathBuf>,
    /// How many requests in all.
    #[arg(long, default_value_t = 100_000)]
    requests: u64,
    /// How many connections.
    #[arg(long, default_value_t = 16)]
    connections: u32,
    /// Requests a second; without it, as fast as answers come.
    #[arg(long)]
    rate: Option<f64>,
    /// The server's process id.
    #[arg(long)]
    pid: Option<u32>,
}

struct Plan {
    path: String,
    body: Option<Bytes>,
}

/// Runs the load and reports.
pub(crate) async fn run(arguments: Arguments) -> Result<Outcome, Error> {
    LocalSet::new().run_until(measure(arguments)).await
}

async fn measure(arguments: Arguments) -> Result<Outcome, Error> {
    let target = Target::of(&arguments.url, arguments.root.as_deref())?;
    let body = arguments.post.as_ref().map(std::fs::read).transpose()?;
    let plan = Rc::new(Plan {
        path: arguments.url.path().to_owned(),
        body: body.map(Bytes::from),
    });
    let meter = Meter::default();
    let watched = arguments.pid.map(Watched::begin).transpose()?;
    let begun = Instant::now();
    let pace = Pace::new(arguments.requests, arguments.rate);
    let workers = (0..arguments.connections).map(|_| {
        let connection = target.connection();
        let (plan, pace, meter) = (Rc::clone(&plan), pace.clone(), meter.clone());
        tokio::task::spawn_local(work(connection, plan, pace, meter))
    });
    for worker in workers.collect::<Vec<_>>() {
        worker
            .await
            .map_err(|error| Error::Http(error.to_string()))?;
    }
    Ok(meter.report("fetch", begun, watched.as_ref()))
}

async fn work(mut connection: Connection, plan: Rc<Plan>, pace: Pace, meter: Meter) {
    while let Some(turn) = pace.turn().await {
        let sent = connection
            .send(Sent {
                method: if plan.body.is_some() {
                    Method::POST
                } else {
                    Method::GET
                },
                path: &plan.path,
                content_type: plan.body.is_some().then_some("application/ocsp-request"),
                headers: &[],
                body: plan.body.clone().unwrap_or_default(),
            })
            .await;
        match sent.and_then(|answer| answer.expect("fetch", &[200, 204])) {
            Ok(()) => meter.note("fetch", turn.begun.elapsed()),
            Err(error) => meter.fail(&error),
        }
    }
}
