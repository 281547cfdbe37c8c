//! Accounts in memory: every request names one, few change.
//!
//! Only where one server serves a database file: with several, one would go on accepting a key
//! that another has just seen replaced. Commands beside the server do not touch accounts.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ca_acme::account::Account;

use crate::Error;

/// Accounts as last read, by id.
pub(crate) struct Memory {
    remembering: AtomicBool,
    hashing: RandomState,
    shards: Vec<Mutex<Shard>>,
}

/// The number grows with whatever is forgotten: an account read before that is not kept, since
/// it may be the old one.
#[derive(Default)]
struct Shard {
    forgotten: u64,
    accounts: HashMap<String, Account>,
}

impl Memory {
    /// Begins to remember.
    pub(crate) fn begin(&self) {
        self.remembering.store(true, Ordering::Release);
    }

    /// Returns the account from memory, else from `reading`.
    pub(crate) async fn read(
        &self,
        id: &str,
        reading: impl Future<Output = Result<Option<Account>, Error>>,
    ) -> Result<Option<Account>, Error> {
        if !self.remembering.load(Ordering::Acquire) {
            return reading.await;
        }
        let forgotten = {
            let shard = self.shard(id);
            if let Some(account) = shard.accounts.get(id) {
                return Ok(Some(account.clone()));
            }
            shard.forgotten
        };
        let read = reading.await?;
        if let Some(account) = &read {
            self.keep(account, forgotten);
        }
        Ok(read)
    }

    /// Forgets an account that has changed; called after the commit.
    pub(crate) fn forget(&self, id: &str) {
        let mut shard = self.shard(id);
        shard.forgotten += 1;
        shard.accounts.remove(id);
    }

    fn keep(&self, account: &Account, forgotten: u64) {
        let mut shard = self.shard(&account.id);
        if shard.forgotten != forgotten {
            return;
        }
        // Rather than keep order of use: who is active is back with the next request.
        if shard.accounts.len() >= ACCOUNTS_PER_SHARD {
            shard.accounts.clear();
        }
        shard.accounts.insert(account.id.clone(), account.clone());
    }

    fn shard(&self, id: &str) -> MutexGuard<'_, Shard> {
        let at = self.hashing.hash_one(id) as usize % SHARDS;
        let shard = self.shards.get(at).expect("there are SHARDS shards");
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            remembering: AtomicBool::new(false),
            hashing: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }
}

const SHARDS: usize = 16;
const ACCOUNTS_PER_SHARD: usize = 1_024;

#[cfg(test)]
mod tests {
    use ca_acme::account::AccountStatus;
    use ca_pki::Timestamp;
    use tokio::sync::oneshot;

    use super::*;

    fn account(status: AccountStatus) -> Account {
        Account {
            id: "anna".to_owned(),
            directory: "default".to_owned(),
            status,
            jwk: "{}".to_owned(),
            thumbprint: "thumbprint".to_owned(),
            contacts: Vec::new(),
            terms_agreed: false,
            external_account: None,
            external_binding: None,
            principal: None,
            created_at: Timestamp::from_unix_secs(0),
        }
    }

    async fn unreachable() -> Result<Option<Account>, Error> {
        Err(Error::Closed)
    }

    #[tokio::test]
    async fn remembers_what_it_read_until_it_changes() {
        let memory = Memory::default();
        memory.begin();
        let valid = account(AccountStatus::Valid);

        let read = memory.read("anna", async { Ok(Some(valid.clone())) });
        assert_eq!(read.await.unwrap(), Some(valid.clone()));
        assert_eq!(
            memory.read("anna", unreachable()).await.unwrap(),
            Some(valid)
        );
        memory.forget("anna");
        assert!(memory.read("anna", unreachable()).await.is_err());
    }

    #[tokio::test]
    async fn keeps_nothing_that_changed_while_it_was_read() {
        let memory = Memory::default();
        memory.begin();
        let (answer, answered) = oneshot::channel();

        let reading = memory.read("anna", async { Ok(answered.await.ok()) });
        let changing = async {
            memory.forget("anna");
            answer.send(account(AccountStatus::Valid)).unwrap();
        };
        let (read, ()) = tokio::join!(biased; reading, changing);
        read.unwrap();

        assert!(memory.read("anna", unreachable()).await.is_err());
    }

    #[tokio::test]
    async fn remembers_nothing_before_it_serves_alone() {
        let memory = Memory::default();

        let read = memory.read("anna", async { Ok(Some(account(AccountStatus::Valid))) });
        read.await.unwrap();

        assert!(memory.read("anna", unreachable()).await.is_err());
    }
}
