//! What a request says: JSON bodies, query parameters, headers; whatever else they hold is refused.

use std::fmt;
use std::marker::PhantomData;

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::http::body::{self, Unread, read_body};
use crate::http::problem::api::{Kind, Problem};
use crate::nearest;

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

/// A JSON body that may be left out.
pub(super) struct OptionalBody<T>(pub(super) T);

/// Query parameters.
pub(super) struct Parameters<T>(pub(super) T);

/// `Idempotency-Key`, where the client sent one.
pub(super) struct IdempotencyKey(pub(super) Option<String>);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        require_media_type(request.headers(), "application/json")?;
        let octets = read_body(request).await?;
        parse(&octets).map(|Object(body)| Self(body))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let headers = request.headers().clone();
        let octets = read_body(request).await?;
        if octets.is_empty() {
            return Ok(Self(T::default()));
        }
        require_media_type(&headers, "application/json")?;
        let body: Option<Object<T>> = parse(&octets)?;
        Ok(Self(body.map(|Object(body)| body).unwrap_or_default()))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(Problem::malformed(NO_NUL));
        }
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(rejection) => {
                let text = rejection.body_text();
                let (_, text) = text.split_once(": ").unwrap_or(("", &text));
                Err(Problem::malformed(format!("query: {}", hinted(text))))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else {
            return Ok(Self(None));
        };
        let key = value.to_str().unwrap_or_default();
        let visible = key.bytes().all(|octet| octet.is_ascii_graphic());
        if visible && (1..=255).contains(&key.len()) && values.next().is_none() {
            Ok(Self(Some(key.to_owned())))
        } else {
            let detail = "Idempotency-Key: once, and 1 to 255 visible ASCII characters";
            Err(Problem::malformed(detail))
        }
    }
}

impl From<Unread> for Problem {
    fn from(unread: Unread) -> Self {
        let kind = match unread {
            Unread::Crowded => return Self::rate_limited(unread.detail(), body::WHEN_CROWDED),
            Unread::TooLarge => Kind::TooLarge,
            Unread::TooSlow => Kind::TooSlow,
            Unread::Broken => Kind::Malformed,
        };
        Self::new(kind, unread.detail())
    }
}

/// Demands a media type, whatever its parameters.
pub(super) fn require_media_type(headers: &HeaderMap, wanted: &str) -> Result<(), Problem> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let given = values
        .next()
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    if given.is_some_and(|given| given.eq_ignore_ascii_case(wanted)) && values.next().is_none() {
        return Ok(());
    }
    let detail = format!("this route takes the Content-Type {wanted}");
    Err(Problem::new(Kind::UnsupportedMediaType, detail))
}

fn parse<T: DeserializeOwned>(octets: &[u8]) -> Result<T, Problem> {
    // PostgreSQL's text cannot hold it, and nothing here has a use for it.
    if octets
        .windows(ESCAPED_NUL.len())
        .any(|six| six == ESCAPED_NUL)
    {
        return Err(Problem::malformed(NO_NUL));
    }
    serde_json::from_slice(octets)
        .map_err(|error| Problem::malformed(format!("body: {}", hinted(&error.to_string()))))
}

/// An object by its members' names: left alone, serde takes a list of their values too.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer).map(Self)
    }
}

/// Reads an object by its members' names.
pub(super) fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Members<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(members))
        }
    }

    deserializer.deserialize_map(Members(PhantomData))
}

/// Reads an object by its members' names, or null.
pub(super) fn optional_object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let object: Option<Object<T>> = Option::deserialize(deserializer)?;
    Ok(object.map(|Object(object)| object))
}

/// Says `an object` where serde names a type of this program, which tells a client nothing.
fn without_types(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    let mut words = message.split(' ');
    while let Some(word) = words.next() {
        let meant = match word {
            "struct" => Some("an object"),
            "enum" => Some("one of the names that it may have"),
            _ => None,
        };
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(meant.unwrap_or(word));
        // Where serde says what it expected, the name of the type comes next.
        if meant.is_some() && message.contains("expected ") {
            let end = words
                .next()
                .and_then(|name| name.find([',', ';']).map(|at| name.get(at..)));
            text.push_str(end.flatten().unwrap_or_default());
        }
    }
    text
}

/// Adds the name that was probably meant; what the client wrote is not repeated at length.
fn hinted(message: &str) -> String {
    let mut text: String = without_types(message)
        .chars()
        .take(LONGEST_MESSAGE)
        .collect();
    if let Some(known) = nearest::known_name(message) {
        text.push_str(&format!(": did you mean {known:?}?"));
    }
    text
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const ESCAPED_NUL: &[u8] = b"\\u0000";
const NO_NUL: &str = "the character NUL stands in no value";
const LONGEST_MESSAGE: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Wish {
        name: String,
        limit: u16,
    }

    fn post(content_type: &str, body: &'static str) -> Request {
        Request::builder()
            .header(CONTENT_TYPE, content_type)
            .body(body.into())
            .unwrap()
    }

    async fn refusal(request: Request) -> (Kind, String) {
        let problem = Body::<Wish>::from_request(request, &()).await;
        let problem = problem.map(|_| ()).unwrap_err();
        (problem.kind(), format!("{problem:?}"))
    }

    async fn query(query: &str) -> Result<Wish, Problem> {
        let request = Request::builder()
            .uri(format!("/?{query}"))
            .body(())
            .unwrap();
        let (mut parts, ()) = request.into_parts();
        let parameters = Parameters::<Wish>::from_request_parts(&mut parts, &()).await?;
        Ok(parameters.0)
    }

    async fn key(values: &[&[u8]]) -> Result<Option<String>, Kind> {
        let mut request = Request::new(());
        for value in values {
            let value = axum::http::HeaderValue::from_bytes(value).unwrap();
            request.headers_mut().append(IDEMPOTENCY_KEY, value);
        }
        let (mut parts, ()) = request.into_parts();
        let key = IdempotencyKey::from_request_parts(&mut parts, &()).await;
        key.map(|key| key.0).map_err(|problem| problem.kind())
    }

    #[tokio::test]
    async fn takes_json_whatever_the_parameters_of_its_media_type() {
        let request = post(
            "Application/JSON; charset=utf-8",
            r#"{"name":"a","limit":7}"#,
        );

        let Body(wish) = Body::<Wish>::from_request(request, &()).await.unwrap();

        assert_eq!(wish.limit, 7);
    }

    #[tokio::test]
    async fn refuses_what_is_not_json_for_this_route() {
        let cases = [
            (post("text/plain", "{}"), Kind::UnsupportedMediaType),
            (Request::new("{}".into()), Kind::UnsupportedMediaType),
            (post("application/json", ""), Kind::Malformed),
            (post("application/json", "{\"name\":1}"), Kind::Malformed),
            (post("application/json", "{} {}"), Kind::Malformed),
            (post("application/json", "[\"a\",7]"), Kind::Malformed),
            (
                post("application/json", "{\"name\":\"\\u0000\"}"),
                Kind::Malformed,
            ),
            (
                post("application/json", "{\"name\":\"a\",\"name\":\"b\"}"),
                Kind::Malformed,
            ),
        ];

        for (request, expected) in cases {
            assert_eq!(refusal(request).await.0, expected);
        }
    }

    #[tokio::test]
    async fn names_the_member_that_was_probably_meant() {
        let (kind, text) = refusal(post("application/json", r#"{"nam":"a"}"#)).await;

        assert_eq!(kind, Kind::Malformed);
        assert!(text.contains("did you mean \\\"name\\\"?"), "{text}");
    }

    #[test]
    fn names_no_type_of_this_program() {
        let cases = [
            (
                "invalid type: integer `5`, expected struct WhoSpec at line 1 column 9",
                "invalid type: integer `5`, expected an object at line 1 column 9",
            ),
            (
                "invalid type: null, expected enum Reason, or nothing",
                "invalid type: null, expected one of the names that it may have, or nothing",
            ),
            ("missing field `struct` here", "missing field `struct` here"),
        ];

        for (message, expected) in cases {
            assert_eq!(without_types(message), expected);
        }
    }

    #[tokio::test]
    async fn takes_no_body_for_all_defaults() {
        for request in [Request::default(), post("application/json", "null")] {
            let body = OptionalBody::<Wish>::from_request(request, &()).await;

            assert_eq!(body.unwrap().0, Wish::default());
        }
    }

    #[tokio::test]
    async fn refuses_unknown_repeated_and_unreadable_parameters() {
        assert_eq!(query("limit=3&name=a%20b").await.unwrap().name, "a b");
        for wrong in [
            "limi=3",
            "limit=x",
            "limit=1&limit=2",
            "name=%00",
            "limit=70000",
        ] {
            assert_eq!(query(wrong).await.unwrap_err().kind(), Kind::Malformed);
        }
        let text = format!("{:?}", query("limi=3").await.unwrap_err());
        assert!(text.contains("did you mean \\\"limit\\\"?"), "{text}");
    }

    #[tokio::test]
    async fn takes_one_visible_idempotency_key() {
        let long = [b'k'; 256];

        assert_eq!(key(&[]).await, Ok(None));
        assert_eq!(key(&[b"job-7"]).await, Ok(Some("job-7".to_owned())));
        assert_eq!(
            key(&[&long[..255]]).await.map(|key| key.is_some()),
            Ok(true)
        );
        for wrong in [
            &[b"".as_slice()] as &[&[u8]],
            &[&long],
            &[b"a b"],
            &[b"\xff"],
            &[b"a", b"a"],
        ] {
            assert_eq!(key(wrong).await, Err(Kind::Malformed));
        }
    }
}
