//! `ca-server audit export`

use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write};
use std::str::FromStr;

use ca_issuance::audit::query::{EventOrder, EventQuery, KindFilter, RecordedEvent};
use ca_issuance::world::SystemClock;
use ca_issuance::{Clock, Ledger};
use ca_pki::Timestamp;
use ca_store::Store;
use clap::Args;

use crate::cli::{ConfigArgument, block_on};
use crate::config::{Config, Span};
use crate::error::Error;
use crate::storage;

/// Which events to write.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// From this moment on: `2026-11-21T00:00:00Z`, or `24h` ago.
    #[arg(long, value_name = "MOMENT")]
    since: Option<Moment>,
    /// Up to before this moment.
    #[arg(long, value_name = "MOMENT")]
    until: Option<Moment>,
    /// Only this kind: `certificate.issued`, or `certificate.` for all that begin so.
    #[arg(long)]
    kind: Option<String>,
    /// Only what this actor did, by whatever way it came.
    #[arg(long)]
    actor: Option<String>,
    /// Only what happened to this: a serial, an order, an account.
    #[arg(long)]
    subject: Option<String>,
}

/// A moment, or a span before now.
#[derive(Clone, Copy, Debug)]
enum Moment {
    At(Timestamp),
    Ago(Span),
}

pub(super) fn run(arguments: &ExportArguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config.config)?;
    let query = arguments.query(SystemClock.now());
    block_on(async move {
        let store = storage::open(&config).await?;
        let written = export(&store, query).await;
        store.close().await;
        written
    })
}

/// Reads and writes page by page: a log may be larger than memory.
async fn export(store: &Store, mut query: EventQuery) -> Result<(), Error> {
    loop {
        let page = Ledger::events(store, &query)
            .await
            .map_err(|error| Error::Store(Box::new(error)))?;
        match write(BufWriter::new(io::stdout().lock()), &page.events) {
            Ok(()) => {}
            // `| head` has read enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            Err(source) => {
                let path = "standard output".into();
                return Err(Error::File { path, source });
            }
        }
        if page.next.is_none() {
            return Ok(());
        }
        query.cursor = page.next;
    }
}

fn write(mut to: BufWriter<StdoutLock<'_>>, events: &[RecordedEvent]) -> io::Result<()> {
    for event in events {
        serde_json::to_writer(&mut to, event)?;
        to.write_all(b"\n")?;
    }
    to.flush()
}

impl ExportArguments {
    fn query(&self, now: Timestamp) -> EventQuery {
        EventQuery {
            kind: self.kind.as_deref().map(KindFilter::parse),
            actor: self.actor.clone(),
            subject: self.subject.clone(),
            since: self.since.map(|moment| moment.before(now)),
            until: self.until.map(|moment| moment.before(now)),
            order: EventOrder::OldestFirst,
            cursor: None,
            limit: PAGE,
        }
    }
}

impl Moment {
    fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(moment) => moment,
            Self::Ago(span) => now.minus(span.0),
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(moment) = Timestamp::parse_rfc3339(text) {
            return Ok(Self::At(moment));
        }
        let span = humantime::parse_duration(text);
        let refused = |_| "write 2026-11-21T00:00:00Z, or a span before now such as 24h".to_owned();
        Ok(Self::Ago(Span(span.map_err(refused)?)))
    }
}

const PAGE: u32 = 1_000;
