//! Full ACME orders.

pub(crate) mod account;
pub(crate) mod order;

use std::net::SocketAddr;
use std::rc::Rc;

use serde_json::Value;
use tokio::task::LocalSet;
use url::Url;

use self::account::Account;
use self::order::Wanted;
use crate::connection::{Connection, Sent, Target};
use crate::csr;
use crate::error::Error;
use crate::jws::KeyKind;
use crate::load::Load;
use crate::meter::{Meter, Outcome};
use crate::responder::{self, Answers};

/// How to put orders on a directory.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The directory's URL.
    #[arg(long)]
    directory: Url,
    /// How many orders in all.
    #[arg(long, default_value_t = 1_000)]
    orders: u64,
    /// The kind of account keys.
    #[arg(long, value_enum, default_value = "p256")]
    key: KeyKind,
    /// The kind of key to be certified.
    #[arg(long, value_enum, default_value = "p256")]
    certificate_key: KeyKind,
    /// Where http-01 challenges are answered; without it, authorizations must be born valid.
    #[arg(long)]
    responder: Option<SocketAddr>,
    /// The end of every name that is ordered.
    #[arg(long, default_value = "load.localhost")]
    zone: String,
    /// The profile to order.
    #[arg(long)]
    profile: Option<String>,
    /// External account keys, `kid:base64url`, one for each connection or one for all.
    #[arg(long)]
    eab: Vec<String>,
    #[command(flatten)]
    load: Load,
}

/// What the directory says.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    new_nonce: String,
    new_account: String,
    new_order: String,
    revoke_cert: String,
}

/// What is ordered, made before the clock starts.
struct Plan {
    names: Vec<String>,
    requests: Vec<Vec<u8>>,
    profile: Option<String>,
    answers: Answers,
}

/// Runs the load and reports.
pub(crate) async fn run(arguments: Arguments) -> Result<Outcome, Error> {
    LocalSet::new().run_until(measure(arguments)).await
}

async fn measure(arguments: Arguments) -> Result<Outcome, Error> {
    let load = &arguments.load;
    let target = Target::of(&arguments.directory, load.root())?;
    let directory = Directory::read(&mut target.connection(), &arguments.directory).await?;
    let answers = Answers::default();
    if let Some(address) = arguments.responder {
        responder::listen(address, Rc::clone(&answers)).await?;
    }
    let names = names(&arguments);
    let plan = Rc::new(Plan {
        requests: csr::make(arguments.certificate_key, &names)?,
        names,
        profile: arguments.profile.clone(),
        answers,
    });
    let meter = Meter::default();
    let mut workers = Vec::new();
    // Each connection has an account of its own.
    for number in 0..load.connections(16) {
        let (eab, connection) = (eab_of(&arguments.eab, number)?, target.connection());
        let account =
            Account::register(connection, &directory, arguments.key, eab, meter.clone()).await?;
        workers.push((account, Rc::clone(&plan)));
    }

    let planned = (arguments.orders, meter);
    let ordering = load.run("order", planned, workers, async |worker, turn| {
        let (account, plan) = worker;
        place_and_fetch(account, plan, turn.number).await
    });
    ordering.await
}

async fn place_and_fetch(account: &mut Account, plan: &Plan, number: u64) -> Result<(), Error> {
    let index = usize::try_from(number).unwrap_or_default();
    let (Some(name), Some(request)) = (plan.names.get(index), plan.requests.get(index)) else {
        return Err(Error::Usage("more orders than names".to_owned()));
    };
    let wanted = Wanted {
        name,
        profile: plan.profile.as_deref(),
        replaces: None,
    };
    let placed = order::place(account, wanted).await?;
    order::complete(account, &plan.answers, placed, request)
        .await
        .map(|_chain| ())
}

impl Directory {
    /// Asks for the directory.
    pub(crate) async fn read(connection: &mut Connection, url: &Url) -> Result<Self, Error> {
        let answer = connection.send(Sent::get(url.path())).await?;
        answer.expect("directory", &[200])?;
        let body: Value =
            serde_json::from_slice(&answer.body).map_err(|error| Error::Body(error.to_string()))?;
        let member = |name: &'static str| {
            let found = body.get(name).and_then(Value::as_str).map(str::to_owned);
            found.ok_or(Error::Lacking {
                step: "directory",
                what: name,
            })
        };
        Ok(Self {
            new_nonce: member("newNonce")?,
            new_account: member("newAccount")?,
            new_order: member("newOrder")?,
            revoke_cert: member("revokeCert")?,
        })
    }
}

/// Every name is ordered once: no authorization can be used again.
fn names(arguments: &Arguments) -> Vec<String> {
    let run = std::process::id();
    (0..arguments.orders)
        .map(|number| format!("n{number}-{run}.{}", arguments.zone))
        .collect()
}

fn eab_of(keys: &[String], number: u32) -> Result<Option<(String, Vec<u8>)>, Error> {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let index = usize::try_from(number).unwrap_or_default();
    let Some(text) = keys.get(index).or_else(|| keys.first()) else {
        return Ok(None);
    };
    let malformed = || Error::Usage("--eab wants kid:base64url".to_owned());
    let (kid, mac_key) = text.split_once(':').ok_or_else(malformed)?;
    let mac_key = URL_SAFE_NO_PAD.decode(mac_key).map_err(|_| malformed())?;
    Ok(Some((kid.to_owned(), mac_key)))
}
