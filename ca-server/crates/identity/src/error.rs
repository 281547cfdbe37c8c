//! What an operation of this room can end in besides success.

use std::time::Duration;

use ca_issuance::world::NoEntropy;
use ca_issuance::{IssuanceError, LedgerError};

use crate::grant::Refusal;

/// Why an operation did not succeed. Named for who must act.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller: shows a better credential.
    #[error("not authenticated: {0}")]
    Unauthenticated(LoginFailure),
    /// The caller: waits, because too many attempts failed.
    #[error("too many failed attempts")]
    Throttled {
        /// How long.
        retry_after: Duration,
    },
    /// The caller: is known, and may not do this at all.
    #[error("forbidden: {0}")]
    Forbidden(String),
    /// The caller or whoever writes grants: every rule that failed.
    #[error("no grant allows it")]
    NotGranted(Box<Refusal>),
    /// The caller: the request is wrong; what to do is in the text.
    #[error("malformed: {0}")]
    Malformed(String),
    /// The caller: there is no such thing, or none that the caller may see.
    #[error("not found")]
    NotFound,
    /// The caller: what is asked for contradicts what is there.
    #[error("conflict: {0}")]
    Conflict(String),
    /// The caller: the Idempotency-Key was used for a different request.
    #[error("the idempotency key was used for a different request")]
    IdempotencyMismatch,
    /// Time: a provider's keys, the signer or the store cannot be had now.
    #[error("not available now")]
    Unavailable {
        /// How long to wait.
        retry_after: Duration,
        /// What happened, for the log.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Whoever the store says.
    #[error("the store failed")]
    Store(#[from] LedgerError),
    /// Whoever the corridor says: requester, time or operator.
    #[error("the corridor did not issue or revoke")]
    Issuance(#[from] IssuanceError),
    /// The operator: no random octets.
    #[error("no random octets")]
    Entropy(#[from] NoEntropy),
    /// The operator: stored data contradicts itself; the text says where.
    #[error("stored data contradicts itself: {0}")]
    Inconsistent(String),
}

impl From<LoginFailure> for Error {
    fn from(failure: LoginFailure) -> Self {
        Self::Unauthenticated(failure)
    }
}

/// Why a credential is no good. Told to the caller and to the audit log; tells nothing
/// that would let one in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginFailure {
    /// Nothing was shown.
    #[error("present a bearer token or a client certificate")]
    Missing,
    /// Neither a token of ours nor of a configured provider.
    #[error("the bearer is no token that this server knows")]
    UnknownToken,
    /// `iss` is no configured provider's.
    #[error("the token's issuer is not configured here")]
    UnknownIssuer,
    /// `aud` does not name this server.
    #[error("the token is for another audience")]
    WrongAudience,
    /// A claim is missing or is not what the provider's configuration asks of all its tokens. It
    /// is named, and what it must be is not: a public issuer's tokens are had by anybody.
    #[error("the token's claim {0:?} is missing or is none that is taken of its issuer")]
    ClaimNotTaken(String),
    /// The header's `alg` is not one that the provider is configured for (`none` and HMAC included).
    #[error("the token's algorithm is not allowed for its issuer")]
    AlgorithmNotAllowed,
    /// The header's `alg` is configured, and another than its key is for.
    #[error("the token's algorithm does not fit its key")]
    AlgorithmMismatch,
    /// No `kid`, where the provider has several keys.
    #[error("the token does not say with which key (kid) of its issuer it is signed")]
    KeyNotNamed,
    /// No key of the provider has this `kid`.
    #[error("the token's key is not in its issuer's key set")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// `exp` has passed, or the session ended.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` lies in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `exp` - `iat` is longer than the provider is allowed to give.
    #[error("the token lives longer than its issuer is allowed to give")]
    LifetimeTooLong,
    /// `exp` or `iat` is missing.
    #[error("the token lacks {0}")]
    TimeMissing(&'static str),
    /// `jti` was used before and the provider's tokens are for single use.
    #[error("the token was used before")]
    Replayed,
    /// `jti` is missing and the provider's tokens are for single use.
    #[error("the token lacks jti, and the tokens of its issuer are for single use")]
    TokenIdMissing,
    /// Revoked, or its client was removed.
    #[error("the token was revoked")]
    Revoked,
    /// Bound to another certificate than the connection's (RFC 8705).
    #[error("the token is bound to a client certificate that this connection does not show")]
    NotBound,
    /// A refresh token of another client.
    #[error("the token belongs to another client")]
    NotOfThisClient,
    /// The wrong secret, or no such client: the two look alike.
    #[error("the client's id or secret is wrong")]
    WrongSecret,
    /// The client certificate is not one that this server issued.
    #[error("the client certificate was not issued by this server")]
    UnknownCertificate,
    /// The client certificate was revoked.
    #[error("the client certificate was revoked")]
    CertificateRevoked,
    /// The client certificate has expired or is not valid yet.
    #[error("the client certificate is out of its time")]
    CertificateExpired,
    /// The client certificate is not for client authentication.
    #[error("the client certificate is not for client authentication")]
    CertificateNotForClients,
    /// Longer than any token that this server takes.
    #[error("the token is too long")]
    TooLarge,
    /// The header has `crit` (RFC 7515 §4.1.11).
    #[error("the token's header has crit, and no extension is understood here")]
    CriticalHeader,
    /// It does not read.
    #[error("the token does not read: {0}")]
    Malformed(&'static str),
}

impl LoginFailure {
    /// Returns a name of few words, for metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::UnknownToken => "unknown-token",
            Self::UnknownIssuer => "unknown-issuer",
            Self::WrongAudience => "wrong-audience",
            Self::ClaimNotTaken(_) => "claim-not-taken",
            Self::AlgorithmNotAllowed => "algorithm-not-allowed",
            Self::AlgorithmMismatch => "algorithm-mismatch",
            Self::KeyNotNamed => "key-not-named",
            Self::UnknownKey => "unknown-key",
            Self::BadSignature => "bad-signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::LifetimeTooLong => "lifetime-too-long",
            Self::TimeMissing(_) => "time-missing",
            Self::Replayed => "replayed",
            Self::TokenIdMissing => "token-id-missing",
            Self::Revoked => "revoked",
            Self::NotBound => "not-bound",
            Self::NotOfThisClient => "not-of-this-client",
            Self::WrongSecret => "wrong-secret",
            Self::UnknownCertificate => "unknown-certificate",
            Self::CertificateRevoked => "certificate-revoked",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotForClients => "certificate-not-for-clients",
            Self::TooLarge => "too-large",
            Self::CriticalHeader => "critical-header",
            Self::Malformed(_) => "malformed",
        }
    }
}
