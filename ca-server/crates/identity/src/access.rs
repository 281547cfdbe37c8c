//! The service: what every operation of this room needs at hand.

pub(crate) mod audit;
mod authenticate;
mod bearer;
#[cfg(test)]
pub(crate) mod bench;
mod certificate;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ca_issuance::Corridor;
use secrecy::zeroize::Zeroizing;
use url::Url;

use self::audit::{Announced, announced};
use crate::client::HashingDesk;
use crate::grant::Grant;
use crate::oidc::{self, Provider};
use crate::operator::OperatorRule;
use crate::session::AccessTokens;
use crate::throttle::Throttle;
use crate::{Error, IdentityStore};

/// Who asks, and what may they have. Operations are `impl` blocks beside the noun that they are
/// about.
pub struct Access {
    pub(crate) store: Arc<dyn IdentityStore>,
    pub(crate) corridor: Arc<Corridor>,
    pub(crate) rules: ArcSwap<Rules>,
    pub(crate) access_tokens: AccessTokens,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) hashing: HashingDesk,
    pub(crate) announced: Announced,
}

/// What an [`Access`] is made of.
pub struct AccessParts {
    /// What remembers.
    pub store: Arc<dyn IdentityStore>,
    /// The road to signatures and revocations; its clock and entropy are used here too.
    pub corridor: Arc<Corridor>,
    /// The URL under which clients reach the server: issuer and audience of access tokens.
    pub external_url: Url,
    /// What the configuration says.
    pub rules: Rules,
}

/// What the configuration says; replaced as a whole on reload.
#[derive(Default)]
pub struct Rules {
    /// OpenID Connect issuers and where their keys are.
    pub providers: Vec<Arc<Provider>>,
    /// Who has a role.
    pub operators: Vec<OperatorRule>,
    /// Who may have what, in the order of the configuration.
    pub grants: Vec<Arc<Grant>>,
    /// Which profiles grants may name: the configured ones, not the server's own.
    pub profiles: BTreeSet<String>,
}

/// What a request showed about who sends it, unverified.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// The bearer token of the header `Authorization`.
    pub unverified_bearer: Option<&'a str>,
    /// The client certificate in DER; the handshake proved that the peer holds its key.
    pub unverified_certificate: Option<&'a [u8]>,
    /// Where from.
    pub address: IpAddr,
}

impl Access {
    /// Joins the parts; reads (or first makes) the key that all servers sign access tokens with.
    pub async fn new(parts: AccessParts) -> Result<Self, Error> {
        let mut fresh = Zeroizing::new([0; 32]);
        parts.corridor.entropy().fill(fresh.as_mut())?;
        let seed = parts.store.shared_secret("access-token", *fresh).await?;
        let seed = Zeroizing::new(seed);
        Ok(Self {
            store: parts.store,
            corridor: parts.corridor,
            rules: ArcSwap::from_pointee(parts.rules),
            access_tokens: AccessTokens::new(&seed, &parts.external_url)?,
            throttle: Arc::new(Throttle::new()),
            hashing: HashingDesk::new(),
            announced: announced(),
        })
    }

    /// Replaces the rules: requests from now on are judged by these. Providers whose keys come
    /// from where they came before keep those that they hold.
    pub fn replace_rules(&self, mut rules: Rules) {
        oidc::keep_known_keys(&mut rules.providers, &self.rules.load().providers);
        self.rules.store(Arc::new(rules));
    }
}

#[cfg(test)]
mod tests;
