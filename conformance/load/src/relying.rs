//! OCSP over many serials, as relying parties ask.

use std::path::PathBuf;

use hyper::body::Bytes;
use url::Url;

use crate::connection::{Connection, Sent};
use crate::der::{self, Leaf};
use crate::error::Error;
use crate::load::Load;
use crate::meter::Outcome;
use crate::ocsp::{self, Issuer, Said};

/// About what to ask whom.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The responder's URL.
    #[arg(long)]
    url: Url,
    /// The issuer's certificate, PEM.
    #[arg(long)]
    issuer: PathBuf,
    /// A file with serials in hex, one a line; asked about in turn.
    #[arg(long)]
    serials: PathBuf,
    /// By GET or by POST.
    #[arg(long, value_enum, default_value = "get")]
    method: By,
    /// How many requests in all.
    #[arg(long, default_value_t = 100_000)]
    requests: u64,
    #[command(flatten)]
    load: Load,
}

/// How a request goes (RFC 6960 appendix A).
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum By {
    /// In the path.
    Get,
    /// In the body.
    Post,
}

struct Plan {
    path: String,
    asked: Vec<Asked>,
}

enum Asked {
    InThePath(String),
    InTheBody(Bytes),
}

/// Runs the load and reports; an answer that says `unknown` is an error.
pub(crate) async fn run(arguments: Arguments) -> Result<Outcome, Error> {
    let planned = (arguments.requests, plan(&arguments)?);
    let to = (&arguments.url, 16);
    arguments.load.put("ocsp", to, planned, ask).await
}

async fn ask(connection: &mut Connection, plan: &Plan, number: u64) -> Result<(), Error> {
    let index = usize::try_from(number).unwrap_or_default() % plan.asked.len();
    let sent = match plan.asked.get(index) {
        Some(Asked::InThePath(path)) => Sent::get(path),
        Some(Asked::InTheBody(body)) => Sent::post(&plan.path, ocsp::REQUEST_TYPE, body.clone()),
        None => return Err(Error::Usage("no serial".to_owned())),
    };
    let answer = connection.send(sent).await?;
    answer.expect("ocsp", &[200])?;
    match ocsp::read(&answer.body)? {
        Said::Good | Said::Revoked => Ok(()),
        Said::Unknown => Err(Error::Body("the responder knows nothing of it".to_owned())),
    }
}

fn plan(arguments: &Arguments) -> Result<Plan, Error> {
    let chain = der::certificates(&std::fs::read(&arguments.issuer)?)?;
    let issuer = chain.first().ok_or(Error::Lacking {
        step: "--issuer",
        what: "certificate",
    })?;
    let issuer = Issuer::of(&Leaf::read(issuer)?);
    let path = arguments.url.path().to_owned();
    let text = std::fs::read_to_string(&arguments.serials)?;
    let asked = text.split_ascii_whitespace().map(|serial| {
        let malformed = || Error::Usage(format!("{serial} is no serial in hex"));
        let request = issuer.request(&der::from_hex(serial).ok_or_else(malformed)?);
        Ok(match arguments.method {
            By::Get => Asked::InThePath(ocsp::path(&path, &request)),
            By::Post => Asked::InTheBody(Bytes::from(request)),
        })
    });
    let asked = asked.collect::<Result<Vec<_>, Error>>()?;
    if asked.is_empty() {
        return Err(Error::Usage("--serials names no serial".to_owned()));
    }
    Ok(Plan { path, asked })
}
