//! POST /api/v1/certificates with a bearer token.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use hyper::body::Bytes;
use serde_json::json;
use tokio::task::LocalSet;
use url::Url;

use crate::connection::{Connection, Sent, Target};
use crate::csr;
use crate::error::Error;
use crate::meter::{Meter, Outcome};
use crate::pace::Pace;
use crate::process::Watched;

/// How to put requests on the JSON API.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The server's external URL.
    #[arg(long)]
    url: Url,
    /// The roots that its TLS certificate chains to, PEM.
    #[arg(long)]
    root: Option<PathBuf>,
    /// A file with the bearer token.
    #[arg(long)]
    token: PathBuf,
    /// The profile.
    #[arg(long)]
    profile: String,
    /// The end of every name that is asked for.
    #[arg(long, default_value = "load.localhost")]
    zone: String,
    /// How many certificates in all.
    #[arg(long, default_value_t = 10_000)]
    requests: u64,
    /// How many connections.
    #[arg(long, default_value_t = 64)]
    connections: u32,
    /// Requests a second; without it, as fast as answers come.
    #[arg(long)]
    rate: Option<f64>,
    /// The server's process id.
    #[arg(long)]
    pid: Option<u32>,
}

struct Plan {
    bodies: Vec<Bytes>,
    authorization: String,
}

/// Runs the load and reports.
pub(crate) async fn run(arguments: Arguments) -> Result<Outcome, Error> {
    LocalSet::new().run_until(measure(arguments)).await
}

async fn measure(arguments: Arguments) -> Result<Outcome, Error> {
    let target = Target::of(&arguments.url, arguments.root.as_deref())?;
    let plan = Rc::new(plan(&arguments)?);
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
    Ok(meter.report("certificate", begun, watched.as_ref()))
}

async fn work(mut connection: Connection, plan: Rc<Plan>, pace: Pace, meter: Meter) {
    while let Some(turn) = pace.turn().await {
        let index = usize::try_from(turn.number).unwrap_or_default();
        let Some(body) = plan.bodies.get(index) else {
            return;
        };
        let sent = connection
            .send(Sent {
                method: Method::POST,
                path: "/api/v1/certificates",
                content_type: Some("application/json"),
                headers: &[("authorization", plan.authorization.clone())],
                body: body.clone(),
            })
            .await;
        match sent.and_then(|answer| answer.expect("certificate", &[201])) {
            Ok(()) => meter.note("certificate", turn.begun.elapsed()),
            Err(error) => meter.fail(&error),
        }
    }
}

fn plan(arguments: &Arguments) -> Result<Plan, Error> {
    let run = std::process::id();
    let names: Vec<String> = (0..arguments.requests)
        .map(|number| format!("n{number}-{run}.{}", arguments.zone))
        .collect();
    let bodies = csr::make(&names)?
        .into_iter()
        .map(|der| {
            let body = json!({"csr": STANDARD.encode(der), "profile": arguments.profile});
            Bytes::from(body.to_string())
        })
        .collect();
    let token = std::fs::read_to_string(&arguments.token)?;
    Ok(Plan {
        bodies,
        authorization: format!("Bearer {}", token.trim()),
    })
}
