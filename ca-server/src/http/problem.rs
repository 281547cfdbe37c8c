//! The only place where errors become responses (RFC 9457) and log lines: a door a file.

mod acme;
pub(crate) mod api;
pub(crate) mod oauth;

use std::error::Error;
use std::time::Duration;

use axum::http::HeaderValue;

pub(crate) use self::acme::{Refusal, object};

/// Writes seconds, at least one: several clients read no dates, and zero makes them spin.
fn whole_secs(span: Duration) -> HeaderValue {
    let secs = span.as_secs() + u64::from(span.subsec_nanos() > 0);
    HeaderValue::from(secs.max(1))
}

fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

const MEDIA_TYPE: &str = "application/problem+json";
