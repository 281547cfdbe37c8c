//! Triggers on every table of a SQLite database: some tell what is written, one refuses it.

use std::collections::BTreeSet;

use super::act::Act;
use super::lab::Lab;
use super::rows;
use crate::database::{Aside, Kind};

/// A verb and a table.
pub(super) type Write = (String, String);

/// What a refusal takes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Harm {
    /// The statement.
    Statement,
    /// The whole transaction, as SQLite does where the disk is full or fails.
    Transaction,
}

/// Triggers that tell.
pub(super) struct Triggers<'lab> {
    aside: &'lab Aside,
    tables: Vec<String>,
}

/// A trigger that refuses, until mended.
pub(super) struct Broken<'lab>(&'lab Aside);

impl<'lab> Triggers<'lab> {
    /// Sets one for each verb on each table.
    pub(super) async fn new(lab: &'lab Lab) -> Self {
        let aside = &lab.aside;
        let tables = rows::tables(aside, Kind::Sqlite).await;
        aside
            .execute("CREATE TABLE touched (verb TEXT, place TEXT)")
            .await;
        for table in &tables {
            for verb in VERBS {
                let sql = format!(
                    "CREATE TRIGGER told_{verb}_{table} BEFORE {verb} ON \"{table}\" \
                     BEGIN INSERT INTO touched VALUES ('{verb}', '{table}'); END"
                );
                aside.execute(&sql).await;
            }
        }
        Self { aside, tables }
    }

    pub(super) fn tables(&self) -> &[String] {
        &self.tables
    }

    /// Makes a call and returns what it wrote to.
    pub(super) async fn touched_by(&self, lab: &Lab, act: &Act) -> BTreeSet<Write> {
        let prepared = lab.prepare(act).await;
        self.aside.execute("DELETE FROM touched").await;
        assert_eq!(prepared.perform().await, Ok(()), "{act:?}");
        let sql = "SELECT verb || ' ' || place FROM touched";
        let touched: Vec<String> = self.aside.column(sql).await;
        let touched = touched.iter().filter_map(|one| one.split_once(' '));
        touched
            .map(|(verb, table)| (verb.to_owned(), table.to_owned()))
            .collect()
    }

    /// Lets a write fail from now on.
    pub(super) async fn harm(&self, (verb, table): &Write, harm: Harm) -> Broken<'lab> {
        let taking = match harm {
            Harm::Statement => "ABORT",
            Harm::Transaction => "ROLLBACK",
        };
        let sql = format!(
            "CREATE TRIGGER broken BEFORE {verb} ON \"{table}\" \
             BEGIN SELECT RAISE({taking}, 'broken'); END"
        );
        self.aside.execute(&sql).await;
        Broken(self.aside)
    }
}

impl Broken<'_> {
    pub(super) async fn mend(self) {
        self.0.execute("DROP TRIGGER broken").await;
    }
}

const VERBS: [&str; 3] = ["INSERT", "UPDATE", "DELETE"];
