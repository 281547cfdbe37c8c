//! Forms of the token endpoint (RFC 6749 §3.2): a parameter stands once, an empty one counts as
//! left out, and those that are not known are ignored.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use url::{Url, form_urlencoded};

use crate::http::api::body::require_media_type;
use crate::http::body::read_body;
use crate::http::problem::api::Problem;
use crate::http::problem::oauth::{Code, OAuthRefusal};

/// A form, and who HTTP Basic says sends it.
pub(in crate::http::api) struct Form {
    parameters: BTreeMap<String, String>,
    basic: Option<ClientForm>,
}

/// A client's id and secret as they came.
#[derive(Clone)]
pub(super) struct ClientForm {
    pub(super) id: String,
    pub(super) secret: SecretString,
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = OAuthRefusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, OAuthRefusal> {
        require_media_type(request.headers(), "application/x-www-form-urlencoded")?;
        let basic = basic(request.headers())?;
        let octets = read_body(request).await.map_err(Problem::from)?;
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(&octets) {
            if value.is_empty() {
                continue;
            }
            if value.contains('\0') {
                return Err(invalid("the character NUL stands in no value"));
            }
            if parameters
                .insert(name.into_owned(), value.into_owned())
                .is_some()
            {
                return Err(invalid("a parameter stands twice"));
            }
        }
        Ok(Self { parameters, basic })
    }
}

impl Form {
    /// Returns a parameter.
    pub(super) fn require(&self, name: &str) -> Result<&str, OAuthRefusal> {
        let value = self.parameters.get(name).map(String::as_str);
        value.ok_or_else(|| invalid(&format!("the parameter {name} is missing")))
    }

    /// Returns the client's id and secret, in one way only (RFC 6749 §2.3).
    pub(super) fn client(&self) -> Result<Option<ClientForm>, OAuthRefusal> {
        self.refuse_scopes()?;
        let posted = (
            self.parameters.get("client_id"),
            self.parameters.get("client_secret"),
        );
        match (&self.basic, posted) {
            (Some(basic), (id, None)) if id.is_none_or(|id| *id == basic.id) => {
                Ok(Some(basic.clone()))
            }
            (Some(_), _) => Err(invalid("log in by HTTP Basic or in the form, not both")),
            (None, (Some(id), Some(secret))) => Ok(Some(ClientForm {
                id: id.clone(),
                secret: secret.clone().into(),
            })),
            (None, (_, Some(_))) => Err(invalid("the parameter client_id is missing")),
            (None, (_, None)) => Ok(None),
        }
    }

    /// Returns the client's id and secret.
    pub(super) fn require_client(&self) -> Result<ClientForm, OAuthRefusal> {
        self.client()?.ok_or_else(|| {
            let detail = "log in by HTTP Basic, or with client_id and client_secret in the form";
            OAuthRefusal::new(Code::InvalidClient, detail)
        })
    }

    /// Returns the token to exchange (RFC 8693 §2.1); what comes of it is for this server only.
    pub(super) fn token_to_exchange(&self, external_url: &Url) -> Result<&str, OAuthRefusal> {
        self.refuse_scopes()?;
        let kind = self.require("subject_token_type")?;
        if ![ID_TOKEN, JWT].contains(&kind) {
            return Err(invalid(&format!(
                "subject_token_type is {ID_TOKEN} or {JWT}"
            )));
        }
        let wanted = self.parameters.get("requested_token_type");
        if wanted.is_some_and(|wanted| ![ACCESS_TOKEN, JWT].contains(&wanted.as_str())) {
            return Err(invalid(&format!("requested_token_type is {ACCESS_TOKEN}")));
        }
        if self.parameters.contains_key("actor_token") {
            return Err(invalid("actor_token: nobody acts for another here"));
        }
        let own = external_url.as_str().trim_end_matches('/');
        for name in ["audience", "resource"] {
            let target = self.parameters.get(name);
            if target.is_some_and(|target| target.trim_end_matches('/') != own) {
                let detail = format!("{name}: tokens are for {own} only");
                return Err(OAuthRefusal::new(Code::InvalidTarget, detail));
            }
        }
        self.require("subject_token")
    }

    fn refuse_scopes(&self) -> Result<(), OAuthRefusal> {
        if self.parameters.contains_key("scope") {
            let detail = "there are no scopes here: grants say what a caller may have";
            return Err(OAuthRefusal::new(Code::InvalidScope, detail));
        }
        Ok(())
    }
}

/// Reads HTTP Basic, whose parts are form-encoded (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Result<Option<ClientForm>, OAuthRefusal> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let decoded = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, encoded)| STANDARD.decode(encoded.trim()).ok())
        .and_then(|octets| String::from_utf8(octets).ok());
    let parts = decoded.as_deref().and_then(|text| text.split_once(':'));
    let Some((id, secret)) = parts else {
        let detail = "Authorization: HTTP Basic with the client's id and secret";
        return Err(OAuthRefusal::new(Code::InvalidClient, detail));
    };
    Ok(Some(ClientForm {
        id: form_decoded(id),
        secret: form_decoded(secret).into(),
    }))
}

fn form_decoded(text: &str) -> String {
    // A pair without `=` reads as a name without a value; ids and secrets of ours hold neither.
    let mut pairs = form_urlencoded::parse(text.as_bytes());
    match (pairs.next(), pairs.next()) {
        (Some((name, value)), None) if value.is_empty() => name.into_owned(),
        _ => text.to_owned(),
    }
}

fn invalid(detail: &str) -> OAuthRefusal {
    OAuthRefusal::new(Code::InvalidRequest, detail)
}

const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

#[cfg(test)]
mod tests {
    use axum::http::header::CONTENT_TYPE;
    use secrecy::ExposeSecret;

    use super::*;

    async fn read(authorization: Option<&str>, body: &'static str) -> Result<Form, OAuthRefusal> {
        let mut request = Request::builder().header(
            CONTENT_TYPE,
            "application/x-www-form-urlencoded; charset=utf-8",
        );
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        Form::from_request(request.body(body.into()).unwrap(), &()).await
    }

    async fn client(authorization: Option<&str>, body: &'static str) -> Result<String, Code> {
        let form = read(authorization, body).await;
        let client = form.and_then(|form| form.require_client());
        match client {
            Ok(client) => Ok(format!("{} {}", client.id, client.secret.expose_secret())),
            Err(OAuthRefusal::Error { code, .. }) => Err(code),
            Err(OAuthRefusal::Problem(problem)) => panic!("{problem:?}"),
        }
    }

    async fn exchange(body: &'static str) -> Result<String, Code> {
        let own = Url::parse("https://ca.example/").unwrap();
        let form = read(None, body).await.unwrap();
        match form.token_to_exchange(&own) {
            Ok(token) => Ok(token.to_owned()),
            Err(OAuthRefusal::Error { code, .. }) => Err(code),
            Err(OAuthRefusal::Problem(problem)) => panic!("{problem:?}"),
        }
    }

    #[tokio::test]
    async fn reads_a_client_from_basic_or_form_and_not_from_both() {
        let basic = Some("Basic YTpzJTI1");
        let both = "client_id=a&client_secret=s";

        assert_eq!(client(basic, "x=y").await, Ok("a s%".to_owned()));
        assert_eq!(client(basic, "client_id=a").await, Ok("a s%".to_owned()));
        assert_eq!(client(None, both).await, Ok("a s".to_owned()));
        assert_eq!(client(basic, both).await, Err(Code::InvalidRequest));
        assert_eq!(
            client(basic, "client_id=b").await,
            Err(Code::InvalidRequest)
        );
        assert_eq!(client(None, "client_id=a").await, Err(Code::InvalidClient));
        assert_eq!(client(Some("Basic !"), "").await, Err(Code::InvalidClient));
        assert_eq!(client(Some("Bearer x"), "").await, Err(Code::InvalidClient));
    }

    #[tokio::test]
    async fn refuses_repeated_parameters_and_scopes() {
        let repeated = "client_id=a&client_id=a&client_secret=s";
        let scope = "client_id=a&client_secret=s&scope=all";

        assert_eq!(client(None, repeated).await, Err(Code::InvalidRequest));
        assert_eq!(client(None, scope).await, Err(Code::InvalidScope));
    }

    #[tokio::test]
    async fn exchanges_tokens_of_oidc_for_this_server_only() {
        let token = "subject_token=t&subject_token_type=urn:ietf:params:oauth:token-type:jwt";
        let own = "subject_token=t&subject_token_type=urn:ietf:params:oauth:token-type:id_token\
                   &audience=https://ca.example";
        let other = "subject_token=t&subject_token_type=urn:ietf:params:oauth:token-type:jwt\
                     &audience=https://other.example";
        let saml = "subject_token=t&subject_token_type=urn:ietf:params:oauth:token-type:saml2";

        assert_eq!(exchange(token).await, Ok("t".to_owned()));
        assert_eq!(exchange(own).await, Ok("t".to_owned()));
        assert_eq!(exchange(other).await, Err(Code::InvalidTarget));
        assert_eq!(exchange(saml).await, Err(Code::InvalidRequest));
        assert_eq!(exchange("").await, Err(Code::InvalidRequest));
    }
}
