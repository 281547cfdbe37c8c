//! Rules: what the configuration says about who may have what, as `ca-identity` judges by it.

use std::sync::Arc;

use ca_identity::Rules;
use ca_identity::grant::{Grant, Origin};
use ca_identity::operator::OperatorRule;

use crate::app::identity;
use crate::config::{Config, ConfigError};
use crate::error::Error;

/// Builds the rules of a configuration. Files that it names are read.
pub(crate) fn build(config: &Config) -> Result<Rules, Error> {
    let mut faults = Vec::new();
    let mut grants: Vec<Arc<Grant>> = Vec::new();
    for section in &config.grants {
        match section.compile(Origin::Configured) {
            Ok(grant) => grants.push(Arc::new(grant)),
            Err(more) => faults.extend(more),
        }
    }
    let mut operators: Vec<OperatorRule> = Vec::new();
    for section in &config.operators {
        match section.to_rule() {
            Ok(rule) => operators.push(rule),
            Err(more) => faults.extend(more),
        }
    }
    if !faults.is_empty() {
        return Err(Error::Config(ConfigError::Faults(faults)));
    }
    Ok(Rules {
        providers: identity::providers(config)?,
        operators,
        grants,
        profiles: config.known_names().profiles,
    })
}
