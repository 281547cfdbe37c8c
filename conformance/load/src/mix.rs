//! Everything at once, for a while, by clients that do not give up: orders, JSON issuance,
//! renewals, revocations, OCSP and CRLs.
//!
//! The server may be killed or lose its token meanwhile. Whatever a client learns (a certificate in
//! its hands, a revocation that was acknowledged, an error) goes to a journal, by which the server
//! is judged when it is over.

mod acme;
mod api;
mod hand;
mod journal;
mod pki;
mod world;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::{JoinSet, LocalSet};
use url::Url;

use self::world::World;
use crate::error::Error;
use crate::meter::Outcome;
use crate::pace::Pace;
use crate::process::Watched;

/// What to do for how long.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The ACME directory's URL; the JSON API is on the same host.
    #[arg(long)]
    directory: Url,
    /// The roots that its TLS certificate chains to, PEM.
    #[arg(long)]
    root: PathBuf,
    /// Where CRLs and OCSP are.
    #[arg(long)]
    pki: Url,
    /// The issuer's name in CRL and OCSP paths.
    #[arg(long, default_value = "tls")]
    issuer: String,
    /// A file with a bearer token whose holder may issue and revoke.
    #[arg(long)]
    token: PathBuf,
    /// The profile of certificates that renew themselves: clientAuth.
    #[arg(long, default_value = "mtls")]
    profile: String,
    /// Where http-01 challenges are answered.
    #[arg(long)]
    responder: SocketAddr,
    /// Operations a second, all kinds together, begun whatever the server does.
    #[arg(long, default_value_t = 40.0)]
    rate: f64,
    /// For how long operations are begun.
    #[arg(long, default_value_t = 60)]
    secs: u64,
    /// For how long after that those under way may go on.
    #[arg(long, default_value_t = 120)]
    grace_secs: u64,
    /// How many ACME accounts, each with a connection.
    #[arg(long, default_value_t = 32)]
    accounts: usize,
    /// The end of every name.
    #[arg(long, default_value = "load.localhost")]
    zone: String,
    /// The file that the journal is written to, a JSON object a line.
    #[arg(long)]
    journal: PathBuf,
    /// Nothing more is begun from when this file is there.
    #[arg(long)]
    until: Option<PathBuf>,
}

/// A kind of operation.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Order,
    Certificate,
    OrderRenewal,
    CertificateRenewal,
    Revocation,
    Ocsp,
    Crl,
}

/// Runs the load and reports.
pub(crate) async fn run(arguments: Arguments) -> Result<Outcome, Error> {
    LocalSet::new().run_until(measure(arguments)).await
}

async fn measure(arguments: Arguments) -> Result<Outcome, Error> {
    let (begun, ourselves) = (Instant::now(), Watched::ourselves()?);
    let end = Duration::from_secs(arguments.secs + arguments.grace_secs);
    let world = Rc::new(World::enter(&arguments, begun + end).await?);
    let mut flows = JoinSet::new();
    for (operation, share) in SHARES {
        let pace = Pace::during(arguments.secs, arguments.rate * share);
        flows.spawn_local(flow(Rc::clone(&world), operation, pace));
    }
    while let Some(ended) = flows.join_next().await {
        ended.map_err(|error| Error::Http(error.to_string()))?;
    }
    let report = world
        .meter
        .report("order", begun.elapsed(), &ourselves, None);
    print!("{report}");
    Ok(report.outcome())
}

/// Begins operations of one kind at their times, then waits for the last of them.
async fn flow(world: Rc<World>, operation: Operation, pace: Pace) {
    let mut under_way = JoinSet::new();
    while let Some(turn) = pace.turn().await {
        if world.is_over() {
            break;
        }
        let world = Rc::clone(&world);
        under_way.spawn_local(async move {
            match perform(&world, operation, turn.number).await {
                Ok(()) => world.meter.note(operation.name(), turn.begun.elapsed()),
                Err(error) => world.journal.gave_up(operation.name(), &error),
            }
        });
        while under_way.try_join_next().is_some() {}
    }
    while under_way.join_next().await.is_some() {}
}

async fn perform(world: &World, operation: Operation, number: u64) -> Result<(), Error> {
    match operation {
        Operation::Order => acme::order(world, number).await,
        Operation::OrderRenewal => acme::renew(world, number).await,
        Operation::Certificate => api::issue(world, number).await,
        Operation::CertificateRenewal => api::renew(world, number).await,
        Operation::Revocation if number.is_multiple_of(2) => acme::revoke(world).await,
        Operation::Revocation => api::revoke(world, number).await,
        Operation::Ocsp => pki::ask(world, number).await,
        Operation::Crl => pki::fetch_crl(world).await,
    }
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Certificate => "json",
            Self::OrderRenewal => "order renewal",
            Self::CertificateRenewal => "json renewal",
            Self::Revocation => "revocation",
            Self::Ocsp => "ocsp",
            Self::Crl => "crl",
        }
    }
}

/// How much of the rate each kind has.
const SHARES: [(Operation, f64); 7] = [
    (Operation::Order, 0.20),
    (Operation::Certificate, 0.20),
    (Operation::OrderRenewal, 0.05),
    (Operation::CertificateRenewal, 0.05),
    (Operation::Revocation, 0.05),
    (Operation::Ocsp, 0.40),
    (Operation::Crl, 0.05),
];
