//! Problems of the JSON API: `urn:ca:problem:…`, a section each in `docs/problems.md`.

mod kind;
mod rule;

use std::error::Error;
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use ca_acme::StoreError;
use ca_identity::LoginFailure;
use ca_identity::grant::Refusal;
use ca_issuance::{IssuanceError, LedgerError};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use self::kind::Kind;
pub(crate) use self::rule::BrokenRule;
use self::rule::broken_rules;
use super::{MEDIA_TYPE, causes, whole_secs};

/// A refusal on its way to the client.
#[derive(Debug)]
pub(crate) struct Problem {
    kind: Kind,
    detail: String,
    violations: Vec<BrokenRule>,
    nearest_grant: Option<String>,
    retry_after: Option<Duration>,
    /// The scheme to log in with, and what was wrong.
    challenge: Option<HeaderValue>,
    /// For the log only.
    cause: Option<String>,
}

/// A problem document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document {
    /// `urn:ca:problem:` and the kind.
    #[serde(rename = "type")]
    #[schema(example = "urn:ca:problem:refused")]
    kind: String,
    /// The kind in words.
    title: &'static str,
    /// The status of the response.
    #[schema(example = 403, minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong with this request.
    detail: String,
    /// Every rule that was broken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    violations: Vec<BrokenRule>,
    /// The grant that came nearest to allowing the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    nearest_grant: Option<String>,
}

impl Problem {
    /// Makes a problem of a kind.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            violations: Vec::new(),
            nearest_grant: None,
            retry_after: None,
            challenge: None,
            cause: None,
        }
    }

    /// Makes the answer to a credential that does not count (RFC 6750 §3).
    pub(crate) fn unauthorized(failure: &LoginFailure) -> Self {
        let detail = failure.to_string();
        let challenge = if *failure == LoginFailure::Missing {
            "Bearer".to_owned()
        } else {
            let description = quotable(&detail);
            format!("Bearer error=\"invalid_token\", error_description=\"{description}\"")
        };
        Self {
            challenge: HeaderValue::from_str(&challenge).ok(),
            ..Self::new(Kind::Unauthorized, detail)
        }
    }

    /// Makes a problem with the request itself.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Kind::Malformed, detail)
    }

    /// Makes the one answer for what is not there and what is not for the caller.
    pub(crate) fn not_found() -> Self {
        Self::new(Kind::NotFound, "there is no such resource")
    }

    /// Makes a refusal with every broken rule.
    pub(crate) fn refused(violations: Vec<BrokenRule>, nearest_grant: Option<String>) -> Self {
        let details: Vec<&str> = violations.iter().map(|one| one.detail.as_str()).collect();
        let detail = if details.is_empty() {
            "no grant is for this caller".to_owned()
        } else {
            details.join("; ")
        };
        Self {
            violations,
            nearest_grant,
            ..Self::new(Kind::Refused, detail)
        }
    }

    /// Makes a refusal of grants, with what the caller may learn of them.
    fn not_granted(refusal: &Refusal) -> Self {
        let refusal = refusal.for_caller();
        let violations = refusal.failures.iter().copied().flat_map(broken_rules);
        Self::refused(violations.collect(), refusal.nearest.map(str::to_owned))
    }

    /// Makes a problem that time heals.
    pub(crate) fn rate_limited(detail: impl Into<String>, retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(Kind::RateLimited, detail)
        }
    }

    /// Makes a problem of ours that may pass; its cause is for the log.
    pub(crate) fn busy(retry_after: Duration, cause: &dyn Error) -> Self {
        Self {
            retry_after: Some(retry_after),
            cause: Some(causes(cause)),
            ..Self::new(Kind::Busy, "the server is busy: ask again later")
        }
    }

    /// Makes a problem of ours with a request that goes on without its asker.
    pub(crate) fn too_long(retry_after: Duration) -> Self {
        let detail = "the server took too long; what it had begun goes on: ask again";
        Self {
            retry_after: Some(retry_after),
            ..Self::new(Kind::Busy, detail)
        }
    }

    /// Makes a problem of ours that the operator must look into; its cause is for the log.
    pub(crate) fn failed(cause: &dyn Error) -> Self {
        Self {
            cause: Some(causes(cause)),
            ..Self::new(Kind::Failed, "the server failed; its log says why")
        }
    }

    /// Returns the kind.
    #[cfg(test)]
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Writes the cause to the log: here and nowhere else.
    fn log(&self) {
        let Some(cause) = &self.cause else { return };
        if self.kind == Kind::Busy {
            tracing::warn!(cause, "answering 503");
        } else {
            tracing::error!(cause, "answering 500");
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.log();
        let status = self.kind.status();
        let document = Document {
            kind: format!("urn:ca:problem:{}", self.kind.name()),
            title: self.kind.title(),
            status: status.as_u16(),
            detail: self.detail,
            violations: self.violations,
            nearest_grant: self.nearest_grant,
        };
        let body = serde_json::to_string(&document).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(span) = self.retry_after {
            headers.insert(RETRY_AFTER, whole_secs(span));
        }
        if let Some(challenge) = self.challenge {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<ca_identity::Error> for Problem {
    fn from(error: ca_identity::Error) -> Self {
        use ca_identity::Error;
        match error {
            Error::Unauthenticated(failure) => Self::unauthorized(&failure),
            Error::Throttled { retry_after } => {
                Self::rate_limited("too many failed attempts", retry_after)
            }
            Error::Forbidden(detail) => Self::new(Kind::Forbidden, detail),
            Error::NotGranted(refusal) => Self::not_granted(&refusal),
            Error::Malformed(detail) => Self::malformed(detail),
            Error::NotFound => Self::not_found(),
            Error::Conflict(detail) => Self::new(Kind::Conflict, detail),
            Error::IdempotencyMismatch => Self::new(Kind::IdempotencyMismatch, error.to_string()),
            Error::Unavailable { retry_after, .. } => Self::busy(retry_after, &error),
            Error::Store(error) => Self::from(error),
            Error::Issuance(error) => Self::from(error),
            Error::Entropy(_) | Error::Inconsistent(_) => Self::failed(&error),
        }
    }
}

impl From<ca_acme::Error> for Problem {
    fn from(error: ca_acme::Error) -> Self {
        use ca_acme::Error;
        match error {
            Error::Refused(problem) => Self::malformed(problem.detail),
            Error::Store(error) => Self::from(error),
            Error::Issuance(error) => Self::from(error),
            Error::Entropy(_) | Error::Inconsistent(_) => Self::failed(&error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => changed(),
            StoreError::Unavailable { retry_after, .. } => Self::busy(retry_after, &error),
            StoreError::Corrupt(_) => Self::failed(&error),
        }
    }
}

impl From<IssuanceError> for Problem {
    fn from(error: IssuanceError) -> Self {
        match error {
            IssuanceError::Refused(violations) => {
                Self::refused(violations.iter().map(BrokenRule::from).collect(), None)
            }
            IssuanceError::Conflict | IssuanceError::Duplicate => changed(),
            IssuanceError::Busy { retry_after, .. } => Self::busy(retry_after, &error),
            IssuanceError::Failed(_) => Self::failed(&error),
        }
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        Self::from(IssuanceError::from(error))
    }
}

/// Keeps what a quoted string in this header may hold: printable ASCII without quote and
/// backslash (RFC 6750 §3).
fn quotable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' | '\\' => '\'',
            ' '..='~' => c,
            _ => '?',
        })
        .collect()
}

fn changed() -> Problem {
    let detail = "it changed meanwhile: read it again";
    Problem::new(Kind::Conflict, detail)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn has_a_section_for_every_kind_in_the_guide() {
        let guide = include_str!("../../../docs/problems.md");

        for kind in Kind::ALL {
            let heading = format!("### {}\n\nStatus {}.", kind.name(), kind.status().as_u16());
            assert!(guide.contains(&heading), "{heading}");
        }
    }

    #[test]
    fn keeps_the_cause_for_the_log() {
        let cause = IssuanceError::Failed("disk 7 of host db-3".to_owned());

        let document = format!("{:?}", Problem::from(cause).into_response().body());

        assert!(!document.contains("db-3"), "{document}");
    }

    #[test]
    fn challenges_with_text_that_a_header_can_hold() {
        let failure = LoginFailure::Malformed("the \"kid\" ü\n is odd");

        let response = Problem::unauthorized(&failure).into_response();

        let challenge = response.headers()[WWW_AUTHENTICATE].to_str().unwrap();
        assert!(challenge.ends_with("the 'kid' ?? is odd\""), "{challenge}");
    }

    #[test]
    fn says_when_to_ask_again_in_whole_seconds() {
        let problem = Problem::rate_limited("too many", Duration::from_millis(1_001));

        let response = problem.into_response();

        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
    }
}
