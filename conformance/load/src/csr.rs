//! CSRs made before the clock starts.

use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use crate::error::Error;

/// Makes CSRs, one for each name, with one key: what certifies them does not care.
pub(crate) fn make(names: &[String]) -> Result<Vec<Vec<u8>>, Error> {
    let failed = |error: rcgen::Error| Error::Key(error.to_string());
    let key = KeyPair::generate().map_err(failed)?;
    names
        .iter()
        .map(|name| {
            let mut params = CertificateParams::new(vec![name.clone()]).map_err(failed)?;
            params.distinguished_name = DistinguishedName::new();
            let request = params.serialize_request(&key).map_err(failed)?;
            Ok(request.der().to_vec())
        })
        .collect()
}
