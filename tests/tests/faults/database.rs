//! The databases that everything here is tried on, and looking into them beside the server.

use std::path::Path;

use ca_tests::postgres::Cluster;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement, TryGetable};

/// Makes a test for each database out of each case.
macro_rules! on_both_databases {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[test]
                fn $case() {
                    super::$case(crate::database::Kind::Sqlite);
                }
            )+
        }

        mod postgres {
            $(
                #[test]
                fn $case() {
                    super::$case(crate::database::Kind::Postgres);
                }
            )+
        }
    };
}
pub(crate) use on_both_databases;

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file of one server.
    Sqlite,
    /// A database that servers share.
    Postgres,
}

impl Kind {
    /// Names an empty database.
    pub(crate) fn url(self, folder: &Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}", folder.join("ca.db").display()),
            Self::Postgres => Cluster::shared().database().unwrap(),
        }
    }
}

/// A connection beside the server's.
pub(crate) struct Aside(DatabaseConnection);

impl Aside {
    pub(crate) async fn of(url: &str) -> Self {
        Self(Database::connect(url).await.unwrap())
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.0.execute_unprepared(sql).await.unwrap();
    }

    /// Reads the first column of every row.
    pub(crate) async fn column<T: TryGetable>(&self, sql: &str) -> Vec<T> {
        let query = Statement::from_string(self.0.get_database_backend(), sql.to_owned());
        let rows = self.0.query_all_raw(query).await.unwrap();
        rows.iter()
            .map(|row| row.try_get_by_index(0).unwrap())
            .collect()
    }

    /// Writes octets as the database reads them in a statement.
    pub(crate) fn octets(&self, octets: &[u8]) -> String {
        let hexadecimal = ca_pki::hex::lower(octets);
        let is_sqlite = self.0.get_database_backend() == DbBackend::Sqlite;
        match is_sqlite {
            true => format!("x'{hexadecimal}'"),
            false => format!("'\\x{hexadecimal}'"),
        }
    }

    pub(crate) async fn close(self) {
        self.0.close().await.unwrap();
    }
}
