//! `ca-server policy replay`

mod judge;

use ca_issuance::Ledger;
use ca_issuance::ledger::{CertificateQuery, CertificateRecord};
use ca_pki::{Identifier, Timestamp};
use ca_store::Store;
use clap::Args;
use serde_json::{Value, json};

use self::judge::{Judged, judge};
use super::explain::span;
use super::present::Present;
use crate::cli::{ConfigArgument, block_on};
use crate::config::{Config, Span};
use crate::error::Error;
use crate::storage;

/// Arguments of `policy replay`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReplayArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// How far back, such as 24h or 7d.
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = span)]
    since: Span,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

/// What the present configuration would say to the past.
#[derive(Default)]
struct Replay {
    judged: u64,
    refused: Vec<(CertificateRecord, Vec<String>)>,
    unknown: u64,
}

pub(super) fn run(arguments: &ReplayArguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config.config)?;
    block_on(async move {
        let store = storage::open(&config).await?;
        let present = Present::of(config)?.with_store(&store).await;
        let replayed = match present {
            Ok(present) => {
                let since = present.now.minus(arguments.since.0);
                walk(&present, &store, since).await.map(|it| (it, since))
            }
            Err(error) => Err(error),
        };
        store.close().await;
        let (replay, since) = replayed?;
        if arguments.json {
            println!("{:#}", replay.to_json(since));
        } else {
            print!("{}", replay.to_text(since));
        }
        match replay.refused.len() {
            0 => Ok(()),
            refused => Err(Error::Finding(format!(
                "{refused} of {} certificates would be refused",
                replay.judged
            ))),
        }
    })
}

async fn walk(present: &Present, store: &Store, since: Timestamp) -> Result<Replay, Error> {
    let mut replay = Replay::default();
    let mut query = CertificateQuery {
        recorded_since: Some(since),
        ..CertificateQuery::all(present.now, PAGE)
    };
    loop {
        let page = store
            .certificates(&query)
            .await
            .map_err(|error| Error::Store(Box::new(error)))?;
        for record in page.certificates {
            replay.take(present, record);
        }
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => return Ok(replay),
        }
    }
}

impl Replay {
    fn take(&mut self, present: &Present, record: CertificateRecord) {
        match judge(present, &record) {
            Judged::OfTheServer => return,
            Judged::Unknown => self.unknown += 1,
            Judged::Allowed => {}
            Judged::Refused(reasons) => self.refused.push((record, reasons)),
        }
        self.judged += 1;
    }

    fn to_text(&self, since: Timestamp) -> String {
        let mut text = String::new();
        for (record, reasons) in &self.refused {
            text.push_str(&format!(
                "{} {} {} {}: {}\n",
                record.recorded_at,
                record.issuer,
                record.serial,
                record.requested_by,
                names(record).join(", ")
            ));
            for reason in reasons {
                text.push_str(&format!("  {reason}\n"));
            }
        }
        text.push_str(&format!(
            "since {since}: {} certificates, {} would be refused, of {} too little is known\n",
            self.judged,
            self.refused.len(),
            self.unknown
        ));
        text
    }

    fn to_json(&self, since: Timestamp) -> Value {
        let refused = self.refused.iter().map(|(record, reasons)| {
            json!({
                "serial": record.serial.to_string(),
                "issuer": record.issuer,
                "profile": record.profile,
                "requested_by": record.requested_by,
                "grant": record.grant,
                "issued_at": record.recorded_at.to_string(),
                "identifiers": names(record),
                "reasons": reasons,
            })
        });
        json!({
            "since": since.to_string(),
            "certificates": self.judged,
            "unknown": self.unknown,
            "refused": refused.collect::<Vec<Value>>(),
        })
    }
}

fn names(record: &CertificateRecord) -> Vec<String> {
    record
        .identifiers
        .iter()
        .map(Identifier::to_string)
        .collect()
}

const PAGE: u32 = 500;
