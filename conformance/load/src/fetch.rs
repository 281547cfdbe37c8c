//! The same request again and again: CRLs, a directory, newNonce, any file.

use std::path::PathBuf;

use hyper::body::Bytes;
use url::Url;

use crate::connection::{Connection, Sent, path_and_query};
use crate::error::Error;
use crate::load::Load;
use crate::meter::Outcome;

/// What to fetch, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The URL.
    #[arg(long)]
    url: Url,
    /// A file to POST; without it, GET.
    #[arg(long)]
    post: Option<PathBuf>,
    /// The type of what is posted.
    #[arg(long, default_value = "application/ocsp-request")]
    content_type: String,
    /// How many requests in all.
    #[arg(long, default_value_t = 100_000)]
    requests: u64,
    #[command(flatten)]
    load: Load,
}

struct Plan {
    path: String,
    body: Option<Bytes>,
    content_type: String,
}

/// Runs the load and reports.
pub(crate) async fn run(arguments: Arguments) -> Result<Outcome, Error> {
    let body = arguments.post.as_ref().map(std::fs::read).transpose()?;
    let plan = Plan {
        path: path_and_query(&arguments.url),
        body: body.map(Bytes::from),
        content_type: arguments.content_type,
    };
    let (planned, to) = ((arguments.requests, plan), (&arguments.url, 16));
    arguments.load.put("fetch", to, planned, ask).await
}

async fn ask(connection: &mut Connection, plan: &Plan, _: u64) -> Result<(), Error> {
    let sent = match &plan.body {
        None => Sent::get(&plan.path),
        Some(body) => Sent::post(&plan.path, &plan.content_type, body.clone()),
    };
    let answer = connection.send(sent).await?;
    answer.expect("fetch", &[200, 204])
}
