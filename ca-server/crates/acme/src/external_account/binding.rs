//! The binding inside newAccount (RFC 8555 §7.3.4).

use aws_lc_rs::hmac;
use ca_issuance::audit::{Event, EventKind};
use ca_issuance::{Actor, IssuanceError};
use secrecy::ExposeSecret;
use serde_json::json;

use super::ExternalAccountKey;
use crate::acme::Acme;
use crate::directory::ExternalAccountRule;
use crate::jwk::Jwk;
use crate::jws::{KeyReference, UnverifiedJws};
use crate::request::KeyRequest;
use crate::{Error, Problem, ProblemKind};

/// A binding whose MAC is right. Whether its key is still there the store decides on registration.
#[derive(Debug)]
pub(crate) struct Binding {
    /// The external account key's identifier.
    pub(crate) kid: String,
    /// The binding as the client sent it.
    pub(crate) text: String,
}

impl Binding {
    /// One refusal for unknown keys, ended keys and wrong MACs, so that nobody can try out kids.
    pub(crate) fn refusal() -> Error {
        let detail = "the external account binding is refused: its kid is not good for this directory, or its MAC is wrong";
        Problem::new(ProblemKind::Unauthorized, detail).into()
    }
}

impl Acme {
    /// Applies the directory's rule to the binding that a newAccount request has, if any.
    pub(crate) async fn check_binding(
        &self,
        request: &KeyRequest,
        unverified: Option<&str>,
    ) -> Result<Option<Binding>, Error> {
        match (request.directory.external_account, unverified) {
            (ExternalAccountRule::Off, _) | (ExternalAccountRule::Optional, None) => Ok(None),
            (ExternalAccountRule::Required, None) => {
                let detail =
                    "this directory wants an external account binding: ask its operator for a key";
                Err(Problem::new(ProblemKind::ExternalAccountRequired, detail).into())
            }
            (ExternalAccountRule::Required | ExternalAccountRule::Optional, Some(text)) => {
                self.verify_binding(request, text).await.map(Some)
            }
        }
    }

    async fn verify_binding(&self, request: &KeyRequest, text: &str) -> Result<Binding, Error> {
        let unverified = UnverifiedBinding::parse(text, &request.url, &request.jwk)?;
        // Whoever names a key that never was leaves no trace but in the log: anybody can.
        let key = self
            .store
            .external_account_key(&unverified.kid)
            .await?
            .ok_or_else(Binding::refusal)?;
        let why = if !unverified.is_made_with(&key) {
            Some("the MAC is wrong")
        } else if !key.may_bind(&request.directory.name, self.now()) {
            Some("the key is revoked, expired, used up or of another directory")
        } else {
            None
        };
        match why {
            None => Ok(Binding {
                kid: unverified.kid,
                text: text.to_owned(),
            }),
            Some(why) => Err(self.refuse_binding(request, &key.kid, why).await?),
        }
    }

    /// Writes a refused binding down and makes its refusal.
    pub(crate) async fn refuse_binding(
        &self,
        request: &KeyRequest,
        kid: &str,
        why: &str,
    ) -> Result<Error, Error> {
        let event = Event {
            at: self.now(),
            kind: EventKind::ExternalAccountKeyRefused,
            actor: Actor::System,
            subject: kid.to_owned(),
            details: json!({
                "directory": request.directory.name,
                "address": request.address,
                "thumbprint": request.jwk.thumbprint(),
                "violations": [why],
            }),
        };
        let ledger = self.corridor.ledger();
        ledger
            .append_event(event)
            .await
            .map_err(IssuanceError::from)?;
        Ok(Binding::refusal())
    }
}

/// A binding that says the right things, by whoever made it.
struct UnverifiedBinding {
    kid: String,
    algorithm: hmac::Algorithm,
    jws: UnverifiedJws,
}

impl UnverifiedBinding {
    fn parse(text: &str, url: &str, account_key: &Jwk) -> Result<Self, Error> {
        let jws = UnverifiedJws::parse(text.as_bytes())?;
        let algorithm = match jws.header.alg.as_str() {
            "HS256" => hmac::HMAC_SHA256,
            "HS384" => hmac::HMAC_SHA384,
            "HS512" => hmac::HMAC_SHA512,
            _ => return Err(malformed("alg is none of HS256, HS384, HS512")),
        };
        let KeyReference::Kid(kid) = &jws.header.key else {
            return Err(malformed("it has a jwk instead of a kid"));
        };
        if jws.header.nonce.is_some() {
            return Err(malformed("it has a nonce"));
        }
        if jws.header.url != url {
            return Err(malformed("its url is not the one of newAccount"));
        }
        let bound = std::str::from_utf8(&jws.payload).ok().map(Jwk::parse);
        if !matches!(bound, Some(Ok(jwk)) if jwk == *account_key) {
            return Err(malformed("its payload is not the account's key"));
        }
        Ok(Self {
            kid: kid.clone(),
            algorithm,
            jws,
        })
    }

    fn is_made_with(&self, key: &ExternalAccountKey) -> bool {
        let key = hmac::Key::new(self.algorithm, key.mac_key.expose_secret());
        hmac::verify(&key, self.jws.signing_input(), self.jws.signature()).is_ok()
    }
}

fn malformed(what: &str) -> Error {
    Error::malformed(format!("the external account binding is malformed: {what}"))
}

#[cfg(test)]
mod tests;
