//! Everything that a database holds, table by table.

use std::collections::{BTreeMap, BTreeSet};

use crate::database::{Aside, Kind};

/// The rows of every table, as text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rows(BTreeMap<String, BTreeSet<String>>);

/// How to read every row of every table of a schema.
pub(super) struct Schema(BTreeMap<String, String>);

impl Schema {
    /// Learns the tables from the database itself.
    pub(super) async fn of(aside: &Aside, kind: Kind) -> Self {
        let mut reading = BTreeMap::new();
        for table in tables(aside, kind).await {
            let sql = match kind {
                Kind::Sqlite => {
                    let columns = format!(
                        "SELECT group_concat('quote(\"' || name || '\")', ' || ') \
                         FROM pragma_table_info('{table}')"
                    );
                    let columns: Vec<String> = aside.column(&columns).await;
                    format!("SELECT {} FROM \"{table}\"", columns[0])
                }
                Kind::Postgres => format!("SELECT one::text FROM \"{table}\" one"),
            };
            reading.insert(table, sql);
        }
        Self(reading)
    }

    /// Reads every row.
    pub(super) async fn rows(&self, aside: &Aside) -> Rows {
        let mut all = BTreeMap::new();
        for (table, sql) in &self.0 {
            let rows: Vec<String> = aside.column(sql).await;
            all.insert(table.clone(), rows.into_iter().collect());
        }
        Rows(all)
    }
}

impl Rows {
    /// Returns the tables that differ.
    pub(super) fn changed_to(&self, later: &Self) -> BTreeSet<String> {
        let tables = self.0.iter();
        let changed = tables.filter(|(table, rows)| later.0.get(*table) != Some(*rows));
        changed.map(|(table, _)| table.clone()).collect()
    }
}

/// Lists the tables that hold what the store remembers.
pub(super) async fn tables(aside: &Aside, kind: Kind) -> Vec<String> {
    let sql = match kind {
        Kind::Sqlite => {
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        }
        Kind::Postgres => {
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'"
        }
    };
    let tables: Vec<String> = aside.column(sql).await;
    let own = |table: &String| *table != "seaql_migrations" && *table != "touched";
    tables.into_iter().filter(own).collect()
}
