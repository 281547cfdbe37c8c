//! From octets to a request that is known to come from the holder of a key (RFC 8555 §6).
//!
//! The checks run from cheap to dear: form, algorithm, URL, nonce's form, key, signature, and last
//! the nonce is spent, so that nobody spends what others hold or fills the store without a key.

use std::net::IpAddr;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::account::{Account, AccountStatus};
use crate::acme::Acme;
use crate::directory::Directory;
use crate::jwk::Jwk;
use crate::jws::{KeyReference, UnverifiedJws};
use crate::nonce::GoodNonce;
use crate::{Error, Problem, ProblemKind, payload};

/// A POST as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Unverified<'a> {
    /// The directory's name in the path.
    pub directory: &'a str,
    /// Path and query as the client sent them.
    pub path_and_query: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// Where it came from.
    pub address: IpAddr,
}

/// A request signed by a valid account of the directory.
#[derive(Debug)]
pub struct AccountRequest {
    /// The directory.
    pub directory: Arc<Directory>,
    /// The account.
    pub account: Account,
    /// The account's key.
    pub jwk: Jwk,
    /// The URL that was signed, equal to the one requested.
    pub url: String,
    /// What was signed.
    pub payload: Payload,
    /// Where it came from.
    pub address: IpAddr,
}

/// A request signed by the key that it carries.
#[derive(Debug)]
pub struct KeyRequest {
    /// The directory.
    pub directory: Arc<Directory>,
    /// The key.
    pub jwk: Jwk,
    /// The URL that was signed, equal to the one requested.
    pub url: String,
    /// What was signed.
    pub payload: Payload,
    /// Where it came from.
    pub address: IpAddr,
}

/// A request that may be signed either way (revokeCert).
#[derive(Debug)]
pub enum SignedRequest {
    /// By an account.
    Account(AccountRequest),
    /// By the key inside.
    Key(KeyRequest),
}

/// A payload that its signature covers.
#[derive(Debug)]
pub struct Payload(Vec<u8>);

impl Payload {
    /// Requires the empty payload of a POST-as-GET (RFC 8555 §6.3).
    pub fn require_empty(&self) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Error::malformed(
            "this resource is read with an empty payload (POST-as-GET)",
        ))
    }

    /// Returns whether it is the empty payload of a POST-as-GET.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads a JSON object.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(payload::read(&self.0)?)
    }
}

/// A request that passed every check but those on its key.
struct Envelope {
    directory: Arc<Directory>,
    jws: UnverifiedJws,
    nonce: GoodNonce,
    address: IpAddr,
}

impl Acme {
    /// Accepts a request signed by an account: everything but newAccount and revokeCert.
    pub async fn accept_from_account(
        &self,
        request: Unverified<'_>,
    ) -> Result<AccountRequest, Error> {
        let envelope = self.open_envelope(request)?;
        match &envelope.jws.header.key {
            KeyReference::Kid(_) => self.accept_kid(envelope).await,
            KeyReference::Jwk(_) => Err(Error::malformed(
                "this resource wants the account's URL in kid, not a jwk",
            )),
        }
    }

    /// Accepts a request signed by the key in it: newAccount.
    pub async fn accept_from_key(&self, request: Unverified<'_>) -> Result<KeyRequest, Error> {
        let envelope = self.open_envelope(request)?;
        match &envelope.jws.header.key {
            KeyReference::Jwk(_) => self.accept_jwk(envelope).await,
            KeyReference::Kid(_) => Err(Error::malformed(
                "this resource wants the key in jwk, not a kid",
            )),
        }
    }

    /// Accepts a request signed either way: revokeCert.
    pub async fn accept_from_either(
        &self,
        request: Unverified<'_>,
    ) -> Result<SignedRequest, Error> {
        let envelope = self.open_envelope(request)?;
        match &envelope.jws.header.key {
            KeyReference::Kid(_) => self.accept_kid(envelope).await.map(SignedRequest::Account),
            KeyReference::Jwk(_) => self.accept_jwk(envelope).await.map(SignedRequest::Key),
        }
    }

    fn open_envelope(&self, request: Unverified<'_>) -> Result<Envelope, Error> {
        let directory = Arc::clone(self.directory(request.directory)?);
        let jws = UnverifiedJws::parse(request.body)?;
        jws.require_supported_algorithm()?;
        if jws.header.url != self.urls.requested(request.path_and_query) {
            return Err(unauthorized(
                "the url in the protected header is not the one of this request; behind a proxy, server.external_url must be the URL that clients use",
            ));
        }
        let nonce = self
            .nonces
            .recognise(jws.header.nonce.as_deref(), self.now())?;
        Ok(Envelope {
            directory,
            jws,
            nonce,
            address: request.address,
        })
    }

    async fn accept_kid(&self, envelope: Envelope) -> Result<AccountRequest, Error> {
        let KeyReference::Kid(kid) = &envelope.jws.header.key else {
            return Err(Error::malformed("the protected header has no kid"));
        };
        let account = self.account_of_kid(&envelope.directory, kid).await?;
        let jwk = self.known_keys.key_of(&account)?;
        envelope.jws.verify(&jwk)?;
        // Not sooner: nobody spends what another account may ask for.
        self.limiter.count_request(&account.id)?;
        self.redeem(envelope.nonce).await?;
        require_valid(&account)?;
        Ok(AccountRequest {
            directory: envelope.directory,
            account,
            jwk,
            url: envelope.jws.header.url,
            payload: Payload(envelope.jws.payload),
            address: envelope.address,
        })
    }

    async fn accept_jwk(&self, envelope: Envelope) -> Result<KeyRequest, Error> {
        let KeyReference::Jwk(members) = &envelope.jws.header.key else {
            return Err(Error::malformed("the protected header has no jwk"));
        };
        let jwk = Jwk::from_members(members)?;
        envelope.jws.verify(&jwk)?;
        self.redeem(envelope.nonce).await?;
        Ok(KeyRequest {
            directory: envelope.directory,
            jwk,
            url: envelope.jws.header.url,
            payload: Payload(envelope.jws.payload),
            address: envelope.address,
        })
    }

    /// The one place that reads an account for a request; the store keeps those it may in memory.
    async fn account_of_kid(&self, directory: &Directory, kid: &str) -> Result<Account, Error> {
        let unknown = || {
            Problem::new(
                ProblemKind::AccountDoesNotExist,
                "kid is not the URL of an account in this directory",
            )
        };
        let id = self
            .urls
            .account_id(&directory.name, kid)
            .ok_or_else(unknown)?;
        let account = self.store.account(&directory.name, id).await?;
        Ok(account.ok_or_else(unknown)?)
    }
}

/// Refuses accounts that ended (RFC 8555 §7.3.6: 401).
pub(crate) fn require_valid(account: &Account) -> Result<(), Error> {
    match account.status {
        AccountStatus::Valid => Ok(()),
        AccountStatus::Deactivated => Err(unauthorized("the account is deactivated")),
        AccountStatus::Revoked => Err(unauthorized("the account is revoked")),
    }
}

fn unauthorized(detail: &str) -> Error {
    Problem::new(ProblemKind::Unauthorized, detail)
        .with_status(401)
        .into()
}
