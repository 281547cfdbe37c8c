//! POST /api/v1/certificates with a bearer token.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Bytes;
use serde_json::json;
use url::Url;

use crate::connection::{Connection, Sent};
use crate::csr;
use crate::error::Error;
use crate::jws::KeyKind;
use crate::load::Load;
use crate::meter::Outcome;

/// How to put requests on the JSON API.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The server's external URL.
    #[arg(long)]
    url: Url,
    /// A file with the bearer token.
    #[arg(long)]
    token: PathBuf,
    /// The profile.
    #[arg(long)]
    profile: String,
    /// The kind of key to be certified.
    #[arg(long, value_enum, default_value = "p256")]
    certificate_key: KeyKind,
    /// The end of every name that is asked for.
    #[arg(long, default_value = "load.localhost")]
    zone: String,
    /// How many certificates in all.
    #[arg(long, default_value_t = 10_000)]
    requests: u64,
    #[command(flatten)]
    load: Load,
}

struct Plan {
    bodies: Vec<Bytes>,
    authorization: String,
}

/// Runs the load and reports.
pub(crate) async fn run(arguments: Arguments) -> Result<Outcome, Error> {
    let planned = (arguments.requests, plan(&arguments)?);
    let to = (&arguments.url, 64);
    arguments.load.put("certificate", to, planned, ask).await
}

async fn ask(connection: &mut Connection, plan: &Plan, number: u64) -> Result<(), Error> {
    let index = usize::try_from(number).unwrap_or_default();
    let Some(body) = plan.bodies.get(index) else {
        return Err(Error::Usage("more turns than requests".to_owned()));
    };
    let sent = Sent {
        headers: &[("authorization", plan.authorization.clone())],
        ..Sent::post("/api/v1/certificates", "application/json", body.clone())
    };
    let answer = connection.send(sent).await?;
    answer.expect("certificate", &[201])
}

fn plan(arguments: &Arguments) -> Result<Plan, Error> {
    let run = std::process::id();
    let names: Vec<String> = (0..arguments.requests)
        .map(|number| format!("n{number}-{run}.{}", arguments.zone))
        .collect();
    let bodies = csr::make(arguments.certificate_key, &names)?
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
