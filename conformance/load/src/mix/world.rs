//! What operations share: accounts, connections, the hand, the journal, and patience.

use std::cell::{OnceCell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rcgen::KeyPair;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use super::Arguments;
use super::hand::Hand;
use super::journal::Journal;
use crate::acme::Directory;
use crate::acme::account::Account;
use crate::connection::{Connection, Target};
use crate::csr;
use crate::error::Error;
use crate::jws::KeyKind;
use crate::meter::Meter;
use crate::ocsp;
use crate::responder::{self, Answers};

/// All that operations share.
pub(super) struct World {
    pub(super) accounts: Vec<Mutex<Account>>,
    pub(super) api: Target,
    pub(super) root: PathBuf,
    pub(super) authorization: String,
    pub(super) profile: String,
    pub(super) crl_path: String,
    pub(super) responder_path: String,
    pub(super) answers: Answers,
    /// The key of all certificates that accounts order.
    pub(super) key: KeyPair,
    pub(super) hand: RefCell<Hand>,
    /// Known from the first certificate on.
    pub(super) issuer: OnceCell<ocsp::Issuer>,
    pub(super) journal: Journal,
    pub(super) meter: Meter,
    connections: Vec<Mutex<Connection>>,
    revocation_connections: Vec<Mutex<Connection>>,
    zone: String,
    until: Option<PathBuf>,
    give_up: Instant,
}

impl World {
    /// Reads the directory, registers accounts, begins the journal.
    pub(super) async fn enter(arguments: &Arguments, give_up: Instant) -> Result<Self, Error> {
        let api = Target::of(&arguments.directory, Some(&arguments.root))?;
        let pki = Target::of(&arguments.pki, None)?;
        let directory = Directory::read(&mut api.connection(), &arguments.directory).await?;
        let answers = Answers::default();
        responder::listen(arguments.responder, Rc::clone(&answers)).await?;
        let meter = Meter::default();
        let mut accounts = Vec::new();
        for _ in 0..arguments.accounts.max(1) {
            let (connection, kind) = (api.connection(), KeyKind::P256);
            let account = Account::register(connection, &directory, kind, None, meter.clone());
            accounts.push(Mutex::new(account.await?));
        }
        let token = std::fs::read_to_string(&arguments.token)?;
        let opened = |target: &Target| {
            let all = (0..CONNECTIONS).map(|_| Mutex::new(target.connection()));
            all.collect()
        };
        Ok(Self {
            accounts,
            connections: opened(&api),
            revocation_connections: opened(&pki),
            api,
            root: arguments.root.clone(),
            authorization: format!("Bearer {}", token.trim()),
            profile: arguments.profile.clone(),
            crl_path: format!("/crl/{}.crl", arguments.issuer),
            responder_path: format!("/ocsp/{}", arguments.issuer),
            answers,
            key: csr::key(KeyKind::P256)?,
            hand: RefCell::default(),
            issuer: OnceCell::new(),
            journal: Journal::begin(&arguments.journal)?,
            meter,
            zone: arguments.zone.clone(),
            until: arguments.until.clone(),
            give_up,
        })
    }

    /// Returns whether nothing more is to be begun.
    pub(super) fn is_over(&self) -> bool {
        self.until.as_ref().is_some_and(|file| file.exists())
    }

    /// Returns a name that nobody had before.
    pub(super) fn name(&self, kind: &str, number: u64) -> String {
        format!("{kind}{number}-{}.{}", std::process::id(), self.zone)
    }

    /// Waits for one of the connections to the API.
    pub(super) async fn connection(&self, number: u64) -> MutexGuard<'_, Connection> {
        nth(&self.connections, number).lock().await
    }

    /// Waits for one of the connections to revocation data.
    pub(super) async fn revocation_connection(&self, number: u64) -> MutexGuard<'_, Connection> {
        nth(&self.revocation_connections, number).lock().await
    }

    /// Tries again, as a patient client does, until it works, never can, or it is too late.
    pub(super) async fn insist<T>(
        &self,
        mut attempt: impl AsyncFnMut() -> Result<T, Error>,
    ) -> Result<T, Error> {
        loop {
            let error = match timeout(LONGEST, attempt()).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(_elapsed) => Error::Io(std::io::ErrorKind::TimedOut.into()),
            };
            self.meter.fail(&error);
            self.journal.error(&error);
            let Some(pause) = pause(&error) else {
                return Err(error);
            };
            if Instant::now() + pause > self.give_up {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
        }
    }
}

/// Returns one of a list that is never empty, in turn.
pub(super) fn nth<T>(list: &[T], number: u64) -> &T {
    let index = usize::try_from(number).unwrap_or_default() % list.len().max(1);
    list.get(index).expect("what is taken in turn is not empty")
}

/// When a client asks again after this; `None` if that cannot help.
fn pause(error: &Error) -> Option<Duration> {
    match error {
        Error::Io(_) | Error::Http(_) | Error::Undecided { .. } => Some(AGAIN),
        Error::Refused { retry_after, .. } => retry_after.map(|span| span.clamp(AGAIN, AT_MOST)),
        Error::Body(_)
        | Error::Tls(_)
        | Error::Key(_)
        | Error::Lacking { .. }
        | Error::Usage(_) => None,
    }
}

const CONNECTIONS: usize = 8;
/// How long a request may take: more than the server's own deadlines.
const LONGEST: Duration = Duration::from_secs(40);
const AGAIN: Duration = Duration::from_millis(300);
/// A client that tests is less patient than the server asks.
const AT_MOST: Duration = Duration::from_secs(5);
