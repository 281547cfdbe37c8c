//! Who gets a copy of the audit log.

use std::sync::Arc;
use std::time::Duration;

use ca_issuance::audit::export::Receiver;
use ca_issuance::audit::syslog::Originator;
use ca_pki::pem;
use ca_validation::{Confirmation, SyslogReceiver, SyslogSettings};

use crate::config::{Config, ConfigError, ConfirmationSetting, SyslogSection};
use crate::error::Error;

/// Sets up the configured receiver, if there is one. It is not dialled yet: a server starts
/// without it, and hands on later.
pub(crate) fn open(config: &Config) -> Result<Option<Arc<dyn Receiver>>, Error> {
    let Some(section) = &config.audit.syslog else {
        return Ok(None);
    };
    let settings = settings(config, section)?;
    let receiver = SyslogReceiver::new(settings).map_err(|error| refused(error.to_string()))?;
    Ok(Some(Arc::new(receiver)))
}

fn settings(config: &Config, section: &SyslogSection) -> Result<SyslogSettings, Error> {
    let (host, port) = section
        .destination()
        .ok_or_else(|| refused("address: write host:port".to_owned()))?;
    let server_name = section.server_name.as_deref().unwrap_or(host);
    let file = config.path(&section.ca);
    let text = std::fs::read_to_string(&file).map_err(|source| crate::files::at(&file, source))?;
    let roots = pem::decode_all("CERTIFICATE", &text)
        .map_err(|error| refused(format!("{}: {error}", file.display())))?;
    Ok(SyslogSettings {
        host: host.to_owned(),
        port,
        server_name: server_name.to_owned(),
        roots: roots.into_iter().map(Into::into).collect(),
        confirmation: match section.confirmation {
            ConfirmationSetting::CloseNotify => Confirmation::CloseNotify,
            ConfirmationSetting::EndOfStream => Confirmation::EndOfStream,
        },
        originator: Originator {
            host: originating_host(config),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        deadline: DEADLINE,
    })
}

/// RFC 5424 §6.2.4 wants an address without the brackets that a URL puts around it.
fn originating_host(config: &Config) -> String {
    let host = config.server.external_url.host_str().unwrap_or_default();
    host.trim_matches(['[', ']']).to_owned()
}

fn refused(reason: String) -> Error {
    Error::Config(ConfigError::Faults(vec![format!("audit.syslog: {reason}")]))
}

const DEADLINE: Duration = Duration::from_secs(20);
