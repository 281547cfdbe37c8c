//! Places in lists that are ordered by age.

use std::fmt;
use std::str::FromStr;

use ca_issuance::ledger::NotACursor;
use ca_pki::Timestamp;

/// A place in a list, newest first: after the one with this age and id.
///
/// What is made between two pages stands before the first, so no page repeats or skips anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When it was made.
    pub created_at: Timestamp,
    /// Its id, for those of one age.
    pub id: String,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.created_at.unix_secs(), self.id)
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(unverified: &str) -> Result<Self, NotACursor> {
        let (created_at, id) = unverified.split_once('.').ok_or(NotACursor)?;
        let created_at = created_at.parse().map_err(|_| NotACursor)?;
        if id.is_empty() || id.contains(|c: char| c.is_control()) {
            return Err(NotACursor);
        }
        Ok(Self {
            created_at: Timestamp::from_unix_secs(created_at),
            id: id.to_owned(),
        })
    }
}

/// Cuts a list to `limit`, and tells where the next page begins if more than that were read.
pub(crate) fn cut<T>(
    mut read: Vec<T>,
    limit: u32,
    cursor: impl Fn(&T) -> Cursor,
) -> (Vec<T>, Option<Cursor>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = read.len() > limit;
    read.truncate(limit);
    let next = read.last().filter(|_| has_more).map(cursor);
    (read, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_other_text_does_not() {
        let cursor = Cursor {
            created_at: Timestamp::from_unix_secs(1_800_000_000),
            id: "a.b-c".to_owned(),
        };

        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in [
            "",
            ".",
            "1",
            "1.",
            ".a",
            "x.a",
            "1.a\0",
            "99999999999999999999.a",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(NotACursor), "{text:?}");
        }
    }

    #[test]
    fn a_page_names_the_next_only_where_there_is_one() {
        let cursor = |id: &&str| Cursor {
            created_at: Timestamp::from_unix_secs(0),
            id: (*id).to_owned(),
        };

        let (whole, end) = cut(vec!["a", "b"], 2, cursor);
        let (page, next) = cut(vec!["a", "b", "c"], 2, cursor);

        assert_eq!((whole, end), (vec!["a", "b"], None));
        assert_eq!((page, next), (vec!["a", "b"], Some(cursor(&"b"))));
    }
}
