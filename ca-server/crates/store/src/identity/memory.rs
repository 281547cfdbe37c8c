//! Identities in memory: every request shows one, few change.
//!
//! What is remembered was read under a mark, which triggers in the database change in the
//! transaction of every change of an identity, whoever makes it: this server, another one, a
//! command, a hand. A request first has the mark read, together with the others that wait. While
//! it is the same, so is everything that was read under it; once it is not, all is read anew. So
//! what was revoked is out at the next request, on every server.
//!
//! A reading that began before the mark moved may end after it: it is kept under the mark that it
//! began with, and so forgotten with it. Nothing is remembered of what is not there.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ca_identity::grant::Grant;
use ca_identity::operator::OperatorToken;
use ca_identity::session::Session;
use ca_identity::store::SecretHash;
use ca_pki::Timestamp;
use sea_orm::{EntityTrait, QuerySelect};

use crate::Error;
use crate::entity::identity_state::{Column, Entity};
use crate::point_reads::PointReads;
use crate::pool::Pool;
use crate::read::GroupReader;

/// Identities as they were read under the mark that holds.
pub(crate) struct Memory {
    database: PointReads,
    marks: GroupReader<(), Arc<str>>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    mark: Option<Arc<str>>,
    sessions: HashMap<String, Session>,
    tokens: HashMap<SecretHash, OperatorToken>,
    grants: Option<Listed>,
}

/// The grants that had not ended at a moment.
#[derive(Clone)]
struct Listed {
    since: Timestamp,
    grants: Arc<[Arc<Grant>]>,
}

impl Memory {
    /// Begins with nothing; marks are read from `point_reads` if that is local, else from
    /// `database`, for many at once.
    pub(crate) fn new(point_reads: &PointReads, database: &Pool) -> Self {
        let database = database.clone();
        let read = move |questions: Vec<()>| {
            let database = database.clone();
            async move {
                let mark = mark(&database).await?;
                Ok(vec![mark; questions.len()])
            }
        };
        Self {
            database: point_reads.clone(),
            marks: GroupReader::start(read),
            kept: Mutex::default(),
        }
    }

    /// Stops reading marks.
    pub(crate) fn close(&self) {
        self.marks.close();
    }

    /// Returns the session as it stands now, else what `reading` finds.
    pub(crate) async fn session(
        &self,
        id: &str,
        reading: impl Future<Output = Result<Option<Session>, Error>>,
    ) -> Result<Option<Session>, Error> {
        let mark = self.mark().await?;
        if let Some(known) = self.under(&mark).sessions.get(id) {
            return Ok(Some(known.clone()));
        }
        let read = reading.await?;
        if let Some(session) = &read {
            self.keep(&mark, |kept| {
                insert(&mut kept.sessions, session.id.clone(), session.clone());
            });
        }
        Ok(read)
    }

    /// Returns the operator token as it stands now, else what `reading` finds.
    pub(crate) async fn operator_token(
        &self,
        hash: &SecretHash,
        reading: impl Future<Output = Result<Option<OperatorToken>, Error>>,
    ) -> Result<Option<OperatorToken>, Error> {
        let mark = self.mark().await?;
        if let Some(known) = self.under(&mark).tokens.get(hash) {
            return Ok(Some(known.clone()));
        }
        let read = reading.await?;
        if let Some(token) = &read {
            self.keep(&mark, |kept| {
                insert(&mut kept.tokens, *hash, token.clone());
            });
        }
        Ok(read)
    }

    /// Returns the grants that have not ended at `moment`, by name, else what `reading` lists.
    pub(crate) async fn grants(
        &self,
        moment: Timestamp,
        reading: impl Future<Output = Result<Vec<Grant>, Error>>,
    ) -> Result<Vec<Arc<Grant>>, Error> {
        let mark = self.mark().await?;
        let known = self.under(&mark).grants.clone();
        // A clock that was put back: what had ended by the old one may be missing.
        if let Some(listed) = known.filter(|listed| listed.since <= moment) {
            return Ok(listed.at(moment));
        }
        let grants = reading.await?.into_iter().map(Arc::new).collect();
        let listed = Listed {
            since: moment,
            grants,
        };
        self.keep(&mark, |kept| kept.grants = Some(listed.clone()));
        Ok(listed.at(moment))
    }

    async fn mark(&self) -> Result<Arc<str>, Error> {
        if !self.database.is_local() {
            return self.marks.ask(()).await;
        }
        let row = self.database.one(Entity::find()).await?;
        row.map(|row| row.mark.into()).ok_or_else(no_mark)
    }

    /// Opens the memory as of a mark: what was read under another one is forgotten.
    fn under(&self, mark: &Arc<str>) -> MutexGuard<'_, Kept> {
        let mut kept = self.lock();
        if kept.mark.as_ref() != Some(mark) {
            *kept = Kept {
                mark: Some(Arc::clone(mark)),
                ..Kept::default()
            };
        }
        kept
    }

    fn keep(&self, mark: &Arc<str>, add: impl FnOnce(&mut Kept)) {
        let mut kept = self.lock();
        if kept.mark.as_ref() == Some(mark) {
            add(&mut kept);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listed {
    fn at(&self, moment: Timestamp) -> Vec<Arc<Grant>> {
        let in_force = |grant: &&Arc<Grant>| grant.expires_at.is_none_or(|end| moment < end);
        self.grants.iter().filter(in_force).cloned().collect()
    }
}

/// Rather than keep order of use: who is active is back with the next request.
fn insert<K: Eq + Hash, V>(kept: &mut HashMap<K, V>, key: K, value: V) {
    if kept.len() >= MOST_KEPT {
        kept.clear();
    }
    kept.insert(key, value);
}

async fn mark(database: &Pool) -> Result<Arc<str>, Error> {
    let mark: Option<String> = Entity::find()
        .select_only()
        .column(Column::Mark)
        .into_tuple()
        .one(database)
        .await?;
    mark.map(Arc::from).ok_or_else(no_mark)
}

fn no_mark() -> Error {
    Error::Corrupt("identity_state has no row".to_owned())
}

/// Of each kind.
const MOST_KEPT: usize = 4_096;
