//! CSRs and the keys that they ask for.

use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use crate::error::Error;

/// Makes CSRs, one for each name, with one key: what certifies them does not care.
pub(crate) fn make(names: &[String]) -> Result<Vec<Vec<u8>>, Error> {
    let key = key()?;
    names.iter().map(|name| request(&key, name)).collect()
}

/// Makes a P-256 key.
pub(crate) fn key() -> Result<KeyPair, Error> {
    KeyPair::generate().map_err(failed)
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
