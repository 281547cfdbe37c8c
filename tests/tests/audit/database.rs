//! The databases that everything here is tried on, and writing into them beside the server.

use ca_tests::TestCa;
use ca_tests::server::TestCaBuilder;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement, TryGetable};

/// Makes a test for each database out of each case.
macro_rules! on_both_databases {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(crate::database::Kind::Sqlite).await;
                }
            )+
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(crate::database::Kind::Postgres).await;
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
    pub(crate) fn builder(self) -> TestCaBuilder {
        match self {
            Self::Sqlite => TestCa::builder(),
            Self::Postgres => TestCa::builder().on_postgres(),
        }
    }
}

/// A connection beside the server's.
pub(crate) struct Aside(DatabaseConnection);

impl Aside {
    pub(crate) async fn of(ca: &TestCa) -> Self {
        let config = ca.config();
        let url = config["database"]["url"].as_str().unwrap();
        let url = match url.strip_prefix("sqlite://") {
            // Relative to the configuration file.
            Some(file) => format!("sqlite://{}", ca.folder().join(file).display()),
            None => url.to_owned(),
        };
        Self(Database::connect(url).await.unwrap())
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.0.execute_unprepared(sql).await.unwrap();
    }

    /// Reads the one value that a query has.
    pub(crate) async fn value<T: TryGetable>(&self, sql: &str) -> T {
        let query = Statement::from_string(self.0.get_database_backend(), sql.to_owned());
        let row = self.0.query_one_raw(query).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    pub(crate) async fn close(self) {
        self.0.close().await.unwrap();
    }
}
