//! Errors of the token endpoint, in the words of RFC 6749 §5.2.

use axum::Json;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ca_identity::{Error, LoginFailure};
use serde::Serialize;
use utoipa::ToSchema;

use super::api::Problem;

/// An error that OAuth has a word for, or a problem like any other.
#[derive(Debug)]
pub(crate) enum OAuthRefusal {
    /// RFC 6749 §5.2.
    Error {
        /// Which word.
        code: Code,
        /// What is wrong with this request.
        detail: String,
    },
    /// The server's own failures, sizes and rates.
    Problem(Problem),
}

/// The words of RFC 6749 §5.2, RFC 7009 §2.2.1 and RFC 8693 §2.2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// A parameter is missing, repeated or wrong; or a token to exchange does not count.
    InvalidRequest,
    /// The client's id or secret is wrong.
    InvalidClient,
    /// The refresh token does not count, or the token is another client's.
    InvalidGrant,
    /// There are no scopes here.
    InvalidScope,
    /// Tokens are for this server only.
    InvalidTarget,
    /// `grant_type` is none of those known.
    UnsupportedGrantType,
    /// Such tokens are not ended here (RFC 7009 §2.2.1).
    UnsupportedTokenType,
}

/// An error of the token endpoint (RFC 6749 §5.2).
#[derive(Serialize, ToSchema)]
#[schema(as = OAuthError)]
pub(crate) struct Document {
    /// `invalid_request`, `invalid_client`, `invalid_grant`, `invalid_scope`, `invalid_target`,
    /// `unsupported_grant_type` or `unsupported_token_type`.
    #[schema(example = "invalid_grant")]
    error: &'static str,
    /// What is wrong with this request.
    #[schema(example = "the token was used before")]
    error_description: String,
}

impl OAuthRefusal {
    /// Makes an error.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self::Error {
            code,
            detail: detail.into(),
        }
    }

    /// Makes an error of what is wrong with a client's id or secret.
    pub(crate) fn of_client(error: Error) -> Self {
        Self::of_credential(Code::InvalidClient, error)
    }

    /// Makes an error of what is wrong with a refresh token.
    pub(crate) fn of_refresh_token(error: Error) -> Self {
        Self::of_credential(Code::InvalidGrant, error)
    }

    /// Makes an error of what is wrong with a token to exchange (RFC 8693 §2.2.2).
    pub(crate) fn of_subject_token(error: Error) -> Self {
        Self::of_credential(Code::InvalidRequest, error)
    }

    fn of_credential(code: Code, error: Error) -> Self {
        match error {
            Error::Unauthenticated(LoginFailure::WrongSecret) => {
                Self::new(Code::InvalidClient, LoginFailure::WrongSecret.to_string())
            }
            Error::Unauthenticated(LoginFailure::NotOfThisClient) => Self::new(
                Code::InvalidGrant,
                LoginFailure::NotOfThisClient.to_string(),
            ),
            Error::Unauthenticated(failure) => Self::new(code, failure.to_string()),
            error @ (Error::Throttled { .. }
            | Error::Forbidden(_)
            | Error::NotGranted(_)
            | Error::Malformed(_)
            | Error::NotFound
            | Error::Conflict(_)
            | Error::IdempotencyMismatch
            | Error::Unavailable { .. }
            | Error::Store(_)
            | Error::Issuance(_)
            | Error::Entropy(_)
            | Error::Inconsistent(_)) => Self::Problem(error.into()),
        }
    }
}

impl From<Problem> for OAuthRefusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl Code {
    fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedTokenType => "unsupported_token_type",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::InvalidRequest
            | Self::InvalidGrant
            | Self::InvalidScope
            | Self::InvalidTarget
            | Self::UnsupportedGrantType
            | Self::UnsupportedTokenType => StatusCode::BAD_REQUEST,
        }
    }
}

impl IntoResponse for OAuthRefusal {
    fn into_response(self) -> Response {
        let (code, detail) = match self {
            Self::Error { code, detail } => (code, detail),
            Self::Problem(problem) => return problem.into_response(),
        };
        let document = Document {
            error: code.name(),
            error_description: detail,
        };
        let mut response = (code.status(), Json(document)).into_response();
        if code == Code::InvalidClient {
            let challenge = HeaderValue::from_static("Basic realm=\"clients\", charset=\"UTF-8\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
