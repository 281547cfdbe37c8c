//! The same request again and again: CRLs, a directory, newNonce, any file.

use std::path::PathBuf;
use std::rc::Rc;

use hyper::Method;
use hyper::body::Bytes;
use tokio::task::LocalSet;
use url::Url;

use crate::connection::{Sent, Target, path_and_query};
use crate::error::Error;
use crate::load::Load;
use crate::meter::{Meter, Outcome};

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
    LocalSet::new().run_until(measure(arguments)).await
}

async fn measure(arguments: Arguments) -> Result<Outcome, Error> {
    let load = &arguments.load;
    let target = Target::of(&arguments.url, load.root())?;
    let body = arguments.post.as_ref().map(std::fs::read).transpose()?;
    let plan = Rc::new(Plan {
        path: path_and_query(&arguments.url),
        body: body.map(Bytes::from),
        content_type: arguments.content_type.clone(),
    });
    let connections = 0..load.connections(16);
    let workers = connections.map(|_| (target.connection(), Rc::clone(&plan)));
    let planned = (arguments.requests, Meter::default());
    let fetch = load.run(
        "fetch",
        planned,
        workers.collect(),
        async |worker, _turn| {
            let (connection, plan) = worker;
            let sent = match &plan.body {
                None => Sent::get(&plan.path),
                Some(body) => Sent {
                    method: Method::POST,
                    path: &plan.path,
                    content_type: Some(&plan.content_type),
                    headers: &[],
                    body: body.clone(),
                },
            };
            let answer = connection.send(sent).await?;
            answer.expect("fetch", &[200, 204])
        },
    );
    fetch.await
}
