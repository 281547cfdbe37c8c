//! A request on its way, and what is answered.

use std::net::SocketAddr;

use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use ca_identity::Role;
use ca_pki::Certificate;
use serde_json::Value;
use tower::ServiceExt;

use super::world::World;
use crate::tls::client::PeerCertificate;

/// A request on its way.
pub(super) struct Call<'a> {
    pub(super) world: &'a World,
    pub(super) request: Request<Body>,
}

/// What the server said.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Call<'_> {
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = value.parse().unwrap();
        self.request.headers_mut().append(name, value);
        self
    }

    pub(super) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Comes from another address.
    pub(super) fn from(mut self, peer: [u8; 4]) -> Self {
        let peer = ConnectInfo(SocketAddr::from((peer, 1_024)));
        self.request.extensions_mut().insert(peer);
        self
    }

    /// Sends the operator token of a role.
    pub(super) fn by(self, role: Role) -> Self {
        let token = self.world.tokens.iter().find(|(one, _)| *one == role);
        let token = token.unwrap().1.clone();
        self.bearer(&token)
    }

    /// Sends it over a connection on which this certificate was shown.
    pub(super) fn over(mut self, certificate: &Certificate) -> Self {
        let leaf = PeerCertificate(certificate.der().into());
        self.request.extensions_mut().insert(leaf);
        self
    }

    pub(super) fn json(self, body: &Value) -> Self {
        self.text("application/json", body.to_string())
    }

    pub(super) fn text(self, kind: &str, body: String) -> Self {
        let mut call = self.header("content-type", kind);
        *call.request.body_mut() = Body::from(body);
        call
    }

    pub(super) async fn send(self) -> Answer {
        let router = self.world.router.clone();
        let response = router.oneshot(self.request).await.unwrap();
        let (head, body) = response.into_parts();
        Answer {
            status: head.status,
            headers: head.headers,
            body: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        }
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn json(&self) -> Value {
        let parsed = serde_json::from_slice(&self.body);
        parsed.unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns `status kind` of a problem, after checking what every problem must have.
    pub(super) fn refusal(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        assert_eq!(self.header("cache-control"), "no-store");
        let problem = self.json();
        let kind = problem["type"].as_str().unwrap();
        let kind = kind.strip_prefix("urn:ca:problem:").unwrap();
        assert_eq!(problem["status"], self.status.as_u16());
        for member in ["title", "detail"] {
            assert!(!problem[member].as_str().unwrap().is_empty());
        }
        format!("{} {kind}", self.status.as_u16())
    }

    /// Returns the certificate of an answer that holds one.
    pub(super) fn certificate(&self) -> Certificate {
        let pem = self.json()["certificate"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let chain = Certificate::parse_pem_chain(&pem);
        chain
            .unwrap_or_else(|error| panic!("{error}: {self:?}"))
            .remove(0)
    }
}
