//! Kinds of problems: their names, statuses and titles.

use axum::http::StatusCode;

/// What kind of refusal it is. The names are a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Not what this route takes: the client corrects the request.
    Malformed,
    /// No credential, or one that does not count.
    Unauthorized,
    /// The caller's role does not reach this far.
    Forbidden,
    /// A request that was understood and that grants or policy do not allow.
    Refused,
    /// There is no such thing, or not for this caller.
    NotFound,
    /// The resource does not allow this method.
    MethodNotAllowed,
    /// The body did not come in time.
    TooSlow,
    /// It collides with what is there, or changed meanwhile.
    Conflict,
    /// The idempotency key was used for another request.
    IdempotencyMismatch,
    /// The body is too large.
    TooLarge,
    /// The body is not of the media type that the route takes.
    UnsupportedMediaType,
    /// Too many requests, or too many failed logins.
    RateLimited,
    /// The server failed; its log says why.
    Failed,
    /// Signer or store is busy or away.
    Busy,
}

impl Kind {
    /// Every kind, in order of status.
    pub(crate) const ALL: [Self; 14] = [
        Self::Malformed,
        Self::Unauthorized,
        Self::Forbidden,
        Self::Refused,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooSlow,
        Self::Conflict,
        Self::IdempotencyMismatch,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::RateLimited,
        Self::Failed,
        Self::Busy,
    ];

    /// Returns what stands behind `urn:ca:problem:`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Refused => "refused",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::TooSlow => "too-slow",
            Self::Conflict => "conflict",
            Self::IdempotencyMismatch => "idempotency-mismatch",
            Self::TooLarge => "too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::RateLimited => "rate-limited",
            Self::Failed => "failed",
            Self::Busy => "busy",
        }
    }

    /// Returns the status; each kind has exactly one.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::Refused => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns the title: the same words for every problem of the kind (RFC 9457 §3.1.3).
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request is not what this route takes",
            Self::Unauthorized => "A valid credential is needed",
            Self::Forbidden => "The caller's role does not allow this",
            Self::Refused => "Grants or policy do not allow this",
            Self::NotFound => "There is no such thing",
            Self::MethodNotAllowed => "The resource does not allow this method",
            Self::TooSlow => "The body came too slowly",
            Self::Conflict => "It collides with what is there",
            Self::IdempotencyMismatch => "The idempotency key was used for another request",
            Self::TooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body is of another media type",
            Self::RateLimited => "Too many requests",
            Self::Failed => "The server failed",
            Self::Busy => "The server is busy",
        }
    }
}
