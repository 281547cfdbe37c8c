//! Secrets that all servers share, each made once.

use sea_orm::{DatabaseConnection, DatabaseTransaction, EntityTrait};
use secrecy::{ExposeSecret, SecretBox};

use crate::Error;
use crate::change::Change;
use crate::entity::secret::{Entity, Model};
use crate::row::{self, octets};

/// Stores a secret unless there is one of its name.
pub(crate) struct Share {
    pub(crate) name: String,
    pub(crate) fresh: SecretBox<[u8; 32]>,
}

impl Change for Share {
    type Outcome = [u8; 32];

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<[u8; 32], Error> {
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

/// Reads a secret.
pub(crate) async fn by_name(
    database: &DatabaseConnection,
    name: &str,
) -> Result<Option<[u8; 32]>, Error> {
    let row = Entity::find_by_id(name).one(database).await?;
    row.map(|row| octets("shared_secret.value", &row.value))
        .transpose()
}
