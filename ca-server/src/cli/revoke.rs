//! `ca-server revoke`: revocation by an operator, where neither account nor key is at hand.

use std::path::{Path, PathBuf};

use ca_issuance::audit::{Event, EventKind};
use ca_issuance::ledger::{CertificateRecord, RevokeOutcome};
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
    /// The issuer's name in the configuration; found by the certificate or serial, if left out.
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
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

/// A certificate, as far as the command line tells.
struct Named {
    serial: Serial,
    /// The whole of it, where there is a file.
    der: Option<Vec<u8>>,
}

/// Servers that run on the same database see the revocation within a second and publish it.
pub(super) fn run(arguments: &RevokeArguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config.config)?;
    let issuers = eligible(&config, arguments.issuer.as_deref())?;
    let named = match (&arguments.certificate, &arguments.serial) {
        (Some(file), _) => named_in(file)?,
        (None, Some(serial)) => Named {
            serial: serial.clone(),
            der: None,
        },
        (None, None) => return Err(Error::Finding("no certificate is named".to_owned())),
    };
    block_on(async {
        let store = storage::open(&config).await?;
        let outcome = revoke(&store, &issuers, &named, arguments.reason).await;
        store.close().await;
        let serial = &named.serial;
        match outcome? {
            RevokeOutcome::Revoked => println!("revoked {serial}"),
            RevokeOutcome::AlreadyRevoked => println!("{serial} was revoked before"),
            RevokeOutcome::Unknown => return Err(nobodys(&issuers, serial)),
        }
        Ok(())
    })
}

/// Lists the issuers that the certificate may be of: the one that is named, or all.
fn eligible<'a>(config: &'a Config, named: Option<&str>) -> Result<Vec<&'a str>, Error> {
    let mut issuers: Vec<&str> = config.issuers.iter().map(|one| one.name.as_str()).collect();
    if let Some(named) = named {
        issuers.retain(|issuer| *issuer == named);
        if issuers.is_empty() {
            return Err(Error::Finding(format!("there is no [[issuer]] {named:?}")));
        }
    }
    Ok(issuers)
}

fn named_in(file: &Path) -> Result<Named, Error> {
    let unusable = |source| Error::CertificateFile {
        file: file.to_owned(),
        source,
    };
    let chain = Certificate::parse_pem_chain(&files::read(file)?).map_err(unusable)?;
    let certificate = chain
        .first()
        .ok_or_else(|| Error::Finding(format!("{} holds no certificate", file.display())))?;
    Ok(Named {
        serial: certificate.serial().clone(),
        der: Some(certificate.der().to_vec()),
    })
}

async fn revoke(
    ledger: &dyn Ledger,
    issuers: &[&str],
    named: &Named,
    reason: RevocationReason,
) -> Result<RevokeOutcome, Error> {
    let issuer = issuer_of(ledger, issuers, named).await?;
    let event = revoked(issuer, &named.serial, reason);
    let outcome = ledger.revoke(issuer, &named.serial, reason, event).await;
    outcome.map_err(|error| Error::Store(Box::new(error)))
}

/// Finds whose certificate it is. The store knows each that was handed out, also of an issuer whose
/// key has been replaced since.
async fn issuer_of<'a>(
    ledger: &dyn Ledger,
    issuers: &[&'a str],
    named: &Named,
) -> Result<&'a str, Error> {
    let mut found = Vec::new();
    for issuer in issuers {
        let record = ledger.certificate(issuer, &named.serial).await;
        let record = record.map_err(|error| Error::Store(Box::new(error)))?;
        if record.is_some_and(|record| named.may_be(&record)) {
            found.push(*issuer);
        }
    }
    match found.as_slice() {
        [] => Err(nobodys(issuers, &named.serial)),
        found => only_one(found, &named.serial),
    }
}

fn only_one<'a>(found: &[&'a str], serial: &Serial) -> Result<&'a str, Error> {
    match found {
        [issuer] => Ok(issuer),
        several => {
            let several = several.join(", ");
            Err(Error::Arguments(format!(
                "each of {several} has a certificate {serial}: name one with --issuer"
            )))
        }
    }
}

impl Named {
    /// A file that only claims one of our serials must not end somebody else's certificate.
    fn may_be(&self, record: &CertificateRecord) -> bool {
        match (&self.der, &record.der) {
            (Some(named), Some(ours)) => named == ours,
            // Burned: there is no certificate to compare.
            (Some(_), None) | (None, _) => true,
        }
    }
}

fn nobodys(issuers: &[&str], serial: &Serial) -> Error {
    let issuers = issuers.join(", ");
    Error::Finding(format!(
        "certificate {serial} was issued by none of: {issuers}"
    ))
}

fn revoked(issuer: &str, serial: &Serial, reason: RevocationReason) -> Event {
    Event {
        at: SystemClock.now(),
        kind: EventKind::CertificateRevoked,
        actor: operator::at_the_command_line(),
        subject: serial.to_string(),
        details: json!({ "issuer": issuer, "reason": reason.to_string() }),
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
    fn asks_for_the_issuer_where_several_have_the_serial() {
        let serial = Serial::parse_hex("0a").unwrap();

        let one = only_one(&["tls"], &serial);
        let two = only_one(&["tls", "tls-2027"], &serial).unwrap_err();

        assert_eq!(one.unwrap(), "tls");
        assert_eq!(two.exit_code(), 2);
        for word in ["tls, tls-2027", "--issuer"] {
            assert!(two.to_string().contains(word), "{two}");
        }
    }

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
