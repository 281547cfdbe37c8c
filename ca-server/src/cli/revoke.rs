//! `ca-server revoke`: revocation by an operator, where neither account nor key is at hand.

use std::path::{Path, PathBuf};

use ca_issuance::audit::{Event, EventKind};
use ca_issuance::ledger::RevokeOutcome;
use ca_issuance::world::SystemClock;
use ca_issuance::{Clock, Ledger};
use ca_pki::crl::RevocationReason;
use ca_pki::{Certificate, Serial};
use clap::Args;
use serde_json::json;

use crate::cli::{ConfigArgument, block_on, operator};
use crate::config::Config;
use crate::error::Error;
use crate::{files, storage};

/// Arguments of `revoke`.
#[derive(Debug, Args)]
pub(super) struct RevokeArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// The issuer's name in the configuration.
    #[arg(long, default_value = "tls")]
    issuer: String,
    /// keyCompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn or
    /// unspecified.
    #[arg(long, value_parser = reason)]
    reason: RevocationReason,
    /// The certificate in PEM; the first one, if there are several.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "serial",
        required_unless_present = "serial"
    )]
    certificate: Option<PathBuf>,
    /// The serial number in hexadecimal, as logs, CRLs and openssl show it.
    #[arg(long, value_name = "HEX", value_parser = Serial::parse_hex)]
    serial: Option<Serial>,
}

/// Servers that run on the same database see the revocation within a second and publish it.
pub(super) fn run(arguments: &RevokeArguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config.config)?;
    let issuer = &arguments.issuer;
    if !config.issuers.iter().any(|known| known.name == *issuer) {
        return Err(Error::Finding(format!("there is no [[issuer]] {issuer:?}")));
    }
    let serial = match (&arguments.certificate, &arguments.serial) {
        (Some(file), _) => serial_in(file)?,
        (None, Some(serial)) => serial.clone(),
        (None, None) => return Err(Error::Finding("no certificate is named".to_owned())),
    };
    block_on(async move {
        let store = storage::open(&config).await?;
        let event = revoked(arguments, &serial);
        let outcome = store.revoke(issuer, &serial, arguments.reason, event).await;
        store.close().await;
        match outcome.map_err(|error| Error::Store(Box::new(error)))? {
            RevokeOutcome::Revoked => println!("revoked {serial}"),
            RevokeOutcome::AlreadyRevoked => println!("{serial} was revoked before"),
            RevokeOutcome::Unknown => {
                return Err(Error::Finding(format!(
                    "issuer {issuer:?} has no certificate {serial}"
                )));
            }
        }
        Ok(())
    })
}

fn serial_in(file: &Path) -> Result<Serial, Error> {
    let unusable = |source| Error::CertificateFile {
        file: file.to_owned(),
        source,
    };
    let chain = Certificate::parse_pem_chain(&files::read(file)?).map_err(unusable)?;
    chain
        .first()
        .map(|certificate| certificate.serial().clone())
        .ok_or_else(|| Error::Finding(format!("{} holds no certificate", file.display())))
}

fn revoked(arguments: &RevokeArguments, serial: &Serial) -> Event {
    Event {
        at: SystemClock.now(),
        kind: EventKind::CertificateRevoked,
        actor: operator::at_the_command_line(),
        subject: serial.to_string(),
        details: json!({
            "issuer": arguments.issuer,
            "reason": arguments.reason.to_string(),
        }),
    }
}

/// Takes the reasons that fit a leaf; what was revoked here stays revoked.
fn reason(text: &str) -> Result<RevocationReason, String> {
    let known = RevocationReason::parse(text).filter(|reason| match reason {
        RevocationReason::Unspecified
        | RevocationReason::KeyCompromise
        | RevocationReason::AffiliationChanged
        | RevocationReason::Superseded
        | RevocationReason::CessationOfOperation
        | RevocationReason::PrivilegeWithdrawn => true,
        RevocationReason::CaCompromise
        | RevocationReason::AaCompromise
        | RevocationReason::CertificateHold
        | RevocationReason::RemoveFromCrl => false,
    });
    known.ok_or_else(|| {
        "use keyCompromise, affiliationChanged, superseded, cessationOfOperation, \
         privilegeWithdrawn or unspecified"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_only_reasons_that_fit_a_leaf_for_good() {
        assert_eq!(reason("keyCompromise"), Ok(RevocationReason::KeyCompromise));
        for text in [
            "certificateHold",
            "removeFromCRL",
            "cACompromise",
            "boredom",
        ] {
            assert!(reason(text).is_err(), "{text}");
        }
    }
}
