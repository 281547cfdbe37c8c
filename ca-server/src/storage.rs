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
