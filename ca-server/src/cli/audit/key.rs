//! `ca-server audit create-key` and `public-key`.

use ca_keys::SignerOptions;
use ca_pki::{KeyAlgorithm, pem};

use crate::app::seal;
use crate::cli::ConfigArgument;
use crate::config::Config;
use crate::error::Error;

/// Makes the key that the configuration names.
pub(super) fn create(arguments: &ConfigArgument) -> Result<(), Error> {
    let uri = seal::key_uri(&Config::load(&arguments.config)?)?;
    ca_keys::generate(&uri, KeyAlgorithm::EcP256, &SignerOptions::default())
        .map_err(seal::unusable)?;
    println!("made a {} key: {uri}", KeyAlgorithm::EcP256);
    Ok(())
}

/// Prints the public half of the key that the configuration names.
pub(super) fn public(arguments: &ConfigArgument) -> Result<(), Error> {
    let uri = seal::key_uri(&Config::load(&arguments.config)?)?;
    let key = ca_keys::open(&uri, &SignerOptions::default()).map_err(seal::unusable)?;
    print!(
        "{}",
        pem::encode(seal::PUBLIC_KEY, key.public_key().spki_der())
    );
    Ok(())
}
