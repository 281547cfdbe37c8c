//! `ca-server policy explain`

mod claim;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ca_identity::certificate::names_of;
use ca_identity::grant::{self, Examined, GrantRequest, Verdict};
use ca_identity::{Principal, Role, operator};
use ca_issuance::Ledger;
use ca_issuance::policy::{Preview, PreviewKey};
use ca_pki::{Csr, Identifier};
use ca_store::Store;
use clap::Args;

use self::claim::claim;
use super::asked::{Asking, ClaimArguments, WhoArguments};
use super::present::Present;
use super::show;
use crate::cli::{ConfigArgument, block_on};
use crate::config::{Config, Span};
use crate::error::Error;
use crate::{files, storage};

/// Arguments of `policy explain`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExplainArguments {
    #[command(flatten)]
    config: ConfigArgument,
    #[command(flatten)]
    who: WhoArguments,
    #[command(flatten)]
    claims: ClaimArguments,
    /// Under which [[profile]].
    #[arg(long, value_name = "NAME")]
    profile: String,
    /// For which name, such as dns:web.example.internal; given again for more. Left out, the
    /// names in the CSR.
    #[arg(long, value_name = "TYPE:VALUE", value_parser = identifier)]
    identifier: Vec<Identifier>,
    /// The CSR, in PEM: its key, names and subject are judged too.
    #[arg(long, value_name = "FILE")]
    csr: Option<PathBuf>,
    /// For how long, such as 8h.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    lifetime: Option<Span>,
    /// From which address. Left out, networks are not looked at.
    #[arg(long, value_name = "ADDRESS")]
    from: Option<IpAddr>,
    /// Judge by the configuration's grants alone: no database is opened.
    #[arg(long)]
    no_database: bool,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) profile: String,
    pub(super) identifiers: BTreeSet<Identifier>,
    pub(super) csr: Option<Csr>,
    pub(super) key: KeyStanding,
    pub(super) lifetime: Option<Duration>,
    pub(super) from: Option<IpAddr>,
}

/// What the store knows of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyStanding {
    /// Nothing: there is no CSR, or no database was opened.
    Unknown,
    /// Nobody reported it.
    Unreported,
    /// A certificate for it was revoked because of it: no other is issued.
    Compromised,
}

/// What would be decided, and why.
pub(super) struct Explanation {
    pub(super) principal: Principal,
    pub(super) role: Option<Role>,
    pub(super) question: Question,
    /// Why the server would not believe who asks.
    pub(super) unbelieved: Option<String>,
    pub(super) examined: Vec<Examined>,
    pub(super) verdict: Verdict,
    /// What profile and issuer say.
    pub(super) preview: Option<Preview>,
    pub(super) notes: Vec<String>,
}

pub(super) fn run(arguments: ExplainArguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config.config)?;
    block_on(explain(config, arguments))
}

async fn explain(config: Config, arguments: ExplainArguments) -> Result<(), Error> {
    let mut present = Present::of(config)?;
    let mut question = Question::read(
        &present,
        arguments.profile,
        (arguments.identifier, arguments.csr),
        (arguments.lifetime.map(|span| span.0), arguments.from),
    )?;
    let asking = if arguments.no_database {
        let (config, now) = (&present.config, present.now);
        arguments
            .who
            .asking(arguments.claims, config, None, now)
            .await?
    } else {
        let store = storage::open(&present.config).await?;
        present = present.with_store(&store).await?;
        question.key = question.look_up_key(&store).await?;
        let (config, now) = (&present.config, present.now);
        let asking = arguments
            .who
            .asking(arguments.claims, config, Some(&store), now)
            .await;
        store.close().await;
        asking?
    };
    let explanation = Explanation::of(&present, asking, question);
    if arguments.json {
        println!("{:#}", show::json(&explanation));
    } else {
        print!("{}", show::text(&explanation));
    }
    if explanation.is_allowed() {
        return Ok(());
    }
    Err(Error::Finding("the request would be refused".to_owned()))
}

impl Question {
    fn read(
        present: &Present,
        profile: String,
        (identifiers, csr): (Vec<Identifier>, Option<PathBuf>),
        (lifetime, from): (Option<Duration>, Option<IpAddr>),
    ) -> Result<Self, Error> {
        let csr = match csr {
            Some(file) => {
                let parsed = Csr::parse_pem(&files::read(&file)?);
                Some(
                    parsed
                        .map_err(|error| Error::Finding(format!("{}: {error}", file.display())))?,
                )
            }
            None => None,
        };
        let mut names: BTreeSet<Identifier> = identifiers.into_iter().collect();
        if let (true, Some(csr)) = (names.is_empty(), &csr) {
            names = names_of(csr, present.profile(&profile));
        }
        Ok(Self {
            profile,
            identifiers: names,
            csr,
            key: KeyStanding::Unknown,
            lifetime,
            from,
        })
    }

    /// Looks whether the CSR's key was reported compromised.
    async fn look_up_key(&self, store: &Store) -> Result<KeyStanding, Error> {
        let Some(csr) = &self.csr else {
            return Ok(KeyStanding::Unknown);
        };
        let key = csr.public_key().fingerprint_sha256();
        let reported = store.is_compromised(&key).await;
        Ok(
            match reported.map_err(|error| Error::Store(Box::new(error)))? {
                true => KeyStanding::Compromised,
                false => KeyStanding::Unreported,
            },
        )
    }
}

impl Explanation {
    fn of(present: &Present, asking: Asking, question: Question) -> Self {
        let Asking {
            principal,
            refused: unbelieved,
            mut notes,
        } = asking;
        let role = operator::role_of(&present.operators, &principal);
        let request = GrantRequest {
            principal: &principal,
            role,
            profile: &question.profile,
            identifiers: &question.identifiers,
            address: question.from,
            at: present.now,
        };
        let examined = grant::examine(&present.grants, &present.uses, &request);
        let verdict = grant::judge(&present.grants, &present.uses, &request);
        if question.key == KeyStanding::Compromised {
            notes.push("the key was reported compromised: make another key".to_owned());
        }
        let claim = claim(present, &principal, &question, &verdict);
        let key = question.csr.as_ref();
        let preview = present.preview(&claim, key.map_or(PreviewKey::Unknown, PreviewKey::Csr));
        if preview.is_none() {
            notes.push("profile and issuer are not judged: no issuer's certificate".to_owned());
        }
        let limited = present.grants.iter().any(|it| !it.networks.is_empty());
        if question.from.is_none() && limited {
            notes.push("networks are not looked at: say --from ADDRESS".to_owned());
        }
        Self {
            role,
            unbelieved,
            examined,
            verdict,
            preview,
            notes,
            question,
            principal,
        }
    }

    /// Returns whether grant, profile or issuer give less than was asked for.
    pub(super) fn is_cut(&self) -> bool {
        let window = self.preview.as_ref().and_then(|preview| preview.window);
        let given = window.map(|window| window.validity.lifetime());
        given
            .zip(self.question.lifetime)
            .is_some_and(|(given, asked)| given < asked)
    }

    /// Returns whether a certificate would be issued.
    pub(super) fn is_allowed(&self) -> bool {
        let fits = self
            .preview
            .as_ref()
            .is_none_or(|preview| preview.violations.is_empty());
        self.unbelieved.is_none()
            && fits
            && self.question.key != KeyStanding::Compromised
            && matches!(self.verdict, Verdict::Granted(_))
    }
}

fn identifier(text: &str) -> Result<Identifier, String> {
    let (kind, value) = text
        .split_once(':')
        .ok_or("write dns:, ip:, uri: or email:, then the name")?;
    Identifier::parse(kind, value).map_err(|error| error.to_string())
}

pub(super) fn span(text: &str) -> Result<Span, String> {
    humantime::parse_duration(text)
        .map(Span)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
