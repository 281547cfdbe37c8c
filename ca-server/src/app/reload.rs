//! Reloading: grants, providers and operators of the file take the place of those in force.
//!
//! All or nothing, and not without an event: what decides who gets certificates is found in the
//! audit log before it decides anything.

use std::sync::Arc;

use arc_swap::ArcSwap;
use ca_identity::grant::Grant;
use ca_identity::{Access, Rules};
use ca_issuance::audit::{Event, EventKind};
use ca_issuance::{Actor, Clock, Ledger};
use serde_json::{Value, json};

use crate::app::rules;
use crate::config::{Config, ConfigError};
use crate::error::Error;

/// The configuration in force, and how another takes its place.
pub(crate) struct Reloader {
    in_force: ArcSwap<Config>,
    access: Arc<Access>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
}

/// A configuration that may come into force.
struct Fresh {
    config: Config,
    rules: Rules,
    /// Sections that are different in the file and stay as they are.
    waiting: Vec<String>,
}

impl Reloader {
    /// Begins with the configuration that the server was started with.
    pub(crate) fn new(
        config: Config,
        access: Arc<Access>,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            in_force: ArcSwap::from_pointee(config),
            access,
            ledger,
            clock,
        }
    }

    /// Writes down what the server starts with. A grant whose name was given over the API stands
    /// before that one: no server stays down for it.
    pub(crate) async fn note_start(&self) -> Result<(), Error> {
        let config = self.in_force.load_full();
        for warning in config.warnings(self.clock.now()) {
            tracing::warn!("{warning}");
        }
        for name in self.taken(&rules::grants(&config)?).await? {
            tracing::warn!(
                grant = name,
                "a grant made over the API has the same name and is not looked at"
            );
        }
        let details = loaded(&config, &[])?;
        self.note(EventKind::ConfigurationLoaded, details).await
    }

    /// Reads the file again. What is in force stays unless all of it can be replaced and that is
    /// written down.
    pub(crate) async fn reload(&self) {
        match self.replace().await {
            Ok(waiting) if waiting.is_empty() => {
                tracing::info!("grants, providers and operators are reloaded");
            }
            Ok(waiting) => tracing::warn!(
                sections = waiting.join(", "),
                "grants, providers and operators are reloaded; other changes need a restart"
            ),
            Err(error) => tracing::error!(
                error = error.in_full(),
                "the configuration is not reloaded; what was in force stays"
            ),
        }
    }

    async fn replace(&self) -> Result<Vec<String>, Error> {
        let fresh = match self.read().await {
            Ok(fresh) => fresh,
            Err(error) => {
                let details = json!({ "faults": faults(&error) });
                self.note(EventKind::ConfigurationRefused, details).await?;
                return Err(error);
            }
        };
        for warning in fresh.config.warnings(self.clock.now()) {
            tracing::warn!("{warning}");
        }
        // A crash from here on starts with the same file, and with another event.
        let details = loaded(&fresh.config, &fresh.waiting)?;
        self.note(EventKind::ConfigurationLoaded, details).await?;
        self.access.replace_rules(fresh.rules);
        self.in_force.store(Arc::new(fresh.config));
        Ok(fresh.waiting)
    }

    /// Reads and checks: the file by itself, and its reloadable sections together with what stays.
    async fn read(&self) -> Result<Fresh, Error> {
        let in_force = self.in_force.load_full();
        let file = Config::load(&in_force.file)?;
        let waiting = needing_a_restart(&in_force, &file)?;
        let config = Config {
            oidc: file.oidc,
            operators: file.operators,
            grants: file.grants,
            ..Config::clone(&in_force)
        };
        config.check()?;
        let rules = rules::build(&config)?;
        let taken = self.taken(&rules.grants).await?;
        if !taken.is_empty() {
            let fault = |name| format!("grant {name}: a grant made over the API has this name");
            let faults = taken.into_iter().map(fault).collect();
            return Err(Error::Config(ConfigError::Faults(faults)));
        }
        Ok(Fresh {
            config,
            rules,
            waiting,
        })
    }

    async fn taken(&self, grants: &[Arc<Grant>]) -> Result<Vec<String>, Error> {
        let taken = self.access.names_taken_over_the_api(grants).await;
        taken.map_err(|error| Error::Identity(Box::new(error)))
    }

    async fn note(&self, kind: EventKind, details: Value) -> Result<(), Error> {
        let event = Event {
            at: self.clock.now(),
            kind,
            actor: Actor::System,
            subject: self.in_force.load().server.external_url.to_string(),
            details,
        };
        self.ledger
            .append_event(event)
            .await
            .map_err(|error| Error::Store(Box::new(error)))
    }
}

fn loaded(config: &Config, waiting: &[String]) -> Result<Value, ConfigError> {
    Ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "configuration": config.to_toml()?,
        "needs_restart": waiting,
    }))
}

fn faults(error: &Error) -> Vec<String> {
    if let Error::Config(ConfigError::Faults(faults)) = error {
        return faults.clone();
    }
    vec![error.in_full()]
}

/// Names the sections that differ and are only read at start.
fn needing_a_restart(in_force: &Config, file: &Config) -> Result<Vec<String>, ConfigError> {
    let (before, after) = (in_force.sections()?, file.sections()?);
    let mut changed: Vec<String> = before
        .keys()
        .chain(after.keys().filter(|name| !before.contains_key(*name)))
        .filter(|name| !RELOADED.contains(&name.as_str()))
        .filter(|name| before.get(*name) != after.get(*name))
        .cloned()
        .collect();
    changed.sort_unstable();
    Ok(changed)
}

/// The sections that a reload replaces.
const RELOADED: [&str; 3] = ["grant", "oidc", "operator"];

#[cfg(test)]
mod tests;
