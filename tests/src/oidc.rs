//! An OpenID Connect issuer, such as a CI system: signs tokens, serves its key set over HTTPS.
//!
//! It signs with the keys of the ACME client, not with the product's own test support: the two
//! agree on the RFCs or on nothing.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::acme::{AccountKey, KeyKind, base64url};
use crate::network::certificate::self_signed;
use crate::network::{HttpAnswer, HttpServer};

/// A running issuer with one P-256 key, `key-1`.
#[derive(Debug)]
pub struct OidcIssuer {
    name: String,
    key: AccountKey,
    server: HttpServer,
    certificate_pem: String,
}

impl OidcIssuer {
    /// Starts one under a host name, which the harness's DNS has; it ends with the process.
    pub fn start(name: &str) -> Self {
        let (certificate_pem, acceptor) = self_signed(name);
        let issuer = Self {
            name: name.to_owned(),
            key: AccountKey::generate(KeyKind::Es256),
            server: HttpServer::start_tls(acceptor),
            certificate_pem,
        };
        let mut key = issuer.key.jwk();
        key["kid"] = json!("key-1");
        let keys = json!({ "keys": [key] }).to_string();
        issuer.server.set(KEYS, HttpAnswer::Body(keys));
        issuer
    }

    /// Returns what its tokens say in `iss`.
    pub fn url(&self) -> String {
        format!("https://{}:{}", self.name, self.server.address().port())
    }

    /// Returns the URL of its key set.
    pub fn keys_url(&self) -> String {
        format!("{}{KEYS}", self.url())
    }

    /// Returns the certificate that its key set is served under, which is its own root.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Returns the key that it signs with.
    pub fn key(&self) -> &AccountKey {
        &self.key
    }

    /// Returns what a token for `audience` says when it is good: five minutes from now.
    pub fn claims(&self, subject: &str, audience: &str) -> Value {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = since.expect("now").as_secs();
        json!({
            "iss": self.url(),
            "sub": subject,
            "aud": audience,
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "jti": base64url(&random()),
        })
    }

    /// Signs claims.
    pub fn token(&self, claims: &Value) -> String {
        let header = json!({ "typ": "JWT", "alg": "ES256", "kid": "key-1" });
        compact(&header, claims, |text| self.key.sign(text))
    }
}

/// Returns a token (RFC 7515 §7.1) of any header and claims, signed in any way.
pub fn compact(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let [header, claims] = [header, claims].map(|part| base64url(part.to_string().as_bytes()));
    let signature = sign(format!("{header}.{claims}").as_bytes());
    format!("{header}.{claims}.{}", base64url(&signature))
}

fn random() -> [u8; 16] {
    let mut octets = [0; 16];
    aws_lc_rs::rand::fill(&mut octets).expect("chance");
    octets
}

const KEYS: &str = "/keys";
