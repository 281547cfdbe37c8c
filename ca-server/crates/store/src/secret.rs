//! Secrets that all servers share, each made once.

use sea_orm::EntityTrait;
use secrecy::{ExposeSecret, SecretBox};

use crate::change::Change;
use crate::entity::secret::{Entity, Model};
use crate::pool::Pool;
use crate::row::{self, octets};
use crate::transaction::Transaction;
use crate::{Error, Store};

/// Stores a secret unless there is one of its name.
struct Share {
    name: String,
    fresh: SecretBox<[u8; 32]>,
}

/// Returns the secret of this name; `fresh` becomes it if there is none yet.
pub(crate) async fn shared(store: &Store, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], Error> {
    // Nearly always there: servers ask at every start.
    if let Some(secret) = by_name(store.reads(), name).await? {
        return Ok(secret);
    }
    let name = name.to_owned();
    let fresh = SecretBox::new(Box::new(fresh));
    store.write(Share { name, fresh }).await
}

impl Change for Share {
    type Outcome = [u8; 32];

    async fn apply(&self, transaction: &Transaction) -> Result<[u8; 32], Error> {
        if let Some(row) = Entity::find_by_id(&self.name).one(transaction).await? {
            return octets("shared_secret.value", &row.value);
        }
        // Servers that start together may both come here: the loser runs again and reads.
        let row = Model {
            name: self.name.clone(),
            value: self.fresh.expose_secret().to_vec(),
        };
        row::insert(transaction, row).await?;
        Ok(*self.fresh.expose_secret())
    }
}

async fn by_name(database: &Pool, name: &str) -> Result<Option<[u8; 32]>, Error> {
    let row = Entity::find_by_id(name).one(database).await?;
    row.map(|row| octets("shared_secret.value", &row.value))
        .transpose()
}
