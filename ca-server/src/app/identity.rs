//! Who the configuration lets in.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ca_identity::oidc::{KeySet, KeySource, KeysUnavailable, Provider};
use ca_validation::JwksFetcher;
use url::Url;

use super::validation_settings;
use crate::config::{Config, ConfigError, OidcSection};
use crate::error::Error;
use crate::files;

/// Makes the providers of `[[oidc]]`. Files must read now; URLs are first fetched for a token.
pub(crate) fn providers(config: &Config) -> Result<Vec<Arc<Provider>>, Error> {
    let mut providers = Vec::new();
    for section in &config.oidc {
        let settings = section.to_settings().map_err(ConfigError::Faults)?;
        let source = key_source(config, section)?;
        providers.push(Arc::new(Provider::new(settings, source)));
    }
    Ok(providers)
}

fn key_source(config: &Config, section: &OidcSection) -> Result<Arc<dyn KeySource>, Error> {
    let fault = |fault: String| {
        let faults = vec![format!("oidc {}: {fault}", section.name)];
        Error::Config(ConfigError::Faults(faults))
    };
    if let Some(file) = &section.jwks_file {
        let file = config.path(file);
        check_file(&file).map_err(|reason| fault(format!("jwks_file: {reason}")))?;
        return Ok(Arc::new(KeySetFile(file)));
    }
    let url = section.jwks_url.as_deref().unwrap_or_default();
    let url = Url::parse(url).map_err(|error| fault(format!("jwks_url: {error}")))?;
    let roots = match &section.jwks_ca {
        Some(file) => Some(files::read(&config.path(file))?),
        None => None,
    };
    let roots = roots.as_ref().map(String::as_bytes);
    let fetcher = JwksFetcher::new(&validation_settings(config), url, roots)
        .map_err(|reason| fault(reason.to_string()))?;
    Ok(Arc::new(fetcher))
}

/// Refuses a file from which no token could be verified.
fn check_file(file: &Path) -> Result<(), String> {
    let text = files::read(file).map_err(|error| error.in_full())?;
    let set = KeySet::parse(&text).map_err(|fault| format!("{}: {fault}", file.display()))?;
    if set.usable() == 0 {
        return Err(format!(
            "{}: no key in it can verify tokens",
            file.display()
        ));
    }
    Ok(())
}

/// A key set in a file, for issuers that cannot be reached.
struct KeySetFile(PathBuf);

#[async_trait]
impl KeySource for KeySetFile {
    async fn fetch(&self) -> Result<String, KeysUnavailable> {
        let text = tokio::fs::read_to_string(&self.0).await;
        text.map_err(|error| KeysUnavailable(format!("{}: {error}", self.0.display())))
    }

    fn name(&self) -> String {
        self.0.display().to_string()
    }

    /// Reading a file costs little, and whoever changed it waits for that to count.
    fn fresh_for(&self) -> Duration {
        Duration::from_secs(30)
    }
}
