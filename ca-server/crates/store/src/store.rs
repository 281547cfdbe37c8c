//! The store: connections, writers and what they share.

mod close;

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ca_pki::Timestamp;
use tokio::sync::{OnceCell, oneshot};
use tokio::time::timeout;

use crate::change::Change;
use crate::connect::{self, Kind, Options};
use crate::database::Database;
use crate::database_file::DatabaseFile;
use crate::lease::EndAll;
use crate::nonce::{self, Memory, RedeemedNonce};
use crate::point_reads::PointReads;
use crate::pool::Pool;
use crate::read::GroupReader;
use crate::schema;
use crate::serving::lock_for_serving;
use crate::sqlite::Local;
use crate::writer::{self, Queue};
use crate::{Error, account, certificate, identity};

/// What the certificate authority remembers. Clones share the connections.
///
/// Reads return what is committed; writes return when they are durable. It implements
/// [`ca_issuance::Ledger`], [`ca_identity::IdentityStore`] and [`ca_acme::AcmeStore`].
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    url: String,
    options: Options,
    reads: Pool,
    point_reads: PointReads,
    writes: Database,
    queue: Queue,
    accounts: Arc<account::Memory>,
    identities: identity::memory::Memory,
    compromised: GroupReader<[u8; 32], bool>,
    nonces: Nonces,
    /// Where the database is a file: a way to read it without the driver's thread.
    file: Option<Arc<DatabaseFile>>,
    /// Makes checkpoints there.
    checkpoints: Option<Arc<Local>>,
    writers: Mutex<Vec<oneshot::Receiver<()>>>,
    serving: Mutex<Option<File>>,
}

enum Nonces {
    /// One server: memory answers, the writer saves.
    Own {
        file: PathBuf,
        memory: Arc<Memory>,
        loaded: OnceCell<()>,
    },
    /// Several: the database answers, for many at once.
    Shared {
        database: Pool,
        redeeming: GroupReader<RedeemedNonce, bool>,
    },
}

impl Store {
    /// Opens the database at `url` and starts the writers. The schema may still be missing: see
    /// [`Store::migrate`] and [`Store::begin_serving`].
    pub async fn connect(url: &str, options: Options) -> Result<Self, Error> {
        let connections = connect::open(url, &options).await?;
        let nonces = Nonces::of(connections.kind);
        let (file, writers, memory) = match &nonces {
            Nonces::Own { file, memory, .. } => {
                (Some(Arc::new(DatabaseFile::at(file))), 1, Some(memory))
            }
            Nonces::Shared { .. } => (None, options.writers, None),
        };
        let (queue, ends) = writer::start(&connections.writes, writers, memory, &options)?;
        Ok(Self {
            shared: Arc::new(Shared {
                url: url.to_owned(),
                options,
                identities: identity::memory::Memory::new(
                    &connections.point_reads,
                    &connections.reads,
                ),
                compromised: certificate::start_reading_compromised(&connections.reads),
                reads: connections.reads,
                point_reads: connections.point_reads,
                writes: connections.writes,
                queue,
                accounts: Arc::default(),
                nonces,
                file,
                checkpoints: connections.checkpoints,
                writers: Mutex::new(ends),
                serving: Mutex::new(None),
            }),
        })
    }

    /// Brings the schema up to this release; returns the names of the steps taken.
    pub async fn migrate(&self) -> Result<Vec<String>, Error> {
        schema::migrate(&self.shared.url).await
    }

    /// Lists the steps that [`Store::migrate`] would take.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, Error> {
        schema::pending(&self.shared.reads.connections()).await
    }

    /// Takes every migration back, and all data with it: for tests of the steps down.
    pub async fn unmigrate(&self) -> Result<(), Error> {
        schema::reset(&self.shared.url).await
    }

    /// Refuses a schema that is older or newer than this release's.
    pub async fn check_schema(&self) -> Result<(), Error> {
        schema::check(&self.shared.reads.connections()).await
    }

    /// Prepares for serving: the schema must be this release's, and a database file is locked
    /// against a second server. Commands may still work beside it.
    pub async fn begin_serving(&self) -> Result<(), Error> {
        schema::check(&self.shared.reads.connections()).await?;
        let Nonces::Own { file, .. } = &self.shared.nonces else {
            return Ok(());
        };
        let lock = lock_for_serving(file)?;
        *self
            .shared
            .serving
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(lock);
        self.write(EndAll).await?;
        self.own_nonces().await?;
        // Nobody else changes accounts from here on.
        self.shared.accounts.begin();
        Ok(())
    }

    /// Copies what is committed from a file's write-ahead log into the database, beside the writer:
    /// who calls it every few seconds spares the commits this. A database that is no file needs none.
    pub async fn checkpoint(&self) -> Result<(), Error> {
        let Some(local) = self.shared.checkpoints.clone() else {
            return Ok(());
        };
        let copied = tokio::task::spawn_blocking(move || local.checkpoint()).await;
        Ok(copied.map_err(|error| Error::Unavailable(Arc::new(error)))??)
    }

    /// Answers whether the database can be read, and soon whether or not it does.
    pub async fn ping(&self) -> Result<(), Error> {
        // Where one task redeems for all a connection is always free, however busy the readers are.
        let asked = match &self.shared.nonces {
            Nonces::Own { .. } => &self.shared.reads,
            Nonces::Shared { database, .. } => database,
        };
        match timeout(PING_DEADLINE, asked.ping()).await {
            Ok(answered) => Ok(answered?),
            // A host that is gone ends no connection: nobody would ever hear of it.
            Err(_elapsed) => Err(Error::DeadlinePassed),
        }
    }

    /// Applies a change; returns when it is durable.
    pub(crate) async fn write<C: Change>(&self, change: C) -> Result<C::Outcome, Error> {
        self.shared.queue.write(change).await
    }

    /// Where rows are read that a key or an index leads to, a few at most.
    pub(crate) fn point_reads(&self) -> &PointReads {
        &self.shared.point_reads
    }

    /// The connections that read what may be long.
    pub(crate) fn reads(&self) -> &Pool {
        &self.shared.reads
    }

    /// How many connections read.
    pub(crate) fn readers(&self) -> u32 {
        self.shared.options.readers
    }

    /// Whether other servers may use the same database.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.shared.nonces, Nonces::Shared { .. })
    }

    /// The database's file, where it is one.
    pub(crate) fn file(&self) -> Option<&Arc<DatabaseFile>> {
        self.shared.file.as_ref()
    }

    /// Accounts in memory, where this server is the only one.
    pub(crate) fn account_memory(&self) -> &Arc<account::Memory> {
        &self.shared.accounts
    }

    /// Who asks, in memory.
    pub(crate) fn identities(&self) -> &identity::memory::Memory {
        &self.shared.identities
    }

    /// What tells which keys were reported compromised, for many at once.
    pub(crate) fn compromised(&self) -> &GroupReader<[u8; 32], bool> {
        &self.shared.compromised
    }

    /// This moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.shared.options.clock.now()
    }

    /// Redeems a nonce: `true` the first time in the whole cluster.
    pub(crate) async fn redeem(&self, nonce: &str, expires_at: Timestamp) -> Result<bool, Error> {
        match &self.shared.nonces {
            Nonces::Own { .. } => match self.own_nonces().await? {
                Some(memory) => memory.redeem(nonce, expires_at, self.now()),
                None => Err(Error::Closed),
            },
            Nonces::Shared { redeeming, .. } => {
                let nonce = nonce.to_owned();
                redeeming.ask(RedeemedNonce { nonce, expires_at }).await
            }
        }
    }

    async fn own_nonces(&self) -> Result<Option<&Memory>, Error> {
        let Nonces::Own { memory, loaded, .. } = &self.shared.nonces else {
            return Ok(None);
        };
        loaded
            .get_or_try_init(|| memory.load(self.reads(), self.now()))
            .await?;
        Ok(Some(memory))
    }
}

impl Nonces {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite { file } => Self::Own {
                file,
                memory: Arc::default(),
                loaded: OnceCell::new(),
            },
            Kind::Postgres { nonces: database } => Self::Shared {
                redeeming: nonce::start_redeeming(&database),
                database,
            },
        }
    }
}

/// Less than those who ask whether a server is ready usually wait.
const PING_DEADLINE: Duration = Duration::from_secs(2);
