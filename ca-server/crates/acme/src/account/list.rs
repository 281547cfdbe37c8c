//! Lists of accounts, for those who run the server.

use super::{Account, AccountStatus};
use crate::Error;
use crate::acme::Acme;
use crate::cursor::{self, Cursor};

/// Which accounts to list. Every filter that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct AccountQuery {
    /// The directory's name.
    pub directory: Option<String>,
    /// Where they stand.
    pub status: Option<AccountStatus>,
    /// How many at most.
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: Option<Cursor>,
}

/// Some accounts, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountList {
    /// The accounts.
    pub accounts: Vec<Account>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}

impl AccountList {
    /// Makes a page of up to `limit` accounts out of up to one more, which shows that there is a
    /// next page.
    pub fn cut(accounts: Vec<Account>, limit: u32) -> Self {
        let (accounts, next) = cursor::cut(accounts, limit, |account| Cursor {
            created_at: account.created_at,
            id: account.id.clone(),
        });
        Self { accounts, next }
    }
}

impl Acme {
    /// Lists accounts, whoever holds them. The caller is known to be one who may read them all.
    pub async fn accounts(&self, query: &AccountQuery) -> Result<AccountList, Error> {
        Ok(self.store.accounts(query).await?)
    }
}
