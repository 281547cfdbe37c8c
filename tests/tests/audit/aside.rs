//! Writing into a database beside the server.

use ca_tests::TestCa;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement, TryGetable};

/// A connection beside the server's.
pub(crate) struct Aside(DatabaseConnection);

impl Aside {
    pub(crate) async fn of(ca: &TestCa) -> Self {
        Self(Database::connect(ca.database_url()).await.unwrap())
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
