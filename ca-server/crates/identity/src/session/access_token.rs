//! Access tokens: JWTs (RFC 7519) that name a session, signed with a key that all servers share.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_pki::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use moka::sync::Cache;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use super::Session;
use crate::{Error, LoginFailure, secret};

/// Signs and verifies access tokens.
pub(crate) struct AccessTokens {
    /// Issuer and audience: the server's external URL.
    issuer: String,
    signing: EncodingKey,
    verifying: DecodingKey,
    rules: Validation,
    /// Tokens whose signature was good, by hash: a job shows one many times, and the signature is
    /// most of what it costs. Times and session are looked at each time.
    verified: Cache<[u8; 32], Arc<Claims>>,
}

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    /// The principal's name.
    pub(crate) sub: String,
    iat: i64,
    exp: i64,
    jti: String,
    /// The session.
    pub(crate) sid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
}

/// What the sender must hold besides the token (RFC 8705 §3.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    certificate_thumbprint: String,
}

impl AccessTokens {
    /// Makes the key pair from the secret that all servers share.
    pub(crate) fn new(seed: &[u8; 32], external_url: &Url) -> Result<Self, Error> {
        let unusable = |_| Error::Inconsistent("the secret of access tokens is no key".into());
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(unusable)?;
        let document = pair.to_pkcs8v1().map_err(|_unspecified| {
            Error::Inconsistent("the key of access tokens cannot be written".into())
        })?;
        let issuer = external_url.as_str().trim_end_matches('/').to_owned();
        Ok(Self {
            signing: EncodingKey::from_ed_der(document.as_ref()),
            verifying: DecodingKey::from_ed_der(pair.public_key().as_ref()),
            rules: rules(&issuer),
            issuer,
            verified: Cache::builder()
                .max_capacity(MOST_VERIFIED)
                .time_to_live(LIFETIME)
                .build(),
        })
    }

    /// Returns the claim `iss` of every token.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Signs a token for a session; it ends with the session or after [`LIFETIME`].
    pub(crate) fn sign(
        &self,
        session: &Session,
        id: String,
        now: Timestamp,
    ) -> Result<(SecretString, Duration), Error> {
        let expires_at = session.expires_at.min(now.plus(LIFETIME));
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.issuer.clone(),
            sub: session.principal.name(),
            iat: now.unix_secs(),
            exp: expires_at.unix_secs(),
            jti: id,
            sid: session.id.clone(),
            cnf: session.certificate_thumbprint.map(confirmation),
        };
        let token = jsonwebtoken::encode(&header(), &claims, &self.signing).map_err(|error| {
            Error::Inconsistent(format!("access tokens cannot be signed: {error}"))
        })?;
        Ok((SecretString::from(token), expires_at.since(now)))
    }

    /// Verifies a token: header, signature, issuer, audience, times. Its session is not asked.
    pub(crate) fn verify(
        &self,
        unverified_token: &str,
        now: Timestamp,
    ) -> Result<Arc<Claims>, LoginFailure> {
        let claims = self
            .verified
            .try_get_with(secret::hash(unverified_token), || {
                self.verify_signature(unverified_token).map(Arc::new)
            })
            .map_err(|failure| LoginFailure::clone(&failure))?;
        if claims.exp <= now.unix_secs() {
            return Err(LoginFailure::Expired);
        }
        if claims.iat > now.plus(SKEW).unix_secs() {
            return Err(LoginFailure::NotYetValid);
        }
        Ok(claims)
    }

    /// Verifies all but the times: what has expired can still be revoked.
    pub(crate) fn verify_signature(&self, unverified_token: &str) -> Result<Claims, LoginFailure> {
        let unverified_header = jsonwebtoken::decode_header(unverified_token)
            .map_err(|_| LoginFailure::AlgorithmNotAllowed)?;
        if unverified_header.alg != ALGORITHM {
            return Err(LoginFailure::AlgorithmNotAllowed);
        }
        // Equal as a whole: no `crit` to overlook (RFC 7515 §4.1.11), no key to be lured to.
        if unverified_header != header() {
            return Err(LoginFailure::Malformed("its header is not one of ours"));
        }
        jsonwebtoken::decode::<Claims>(unverified_token, &self.verifying, &self.rules)
            .map(|token| token.claims)
            .map_err(|error| failure(&error))
    }
}

impl Claims {
    /// Tells whether the token belongs to this session as it is kept.
    pub(crate) fn agree_with(&self, session: &Session) -> bool {
        self.sid == session.id
            && self.sub == session.principal.name()
            && self.cnf == session.certificate_thumbprint.map(confirmation)
    }
}

fn confirmation(thumbprint: [u8; 32]) -> Confirmation {
    Confirmation {
        certificate_thumbprint: URL_SAFE_NO_PAD.encode(thumbprint),
    }
}

fn header() -> Header {
    Header::new(ALGORITHM)
}

/// The times are left out: they are judged by the clock that was handed in.
fn rules(issuer: &str) -> Validation {
    let mut rules = Validation::new(ALGORITHM);
    rules.set_issuer(&[issuer]);
    rules.set_audience(&[issuer]);
    rules.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    rules.validate_exp = false;
    rules.leeway = 0;
    rules
}

fn failure(error: &jsonwebtoken::errors::Error) -> LoginFailure {
    if matches!(error.kind(), ErrorKind::InvalidSignature) {
        LoginFailure::BadSignature
    } else if matches!(error.kind(), ErrorKind::InvalidAudience) {
        LoginFailure::WrongAudience
    } else {
        LoginFailure::Malformed("it is no access token of this server")
    }
}

/// How long an access token lives.
pub(crate) const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// How far the clocks of two servers may lie apart.
const SKEW: Duration = Duration::from_secs(30);
/// About a kilobyte each.
const MOST_VERIFIED: u64 = 4_096;
const ALGORITHM: Algorithm = Algorithm::EdDSA;
