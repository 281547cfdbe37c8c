//! Lists of orders, for those who run the server.

use super::{Order, OrderStatus};
use crate::Error;
use crate::acme::Acme;
use crate::cursor::{self, Cursor};

/// Which orders to list. Every filter that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct OrderQuery {
    /// The directory's name.
    pub directory: Option<String>,
    /// The account's id.
    pub account: Option<String>,
    /// Where they stand; one that expired unfinished is `Invalid`.
    pub status: Option<OrderStatus>,
    /// How many at most.
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: Option<Cursor>,
}

/// Some orders, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderList {
    /// The orders.
    pub orders: Vec<Order>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}

impl OrderList {
    /// Makes a page of up to `limit` orders out of up to one more, which shows that there is a
    /// next page.
    pub fn cut(orders: Vec<Order>, limit: u32) -> Self {
        let (orders, next) = cursor::cut(orders, limit, |order| Cursor {
            created_at: order.created_at,
            id: order.id.clone(),
        });
        Self { orders, next }
    }
}

impl Acme {
    /// Lists orders, whoever placed them. The caller is known to be one who may read them all.
    pub async fn orders(&self, query: &OrderQuery) -> Result<OrderList, Error> {
        Ok(self.store.orders(query).await?)
    }
}
