//! Making the database refuse a statement, however it is reached.

use crate::database::{Aside, Kind};

/// A kind of statement on a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement {
    verb: &'static str,
    table: &'static str,
    condition: &'static str,
}

/// A trigger that is there until mended.
pub(crate) struct Broken<'a> {
    aside: &'a Aside,
    kind: Kind,
    statement: Statement,
}

/// What clients and auditors could tell apart, row by row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rows(Vec<String>);

impl Statement {
    pub(crate) fn insert(table: &'static str) -> Self {
        Self::of("INSERT", table)
    }

    pub(crate) fn update(table: &'static str) -> Self {
        Self::of("UPDATE", table)
    }

    fn of(verb: &'static str, table: &'static str) -> Self {
        let condition = "";
        Self {
            verb,
            table,
            condition,
        }
    }

    /// Refuses it only for rows that are like this.
    pub(crate) fn when(mut self, condition: &'static str) -> Self {
        self.condition = condition;
        self
    }
}

impl<'a> Broken<'a> {
    pub(crate) async fn begin(aside: &'a Aside, kind: Kind, statement: Statement) -> Self {
        let broken = Self {
            aside,
            kind,
            statement,
        };
        broken.drop_trigger().await;
        aside.execute(&broken.trigger()).await;
        broken
    }

    pub(crate) async fn mend(self) {
        self.drop_trigger().await;
    }

    async fn drop_trigger(&self) {
        let Statement { table, .. } = self.statement;
        let sql = match self.kind {
            Kind::Sqlite => "DROP TRIGGER IF EXISTS broken".to_owned(),
            Kind::Postgres => format!(
                "DROP TRIGGER IF EXISTS broken ON \"{table}\"; DROP FUNCTION IF EXISTS broken()"
            ),
        };
        self.aside.execute(&sql).await;
    }

    fn trigger(&self) -> String {
        let Statement {
            verb,
            table,
            condition,
        } = self.statement;
        let when = match condition {
            "" => String::new(),
            condition => format!("WHEN ({condition})"),
        };
        match self.kind {
            Kind::Sqlite => format!(
                "CREATE TRIGGER broken BEFORE {verb} ON \"{table}\" {when} \
                 BEGIN SELECT RAISE(ABORT, 'broken'); END"
            ),
            Kind::Postgres => format!(
                "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN RAISE EXCEPTION 'broken'; END $$; \
                 CREATE TRIGGER broken BEFORE {verb} ON \"{table}\" \
                 FOR EACH ROW {when} EXECUTE FUNCTION broken()"
            ),
        }
    }
}

impl Rows {
    pub(crate) async fn read(aside: &Aside) -> Self {
        let mut all = Vec::new();
        for sql in TOLD_APART {
            let rows: Vec<String> = aside.column(sql).await;
            all.extend(rows);
        }
        Self(all)
    }
}

/// CRLs come and go by themselves; what they list does not.
const TOLD_APART: [&str; 6] = [
    "SELECT id || status || contacts || thumbprint AS told FROM account ORDER BY told",
    "SELECT id || status AS told FROM acme_order ORDER BY told",
    "SELECT id || status || challenges AS told FROM \"authorization\" ORDER BY told",
    "SELECT order_id || authorization_id AS told FROM order_authorization ORDER BY told",
    "SELECT order_id || state AS told FROM certificate WHERE order_id IS NOT NULL ORDER BY told",
    "SELECT kind || subject AS told FROM audit_event WHERE kind <> 'crl.published' ORDER BY told",
];
