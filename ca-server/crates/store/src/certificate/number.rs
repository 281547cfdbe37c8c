//! Numbers for revocations that a server of the release before made.

use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Select};

use crate::change::Change;
use crate::entity::certificate::{ActiveModel, Column, Entity};
use crate::pool::Pool;
use crate::transaction::Transaction;
use crate::{Error, crl};

/// Gives a number to each revocation of an issuer that has none; to some, if there are many.
pub(crate) struct NumberRevocations {
    pub(crate) issuer: String,
}

impl Change for NumberRevocations {
    type Outcome = ();

    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        let serials: Vec<Vec<u8>> = unnumbered(&self.issuer)
            .limit(MOST_AT_ONCE)
            .into_tuple()
            .all(transaction)
            .await?;
        for serial in serials {
            let number = crl::bump_epoch(transaction, &self.issuer).await?;
            let changes = ActiveModel {
                revocation_number: Set(Some(number)),
                ..ActiveModel::default()
            };
            // Where another server was first, a number is left out.
            Entity::update_many()
                .set(changes)
                .filter(Column::Issuer.eq(&self.issuer))
                .filter(Column::Serial.eq(serial))
                .filter(Column::RevocationNumber.is_null())
                .exec(transaction)
                .await?;
        }
        Ok(())
    }
}

/// Tells whether a revocation has no number.
pub(crate) async fn any_unnumbered(database: &Pool, issuer: &str) -> Result<bool, Error> {
    let found: Option<Vec<u8>> = unnumbered(issuer).into_tuple().one(database).await?;
    Ok(found.is_some())
}

fn unnumbered(issuer: &str) -> Select<Entity> {
    Entity::find()
        .select_only()
        .column(Column::Serial)
        .filter(Column::Issuer.eq(issuer))
        // Literals, so that the partial index serves.
        .filter(Expr::cust("state IN ('revoked', 'burned')"))
        .filter(Column::RevocationNumber.is_null())
}

const MOST_AT_ONCE: u64 = 200;
