//! Grants: who may have which certificates.
//!
//! One grant must cover a whole request: nothing is pieced together from several. Without a grant
//! that covers it, a request is refused.

mod glob;
mod judge;
mod keep;
mod lookup;
mod refusal;
mod spec;
mod subject;
mod who;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ca_issuance::entitlement::{GrantUse, SubjectName};
use ca_issuance::pattern::Scope;
use ca_pki::{Identifier, Timestamp};
use ipnet::IpNet;

pub use self::glob::{Glob, NotAGlob};
pub use self::judge::{Examined, best_cover, examine, judge};
pub use self::keep::{LONGEST_API_GRANT, ListedGrant};
pub use self::lookup::joined;
pub use self::refusal::{Addressee, CallerRefusal, FailedRule, GrantFailure, GrantRule, Refusal};
pub use self::spec::{ClaimSpec, GrantSpec, KnownNames, SubjectSpec, WhoSpec};
pub use self::subject::{NotATemplate, SubjectTemplate, TextTemplate};
pub use self::who::Who;
pub(crate) use self::who::missed_claim;
use crate::{Principal, Role};

/// One rule: who, what, how long, from where, until when, how often. Default is deny.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Unique over the configuration and the API.
    pub name: String,
    /// Who may use it.
    pub who: Who,
    /// Which profiles.
    pub profiles: BTreeSet<String>,
    /// Which identifiers.
    pub scope: Scope,
    /// How long a certificate may live; the profile's own bound holds too.
    pub max_lifetime: Option<Duration>,
    /// From which networks; empty: from each.
    pub networks: Vec<IpNet>,
    /// Until when it may be used; a certificate may outlive it.
    pub expires_at: Option<Timestamp>,
    /// How many certificates.
    pub uses: Option<u64>,
    /// The subject of the certificates, where the profile takes it from the grant.
    pub subject: Option<SubjectTemplate>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a grant comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The configuration.
    Configured,
    /// The API.
    Api,
}

/// What is asked of the grants.
#[derive(Clone, Copy, Debug)]
pub struct GrantRequest<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// The role, if there is one.
    pub role: Option<Role>,
    /// Under which profile.
    pub profile: &'a str,
    /// For what.
    pub identifiers: &'a BTreeSet<Identifier>,
    /// Where from; `None` where nobody asks from anywhere (a replay of rules): networks are not
    /// looked at then.
    pub address: Option<IpAddr>,
    /// When.
    pub at: Timestamp,
}

/// How often each grant with a limit was used, by name.
pub type Uses = BTreeMap<String, u64>;

/// What the grants say to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// One grant covers all of it.
    Granted(Granted),
    /// None does.
    Refused(Refusal),
}

/// A grant that covers a request, and what it gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The grant.
    pub grant: Arc<Grant>,
    /// The subject of the certificate, for profiles that take it from the grant.
    pub subject: Option<SubjectName>,
    /// What recording the intent counts.
    pub grant_use: GrantUse,
}

/// The one grant that covers most of a request's identifiers and holds in all else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// The grant.
    pub grant: Arc<Grant>,
    /// What it covers, never nothing.
    pub covered: BTreeSet<Identifier>,
}

impl Grant {
    /// Cuts a lifetime to what the grant allows.
    pub fn bound(&self, wanted: Duration) -> Duration {
        self.max_lifetime.map_or(wanted, |most| most.min(wanted))
    }
}

impl Verdict {
    /// Turns a refusal into the error that doors pass on.
    pub fn into_result(self) -> Result<Granted, crate::Error> {
        match self {
            Self::Granted(granted) => Ok(granted),
            Self::Refused(refusal) => Err(crate::Error::NotGranted(Box::new(refusal))),
        }
    }
}
