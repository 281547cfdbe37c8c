//! Lists in pages: parameters that all lists share, and where the next page is.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::header::LINK;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use ca_pki::{Identifier, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::Api;
use crate::http::problem::api::Problem;

/// A part of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct Page<T: ToSchema> {
    /// What the list holds, newest first.
    items: Vec<T>,
    /// Where the next page begins: the parameter `cursor` of the next request. Left out on the
    /// last page. The header `Link` holds the whole URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "0193a1c2f4d05be1a90cc1f28cbb0f6d.tls")]
    next: Option<String>,
}

/// How many entries a page holds at most.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u32")]
pub(super) struct Limit(pub(super) u32);

/// The URL of a request, as the client knows it.
pub(super) struct Here {
    external_url: Url,
    uri: Uri,
}

impl Default for Limit {
    fn default() -> Self {
        Self(100)
    }
}

impl TryFrom<u32> for Limit {
    type Error = &'static str;

    fn try_from(limit: u32) -> Result<Self, Self::Error> {
        match limit {
            1..=1000 => Ok(Self(limit)),
            _ => Err("limit must be 1 to 1000"),
        }
    }
}

impl FromRequestParts<Arc<Api>> for Here {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let original = parts.extensions.get::<OriginalUri>();
        Ok(Self {
            external_url: api.parts.external_url.clone(),
            uri: original.map_or_else(|| parts.uri.clone(), |uri| uri.0.clone()),
        })
    }
}

impl Here {
    /// Answers with a page of this list.
    pub(super) fn page<T, C>(&self, items: Vec<T>, next: Option<C>) -> Response
    where
        T: Serialize + ToSchema,
        C: Display,
    {
        let next = next.map(|cursor| cursor.to_string());
        let link = next.as_deref().and_then(|cursor| self.link(cursor));
        let mut response = Json(Page { items, next }).into_response();
        if let Some(link) = link {
            response.headers_mut().insert(LINK, link);
        }
        response
    }

    /// Returns `Link: <…>; rel="next"` (RFC 8288): the same list from the cursor on.
    fn link(&self, cursor: &str) -> Option<HeaderValue> {
        let mut url = self.external_url.clone();
        url.set_path(self.uri.path());
        url.set_query(self.uri.query());
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| name != "cursor")
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.query_pairs_mut()
            .clear()
            .extend_pairs(kept)
            .append_pair("cursor", cursor);
        HeaderValue::try_from(format!("<{url}>; rel=\"next\"")).ok()
    }
}

/// Reads a parameter that has a text form: a cursor.
pub(super) fn parsed<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

/// Reads a moment in RFC 3339.
pub(super) fn moment<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let moment = Timestamp::parse_rfc3339(&text).map(Some);
    moment.ok_or_else(|| serde::de::Error::custom("write a moment such as 2026-11-21T23:52:00Z"))
}

/// Reads an identifier with its type: `dns:a.example.internal`.
pub(super) fn identifier<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Identifier>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let Some((kind, value)) = text.split_once(':') else {
        let detail = "write an identifier such as dns:a.example.internal";
        return Err(serde::de::Error::custom(detail));
    };
    let identifier = Identifier::parse(kind, value).map(Some);
    identifier.map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_the_same_list_from_the_cursor_on() {
        let here = Here {
            external_url: Url::parse("https://ca.example:8443/").unwrap(),
            uri: Uri::from_static("/api/v1/orders?status=valid&cursor=old&account=a%26b"),
        };

        let response = here.page::<String, _>(Vec::new(), Some("7.x y"));

        assert_eq!(
            response.headers()[LINK],
            "<https://ca.example:8443/api/v1/orders?status=valid&account=a%26b&cursor=7.x+y>; \
             rel=\"next\""
        );
    }

    #[test]
    fn has_no_link_on_the_last_page() {
        let here = Here {
            external_url: Url::parse("https://ca.example/").unwrap(),
            uri: Uri::from_static("/api/v1/orders"),
        };

        let response = here.page::<String, &str>(Vec::new(), None);

        assert!(!response.headers().contains_key(LINK));
    }
}
