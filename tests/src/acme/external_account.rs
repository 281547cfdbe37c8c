//! External account binding (RFC 8555 §7.3.4).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{AccountKey, Answer, RawAcme};

impl RawAcme<'_> {
    /// Registers with the credential in an answer of `/api/v1/eab-credentials`.
    pub async fn register_with(&mut self, minted: &Answer) -> Answer {
        let binding = self.binding(&minted.member("kid"), &minted.member("hmac_key"));
        self.register(json!({ "externalAccountBinding": binding }))
            .await
    }

    /// Binds the account key to a key identifier; the secret is base64url, as it is handed out.
    pub fn binding(&self, kid: &str, secret: &str) -> Value {
        let secret = URL_SAFE_NO_PAD.decode(secret).expect("base64url");
        let header = json!({ "alg": "HS256", "kid": kid, "url": self.url("newAccount") });
        let jwk = self.key.jwk().to_string();
        AccountKey::Secret(secret).jws(&header, jwk.as_bytes())
    }
}
