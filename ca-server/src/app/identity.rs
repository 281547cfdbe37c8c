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
        Some(file) => {
            let text = files::read(&config.path(file));
            Some(text.map_err(|error| fault(format!("jwks_ca: {}", error.in_full())))?)
        }
        None => None,
    };
    let roots = roots.as_ref().map(String::as_bytes);
    let fetcher = JwksFetcher::new(
        &validation_settings(config),
        url,
        roots,
        &section.jwks_networks,
    )
    .map_err(|reason| fault(format!("jwks_url, jwks_ca: {reason}")))?;
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

#[cfg(test)]
mod tests {
    use std::fs;

    use ca_identity::testing::{TestIssuer, TestKey};
    use ca_pki::Timestamp;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_secs(1_795_262_400);
    const AUDIENCE: &str = "https://ca.example.internal";

    /// Parses a configuration with one issuer whose keys are in `keys.json` of the folder.
    fn config(folder: &Path) -> Config {
        let text = format!(
            r#"
            [server]
            external_url = "{AUDIENCE}"
            pki_url = "http://ca.example.internal"
            [database]
            url = "sqlite://ca.db"
            [[issuer]]
            name = "tls"
            certificate = "tls.pem"
            root = "root.pem"
            key = "file:tls.key"
            [[profile]]
            name = "tls-server"
            issuer = "tls"
            extended_key_usage = ["serverAuth"]
            identifiers = ["dns"]
            [[oidc]]
            name = "cluster"
            issuer = "https://cluster.example.internal"
            audience = "{AUDIENCE}"
            jwks_file = "keys.json"
            algorithms = ["ES256"]
            "#
        );
        Config::parse(&text, folder.to_owned()).unwrap()
    }

    fn refusal(keys: Option<&str>) -> String {
        let folder = tempfile::tempdir().unwrap();
        if let Some(keys) = keys {
            fs::write(folder.path().join("keys.json"), keys).unwrap();
        }
        match providers(&config(folder.path())) {
            Ok(_) => panic!("{keys:?} is taken"),
            Err(error) => error.in_full(),
        }
    }

    #[tokio::test]
    async fn reads_a_key_file_again_within_half_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.json");
        let issuer = TestIssuer::new("https://cluster.example.internal");
        fs::write(&file, issuer.key_set()).unwrap();
        let providers = providers(&config(folder.path())).unwrap();
        let [provider] = providers.as_slice() else {
            panic!("one provider");
        };
        let old = issuer.token(&issuer.claims("pod", AUDIENCE, NOW));
        let before = provider.verify(&old, NOW).await;

        issuer.set_keys(vec![TestKey::p256("key-1")]);
        fs::write(&file, issuer.key_set()).unwrap();
        let later = NOW.plus(Duration::from_secs(30));
        let new = issuer.token(&issuer.claims("pod", AUDIENCE, later));

        assert!(before.is_ok(), "{before:?}");
        assert!(provider.verify(&new, later).await.is_ok());
        assert!(provider.verify(&old, later).await.is_err());
    }

    #[test]
    fn refuses_a_key_file_that_no_token_could_be_verified_with() {
        let small = r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#;
        for (keys, expected) in [
            (None, "No such file"),
            (Some("not JSON"), "the key set is not"),
            (Some(small), "no key in it can verify"),
        ] {
            let text = refusal(keys);

            assert!(text.contains("oidc cluster: jwks_file"), "{text}");
            assert!(text.contains("keys.json"), "{text}");
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }

    #[test]
    fn refuses_roots_that_do_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        for section in &mut config.oidc {
            section.jwks_file = None;
            section.jwks_url = Some("https://cluster.example.internal/keys".to_owned());
            section.jwks_ca = Some(PathBuf::from("roots.pem"));
        }
        let refusal = |config: &Config| match providers(config) {
            Ok(_) => panic!("the roots are taken"),
            Err(error) => error.in_full(),
        };

        let missing = refusal(&config);
        fs::write(folder.path().join("roots.pem"), "nothing").unwrap();
        let empty = refusal(&config);

        assert!(missing.contains("roots.pem"), "{missing}");
        assert!(empty.contains("not certificates in PEM"), "{empty}");
    }
}
