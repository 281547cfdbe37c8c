//! An account on a connection of its own, with the nonce that the last answer brought.

use std::time::Instant;

use hyper::Method;
use hyper::body::Bytes;
use serde_json::{Value, json};
use url::Url;

use super::Directory;
use crate::connection::{Answer, Connection, Sent, path_and_query};
use crate::error::Error;
use crate::jws::{AccountKey, KeyKind, Signer, encode};
use crate::meter::Meter;

/// A registered account.
pub(crate) struct Account {
    connection: Connection,
    directory: Directory,
    key: AccountKey,
    url: Option<String>,
    nonce: Option<String>,
    meter: Meter,
}

impl Account {
    /// Makes a key and registers it.
    pub(crate) async fn register(
        connection: Connection,
        directory: &Directory,
        kind: KeyKind,
        external_account: Option<(String, Vec<u8>)>,
        meter: Meter,
    ) -> Result<Self, Error> {
        let mut account = Self {
            connection,
            directory: directory.clone(),
            key: AccountKey::generate(kind)?,
            url: None,
            nonce: None,
            meter,
        };
        let mut payload = json!({"termsOfServiceAgreed": true});
        let url = account.directory.new_account.clone();
        if let Some((kid, mac_key)) = external_account
            && let Some(members) = payload.as_object_mut()
        {
            let binding = account.key.bind(&kid, &mac_key, &url);
            members.insert("externalAccountBinding".to_owned(), binding);
        }
        let answer = account
            .post("newAccount", &url, &payload.to_string())
            .await?;
        answer.expect("newAccount", &[200, 201])?;
        account.url = answer.header("location").map(str::to_owned);
        Ok(account)
    }

    /// Returns the key.
    pub(crate) fn key(&self) -> &AccountKey {
        &self.key
    }

    /// Returns where orders are placed.
    pub(crate) fn new_order(&self) -> String {
        self.directory.new_order.clone()
    }

    /// Revokes a certificate that this account ordered (RFC 8555 §7.6).
    pub(crate) async fn revoke(&mut self, certificate: &[u8], reason: u8) -> Result<(), Error> {
        let payload = json!({"certificate": encode(certificate), "reason": reason}).to_string();
        let url = self.directory.revoke_cert.clone();
        let answer = self.post("revokeCert", &url, &payload).await?;
        answer.expect("revokeCert", &[200])
    }

    /// Sends a signed request, once more where the nonce was no good.
    pub(crate) async fn post(
        &mut self,
        step: &'static str,
        url: &str,
        payload: &str,
    ) -> Result<Answer, Error> {
        let answer = self.post_once(step, url, payload).await?;
        let bad_nonce = answer.status == 400
            && serde_json::from_slice::<Value>(&answer.body)
                .is_ok_and(|body| body.get("type").and_then(Value::as_str) == Some(BAD_NONCE));
        if bad_nonce {
            return self.post_once(step, url, payload).await;
        }
        Ok(answer)
    }

    async fn post_once(
        &mut self,
        step: &'static str,
        url: &str,
        payload: &str,
    ) -> Result<Answer, Error> {
        let nonce = match self.nonce.take() {
            Some(nonce) => nonce,
            None => self.fresh_nonce().await?,
        };
        let signer = self.url.as_deref().map_or(Signer::Key, Signer::Account);
        let body = self.key.sign(signer, &nonce, url, payload)?;
        let path = path_of(url)?;
        let begun = Instant::now();
        let answer = self
            .connection
            .send(Sent::post(&path, JOSE, Bytes::from(body)))
            .await?;
        self.meter.note(step, begun.elapsed());
        self.nonce = answer.header("replay-nonce").map(str::to_owned);
        Ok(answer)
    }

    async fn fresh_nonce(&mut self) -> Result<String, Error> {
        let path = path_of(&self.directory.new_nonce)?;
        let answer = self
            .connection
            .send(Sent {
                method: Method::HEAD,
                ..Sent::get(&path)
            })
            .await?;
        let nonce = answer.header("replay-nonce").map(str::to_owned);
        nonce.ok_or(Error::Lacking {
            step: "newNonce",
            what: "Replay-Nonce",
        })
    }
}

fn path_of(url: &str) -> Result<String, Error> {
    let parsed = Url::parse(url).map_err(|error| Error::Http(format!("{url}: {error}")))?;
    Ok(path_and_query(&parsed))
}

/// RFC 8555 §6.2.
const JOSE: &str = "application/jose+json";
const BAD_NONCE: &str = "urn:ietf:params:acme:error:badNonce";
