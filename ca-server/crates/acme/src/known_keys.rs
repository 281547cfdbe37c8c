//! Keys of accounts seen lately, so that a request does not pay for judging its key again.
//!
//! A key's thumbprint decides everything about it, so an entry is never out of date. Judging an
//! RSA key takes milliseconds, verifying with it takes microseconds.

use moka::sync::Cache;

use crate::Error;
use crate::account::Account;
use crate::jwk::Jwk;

/// The keys, by thumbprint.
pub(crate) struct KnownKeys(Cache<String, Jwk>);

impl KnownKeys {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MOST_KEYS))
    }

    /// Returns the account's key.
    pub(crate) fn key_of(&self, account: &Account) -> Result<Jwk, Error> {
        if let Some(known) = self.0.get(&account.thumbprint) {
            return Ok(known);
        }
        let jwk = Jwk::parse(&account.jwk)
            .ok()
            .filter(|jwk| jwk.thumbprint() == account.thumbprint)
            .ok_or_else(|| Error::Inconsistent(format!("the key of account {}", account.id)))?;
        self.0.insert(account.thumbprint.clone(), jwk.clone());
        Ok(jwk)
    }
}

/// About ten megabytes.
const MOST_KEYS: u64 = 10_000;
