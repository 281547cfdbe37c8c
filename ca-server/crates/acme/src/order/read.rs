//! Reading an order back.

use crate::Error;
use crate::acme::Acme;
use crate::order::Order;
use crate::ownership::missing;
use crate::request::AccountRequest;

impl Acme {
    /// Reads an order of the account.
    pub async fn order(&self, request: &AccountRequest, id: &str) -> Result<Order, Error> {
        let order = self.store.order(id).await?;
        let order = order.ok_or_else(|| missing("order"))?;
        request.account.check_owns(&order.account)?;
        Ok(order)
    }
}
