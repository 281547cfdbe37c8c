//! dns-01 (RFC 8555 §8.4).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::digest::sha256;
use crate::error::Error;
use crate::resolver::Resolver;

/// Checks that one of the TXT records is the digest of the key authorization.
///
/// There may be several: `*.x` and `x` in one order put two at one name.
pub(crate) async fn prove(
    resolver: &Resolver,
    domain: &str,
    key_authorization: &str,
) -> Result<(), Error> {
    let name = format!("_acme-challenge.{domain}");
    let expected = URL_SAFE_NO_PAD.encode(sha256(key_authorization.as_bytes()));

    let texts = resolver.texts(&name).await?;

    if texts.is_empty() {
        return Err(Error::NoText { name });
    }
    if !texts.iter().any(|text| text == expected.as_bytes()) {
        let count = texts.len();
        return Err(Error::WrongText { name, count });
    }
    Ok(())
}
