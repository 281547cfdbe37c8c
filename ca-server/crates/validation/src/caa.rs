//! Certification Authority Authorization (RFC 8659, RFC 8657).

mod property;

pub(crate) use property::CaaRefusal;
use property::{Property, judge};

use ca_acme::authorization::ChallengeKind;

use crate::error::Error;
use crate::resolver::Resolver;

/// What CAA is asked to permit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Issuance<'a> {
    /// Whether it is for a wildcard name.
    pub(crate) wildcard: bool,
    /// The names that mean this CA.
    pub(crate) identities: &'a [String],
    /// The account's URL (RFC 8657 §3).
    pub(crate) account_url: &'a str,
    /// How control was proven (RFC 8657 §4); `None` where no challenge was.
    pub(crate) challenge: Option<ChallengeKind>,
}

/// Finds the records that hold for `domain`, climbing towards the root, and obeys them.
///
/// Names that the resolver knows without DNS (`localhost`, the hosts file) have no place in DNS
/// where their owner could say anything, so nothing is asked: a machine without DNS can still
/// validate what it resolves itself. For every other name a lookup that fails forbids issuance
/// (RFC 8659 §3).
pub(crate) async fn check(
    resolver: &Resolver,
    domain: &str,
    issuance: &Issuance<'_>,
) -> Result<(), Error> {
    if resolver.known_here(domain).await.is_some() {
        return Ok(());
    }
    let mut climbing = Some(domain);
    while let Some(domain) = climbing {
        let records = resolver.caa(domain).await?;
        if !records.is_empty() {
            let properties: Vec<_> = records.into_iter().map(Property::from).collect();
            return judge(&properties, issuance).map_err(|refusal| Error::Caa {
                domain: domain.to_owned(),
                refusal,
            });
        }
        climbing = domain.split_once('.').map(|(_label, parent)| parent);
    }
    Ok(())
}
