//! What every kind of load takes and tells.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use tokio::task::{JoinHandle, LocalSet};
use url::Url;

use crate::connection::{Connection, Sent, Target, path_and_query};
use crate::error::Error;
use crate::meter::{Meter, Outcome};
use crate::pace::{Pace, Turn};
use crate::process::Watched;

/// How to put load, whatever it is made of.
#[derive(Debug, clap::Args)]
pub(crate) struct Load {
    /// The roots that the server's TLS certificate chains to, PEM.
    #[arg(long)]
    root: Option<PathBuf>,
    /// How many connections.
    #[arg(long)]
    connections: Option<u32>,
    /// Operations a second, begun whatever the server does (open loop: latency counts from the
    /// intended start); without it, as fast as answers come (closed loop).
    #[arg(long)]
    rate: Option<f64>,
    /// The server's process id: its CPU time and memory are told.
    #[arg(long)]
    pid: Option<u32>,
    /// Another URL to GET meanwhile, at a fixed rate: what others see of the load.
    #[arg(long)]
    probe: Option<Url>,
    /// How often a second.
    #[arg(long, default_value_t = 50.0)]
    probe_rate: f64,
    /// A file for the result as JSON, beside the text.
    #[arg(long)]
    json: Option<PathBuf>,
}

impl Load {
    /// Returns the roots' file.
    pub(crate) fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// Returns how many connections to open.
    pub(crate) fn connections(&self, unless_given: u32) -> u32 {
        self.connections.unwrap_or(unless_given).max(1)
    }

    /// Lets connections, of which there are `usual` unless it is given, put requests by a plan that
    /// they share.
    pub(crate) async fn put<P: 'static>(
        &self,
        whole: &'static str,
        (url, usual): (&Url, u32),
        (requests, plan): (u64, P),
        ask: impl AsyncFn(&mut Connection, &P, u64) -> Result<(), Error> + Copy + 'static,
    ) -> Result<Outcome, Error> {
        let target = Target::of(url, self.root())?;
        let plan = Rc::new(plan);
        let connections = 0..self.connections(usual);
        let workers = connections.map(|_| (target.connection(), Rc::clone(&plan)));
        let planned = (requests, Meter::default());
        let asking = self.run(
            whole,
            planned,
            workers.collect(),
            async move |worker, turn| {
                let (connection, plan) = worker;
                ask(connection, plan, turn.number).await
            },
        );
        LocalSet::new().run_until(asking).await
    }

    /// Starts the clock, lets each worker take turns until all are taken, and tells the result.
    ///
    /// `whole` names the step that is a whole operation.
    pub(crate) async fn run<W>(
        &self,
        whole: &'static str,
        (total, meter): (u64, Meter),
        workers: Vec<W>,
        work: impl AsyncFn(&mut W, Turn) -> Result<(), Error> + Copy + 'static,
    ) -> Result<Outcome, Error>
    where
        W: 'static,
    {
        let watched = self.pid.map(Watched::begin).transpose()?;
        let probing = self.probe.as_ref().map(|url| self.probe(url, &meter));
        let probing = probing.transpose()?;
        let (begun, ourselves) = (Instant::now(), Watched::ourselves()?);
        let pace = Pace::new(total, self.rate);
        let running: Vec<_> = workers
            .into_iter()
            .map(|mut worker| {
                let (pace, meter) = (pace.clone(), meter.clone());
                tokio::task::spawn_local(async move {
                    while let Some(turn) = pace.turn().await {
                        match work(&mut worker, turn).await {
                            Ok(()) => meter.note(whole, turn.begun.elapsed()),
                            Err(error) => meter.fail(&error),
                        }
                    }
                })
            })
            .collect();
        for worker in running {
            worker
                .await
                .map_err(|error| Error::Http(error.to_string()))?;
        }
        let report = meter.report(whole, begun.elapsed(), &ourselves, watched.as_ref());
        if let Some(probing) = probing {
            probing.abort();
        }
        print!("{report}");
        if let Some(file) = &self.json {
            std::fs::write(file, report.json().to_string())?;
        }
        Ok(report.outcome())
    }

    /// GETs a URL at a fixed rate until it is stopped.
    fn probe(&self, url: &Url, meter: &Meter) -> Result<JoinHandle<()>, Error> {
        let mut connection = Target::of(url, self.root())?.connection();
        let (path, meter) = (path_and_query(url), meter.clone());
        let pace = Pace::new(u64::MAX, Some(self.probe_rate));
        Ok(tokio::task::spawn_local(async move {
            while let Some(turn) = pace.turn().await {
                let answered = connection.send(Sent::get(&path)).await;
                match answered.and_then(|answer| answer.expect("probe", &[200, 204])) {
                    Ok(()) => meter.note("probe", turn.begun.elapsed()),
                    Err(error) => meter.fail(&error),
                }
            }
        }))
    }
}
