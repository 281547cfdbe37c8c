//! `ca-server issuer request`

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ca_keys::{KeyError, KeyUri, SignerOptions};
use ca_pki::certificate::name_from_text;
use ca_pki::csr::CsrTemplate;
use ca_pki::{Csr, KeyAlgorithm, hex, pem};
use clap::Args;

use crate::config::Config;
use crate::error::Error;
use crate::files::{self, Mode};

/// Arguments of `issuer request`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RequestArguments {
    /// The issuer's name.
    #[arg(long)]
    name: String,
    /// Where the key is made: `pkcs11:token=…;object=…?module-path=…&pin-source=…` or `file:PATH`;
    /// where the configuration says, if left out.
    #[arg(long, value_name = "URI")]
    key: Option<String>,
    /// Takes a key that is there already: for a CSR that was lost, a new certificate for the same
    /// key, or a key that the token's own tools made.
    #[arg(long)]
    existing_key: bool,
    /// The intermediate's subject, for example "CN=Example Issuing CA,O=Example".
    #[arg(long)]
    subject: String,
    /// Where the CSR is written; must not exist.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The kind of key: ec-p384, ec-p256, rsa-3072, rsa-4096.
    #[arg(long, default_value = "ec-p384", value_parser = algorithm)]
    algorithm: KeyAlgorithm,
    /// The configuration file: a relative path in the key's URI is relative to its folder.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "ca-server.toml",
        env = "CA_SERVER_CONFIG"
    )]
    config: PathBuf,
}

pub(in crate::cli) fn run(arguments: &RequestArguments) -> Result<(), Error> {
    let failed = |source| Error::Key {
        issuer: arguments.name.clone(),
        source,
    };
    let algorithm = arguments.algorithm;
    let subject_der = name_from_text(&arguments.subject)
        .map_err(|error| Error::Arguments(format!("--subject: {error}")))?;
    if arguments.out.exists() {
        // Before the key is made: a key without a CSR would have to be removed by hand.
        let source = std::io::Error::new(std::io::ErrorKind::AlreadyExists, "it exists already");
        return Err(files::at(&arguments.out, source));
    }
    let uri = key_uri(arguments)?;
    let options = SignerOptions::default();
    let key = if arguments.existing_key {
        ca_keys::open(&uri, &options)
    } else {
        ca_keys::generate(&uri, algorithm, &options)
    };
    let key = key.map_err(failed)?;

    let template = CsrTemplate {
        subject_der,
        public_key: key.public_key().clone(),
        sans: Vec::new(),
    };
    let to_be_signed = template.to_be_signed();
    let deadline = Instant::now() + Duration::from_secs(30);
    let signature = key.sign_blocking(&to_be_signed, deadline).map_err(failed)?;
    let der = template.assemble(&to_be_signed, &signature);
    let csr = Csr::parse(&der).map_err(|error| failed(KeyError::Device(error.to_string())))?;
    let text = pem::encode("CERTIFICATE REQUEST", &der);
    files::write_new(&arguments.out, text.as_bytes(), Mode::Public)?;

    let key = if arguments.existing_key {
        "took the key that is there".to_owned()
    } else {
        format!("made a {algorithm} key")
    };
    println!("{key} for issuer {}: {uri}", arguments.name);
    println!("wrote {}", arguments.out.display());
    println!(
        "the ceremony asks for its SHA-256 fingerprint: {}",
        hex::with_colons(&csr.fingerprint_sha256())
    );
    Ok(())
}

fn key_uri(arguments: &RequestArguments) -> Result<KeyUri, Error> {
    let (text, base) = match &arguments.key {
        Some(text) => {
            let base = arguments.config.parent().unwrap_or(Path::new("."));
            (text.clone(), base.to_owned())
        }
        None => {
            let config = Config::load(&arguments.config)?;
            let section = super::section(&config, &arguments.name)?;
            (section.key.clone(), config.base.clone())
        }
    };
    KeyUri::parse(&text, &base).map_err(|source| Error::Key {
        issuer: arguments.name.clone(),
        source,
    })
}

fn algorithm(text: &str) -> Result<KeyAlgorithm, String> {
    let unknown = |_| "use ec-p384, ec-p256, rsa-3072 or rsa-4096".to_owned();
    text.parse().map_err(unknown)
}
