//! What came back.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// A response, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads a response to its end.
    pub async fn from(response: reqwest::Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await.expect("a whole body").to_vec(),
        }
    }

    /// Returns a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Returns the targets of `Link` headers with this relation.
    pub fn links(&self, relation: &str) -> Vec<String> {
        let suffix = format!(">;rel=\"{relation}\"");
        let links = self.headers.get_all("link").iter();
        links
            .map(|link| link.to_str().unwrap())
            .filter_map(|link| link.strip_prefix('<')?.strip_suffix(&suffix))
            .map(str::to_owned)
            .collect()
    }

    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {:?}", self.status, self.text()))
    }

    /// Returns a member of a JSON body as text; empty if it is not there.
    pub fn member(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_default().to_owned()
    }

    /// Returns the ACME error type, without its prefix.
    ///
    /// # Panics
    ///
    /// Panics if this is no problem document of RFC 9457 with an ACME type.
    pub fn problem(&self) -> String {
        let media_type = self.header("content-type").unwrap_or_default();
        assert_eq!(media_type, "application/problem+json", "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        assert!(!self.member("detail").is_empty(), "{problem}");
        let kind = self.member("type");
        let kind = kind.strip_prefix("urn:ietf:params:acme:error:");
        kind.unwrap_or_else(|| panic!("{problem}")).to_owned()
    }

    /// Returns `status kind` of a refusal, whichever door it is from: ACME's and the API's problem
    /// types without their prefixes, OAuth's word, or nothing but the status.
    pub fn refusal(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let kind = body["type"].as_str().or(body["error"].as_str());
        let kind = kind.unwrap_or_default();
        let kind = ["urn:ca:problem:", "urn:ietf:params:acme:error:"]
            .iter()
            .find_map(|prefix| kind.strip_prefix(prefix))
            .unwrap_or(kind);
        format!("{} {kind}", self.status).trim_end().to_owned()
    }

    /// Asserts the status.
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Asserts the status and the ACME error type.
    #[track_caller]
    pub fn expect_problem(self, status: u16, kind: &str) -> Self {
        let got = (self.status, self.problem());
        assert_eq!(got, (status, kind.to_owned()), "{}", self.text());
        self
    }
}
