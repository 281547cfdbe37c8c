//! Rules: what the configuration says about who may have what, as `ca-identity` judges by it.

use std::sync::Arc;

use ca_identity::Rules;
use ca_identity::grant::{Grant, Origin};
use ca_identity::operator::OperatorRule;

use crate::app::identity;
use crate::config::{Config, ConfigError, OperatorSection};
use crate::error::Error;

/// Builds the rules of a configuration. Files that it names are read.
pub(crate) fn build(config: &Config) -> Result<Rules, Error> {
    Ok(Rules {
        providers: identity::providers(config)?,
        operators: operators(config)?,
        grants: grants(config)?,
        profiles: config.known_names().profiles,
    })
}

/// Returns the grants, in the order of the file.
pub(crate) fn grants(config: &Config) -> Result<Vec<Arc<Grant>>, ConfigError> {
    let sections = config.grants.iter();
    collected(sections.map(|section| section.compile(Origin::Configured).map(Arc::new)))
}

/// Returns who has a role.
pub(crate) fn operators(config: &Config) -> Result<Vec<OperatorRule>, ConfigError> {
    collected(config.operators.iter().map(OperatorSection::to_rule))
}

fn collected<T>(
    results: impl Iterator<Item = Result<T, Vec<String>>>,
) -> Result<Vec<T>, ConfigError> {
    let (mut values, mut faults) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => values.push(value),
            Err(more) => faults.extend(more),
        }
    }
    if faults.is_empty() {
        Ok(values)
    } else {
        Err(ConfigError::Faults(faults))
    }
}
