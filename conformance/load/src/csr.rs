//! CSRs and the keys that they ask for.

use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use crate::error::Error;
use crate::jws::KeyKind;

/// Makes CSRs, one for each name, with one key: what certifies them does not care.
pub(crate) fn make(kind: KeyKind, names: &[String]) -> Result<Vec<Vec<u8>>, Error> {
    let key = key(kind)?;
    names.iter().map(|name| request(&key, name)).collect()
}

/// Makes a key.
pub(crate) fn key(kind: KeyKind) -> Result<KeyPair, Error> {
    let algorithm = match kind {
        KeyKind::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        KeyKind::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        KeyKind::Ed25519 => &rcgen::PKCS_ED25519,
        KeyKind::Rsa2048 => &rcgen::PKCS_RSA_SHA256,
    };
    KeyPair::generate_for(algorithm).map_err(failed)
}

/// Makes one CSR.
pub(crate) fn request(key: &KeyPair, name: &str) -> Result<Vec<u8>, Error> {
    let mut params = CertificateParams::new(vec![name.to_owned()]).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(key).map_err(failed)?;
    Ok(request.der().to_vec())
}

fn failed(error: rcgen::Error) -> Error {
    Error::Key(error.to_string())
}
