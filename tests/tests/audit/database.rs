//! The databases that everything here is tried on.

use ca_tests::TestCa;
use ca_tests::server::TestCaBuilder;

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
