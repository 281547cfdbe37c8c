//! `[api]`

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// How the JSON API serves.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiSection {
    /// How many requests each caller may make in a minute, on each server.
    pub requests_per_minute: NonZeroU32,
    /// How many of these it may make at once.
    pub burst: NonZeroU32,
}

impl Default for ApiSection {
    fn default() -> Self {
        Self {
            requests_per_minute: REQUESTS_PER_MINUTE,
            burst: BURST,
        }
    }
}

impl ApiSection {
    pub(super) fn faults(&self) -> Vec<String> {
        if self.burst > self.requests_per_minute {
            vec!["api.burst must not be above api.requests_per_minute".to_owned()]
        } else {
            Vec::new()
        }
    }
}

const REQUESTS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(600).expect("600 is not 0");
const BURST: NonZeroU32 = NonZeroU32::new(120).expect("120 is not 0");
