//! A door to the envelope's parser, for fuzzers: no request is made of what comes through it.

use crate::jwk::Jwk;
use crate::jws::{KeyReference, UnverifiedJws};
use crate::{Error, Problem};

/// A JWS whose signature verifies with the key in its own header.
#[derive(Debug)]
pub struct SelfSigned {
    /// The key's thumbprint (RFC 7638).
    pub thumbprint: String,
    /// What was signed.
    pub payload: Vec<u8>,
}

/// Opens a JWS that brings its key, as newAccount does.
pub fn open_jws(unverified: &[u8]) -> Result<SelfSigned, Error> {
    let unverified_jws = UnverifiedJws::parse(unverified)?;
    unverified_jws.require_supported_algorithm()?;
    let KeyReference::Jwk(members) = &unverified_jws.header.key else {
        return Err(Problem::malformed("the JWS names its key and does not bring it").into());
    };
    let jwk = Jwk::from_members(members)?;
    unverified_jws.verify(&jwk)?;
    Ok(SelfSigned {
        thumbprint: jwk.thumbprint().to_owned(),
        payload: unverified_jws.payload,
    })
}
