//! Lists of keys.

use super::ExternalAccountKey;
use crate::cursor::{self, Cursor};

/// Which keys to list.
#[derive(Clone, Debug, Default)]
pub struct KeyQuery {
    /// The name of the principal that they are for.
    pub owner: Option<String>,
    /// How many at most.
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: Option<Cursor>,
}

/// Some keys, newest first.
#[derive(Debug)]
pub struct KeyList {
    /// The keys.
    pub keys: Vec<ExternalAccountKey>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}

impl KeyList {
    /// Makes a page of up to `limit` keys out of up to one more, which shows that there is a next
    /// page.
    pub fn cut(keys: Vec<ExternalAccountKey>, limit: u32) -> Self {
        let (keys, next) = cursor::cut(keys, limit, |key| Cursor {
            created_at: key.created_at,
            id: key.kid.clone(),
        });
        Self { keys, next }
    }
}
