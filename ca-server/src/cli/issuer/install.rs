//! `ca-server issuer install`

use std::path::PathBuf;

use ca_issuance::Clock;
use ca_issuance::world::SystemClock;
use ca_pki::Certificate;
use ca_pki::certificate::{ExtendedKeyUsage, PathLength};
use clap::Args;

use crate::app::{self, Absence};
use crate::cli::{ConfigArgument, block_on};
use crate::config::{Config, ConfigError, IssuerSection};
use crate::error::Error;
use crate::files::{self, Mode};

/// Arguments of `issuer install`.
#[derive(Debug, Args)]
pub(in crate::cli) struct InstallArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// The issuer's name in the configuration.
    #[arg(long)]
    name: String,
    /// PEM: the intermediate, then anything between it and the root.
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// PEM: the root.
    #[arg(long, value_name = "FILE")]
    root: PathBuf,
}

pub(in crate::cli) fn run(arguments: &InstallArguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config.config)?;
    let section = super::section(&config, &arguments.name)?.clone();
    block_on(async move {
        let given = IssuerSection {
            certificate: std::path::absolute(&arguments.certificate)
                .map_err(|source| files::at(&arguments.certificate, source))?,
            root: std::path::absolute(&arguments.root)
                .map_err(|source| files::at(&arguments.root, source))?,
            ..section.clone()
        };
        let issuer = app::open_issuer(&config, &given, SystemClock.now(), Absence::Refused).await?;
        refuse_unfit(&config, &arguments.name, issuer.certificate())?;

        let chain: String = issuer.chain().iter().map(Certificate::pem).collect();
        files::replace(
            &config.path(&section.certificate),
            chain.as_bytes(),
            Mode::Public,
        )?;
        let root = issuer.root().pem();
        files::replace(&config.path(&section.root), root.as_bytes(), Mode::Public)?;
        println!("{}", issuer.certificate().subject_text());
        println!(
            "  key matches, chain holds up to {}",
            issuer.root().subject_text()
        );
        println!("  until {}", issuer.certificate().validity().not_after);
        println!(
            "  installed as {}",
            config.path(&section.certificate).display()
        );
        Ok(())
    })
}

/// Refuses an intermediate that holds but would not do what the configuration wants of it.
fn refuse_unfit(config: &Config, name: &str, certificate: &Certificate) -> Result<(), Error> {
    let extensions = certificate.extensions();
    let mut faults = Vec::new();
    if extensions.authority != Some(PathLength::AtMost(0)) {
        faults.push(
            "its pathLenConstraint is not 0: an issuing CA must not make further CAs".to_owned(),
        );
    }
    for profile in config
        .profiles
        .iter()
        .filter(|profile| profile.issuer == name)
    {
        let profile = profile.to_profile().map_err(ConfigError::Faults)?;
        faults.extend(app::uncovered(&profile, certificate));
    }
    let purposes = &extensions.extended_key_usage;
    if !purposes.is_empty() && !purposes.contains(&ExtendedKeyUsage::OcspSigning) {
        faults.push("its extendedKeyUsage lacks OCSPSigning, which its responder needs".to_owned());
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Error::Finding(format!(
            "the certificate is not installed: {}",
            faults.join("; ")
        )))
    }
}
