//! Opening the store that a configuration names.

use std::sync::Arc;

use ca_issuance::world::SystemClock;
use ca_store::{Options, Store};

use crate::config::Config;
use crate::error::Error;

/// Connects; the schema may still be missing.
pub(crate) async fn connect(config: &Config) -> Result<Store, Error> {
    let url = config.database.resolved_url(&config.base);
    Store::connect(&url, Options::new(Arc::new(SystemClock)))
        .await
        .map_err(|error| Error::Store(Box::new(error)))
}

/// Connects to a store whose schema is the one of this version. A server may be running on it.
pub(crate) async fn open(config: &Config) -> Result<Store, Error> {
    let store = connect(config).await?;
    match store.check_schema().await {
        Ok(()) => Ok(store),
        Err(error) => {
            store.close().await;
            Err(Error::Store(Box::new(error)))
        }
    }
}
