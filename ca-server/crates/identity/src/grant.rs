//! Grants: who may have which certificates.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ca_issuance::pattern::{Pattern, Scope};
use ca_pki::{Identifier, Timestamp};
use ipnet::IpNet;

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
    /// Until when.
    pub expires_at: Option<Timestamp>,
    /// How many certificates.
    pub uses: Option<u64>,
    /// The subject of the certificates, where the profile takes it from the grant.
    pub subject: Option<SubjectTemplate>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Who may use a grant or has a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Tokens of a provider whose claims match.
    Oidc {
        /// The provider's configured name.
        provider: String,
        /// Claim name (or JSON pointer) to glob; each must match.
        claims: BTreeMap<String, Glob>,
    },
    /// A client by id.
    Client(String),
    /// Holders of a certificate of ours with a name that the pattern covers.
    Certificate(Pattern),
    /// Everyone with the role.
    Role(Role),
}

/// Text with globs: `*` is any run without `/`, `**` any run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(pub(crate) String);

/// A subject whose parts may hold `{claim}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectTemplate {
    /// CN: for kubectl, the user.
    pub common_name: Option<String>,
    /// O: for kubectl, the groups.
    pub organizations: Vec<String>,
}

/// Where a grant comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Where from; `None` where nobody asks from anywhere (a replay of rules).
    pub address: Option<IpAddr>,
    /// When.
    pub at: Timestamp,
}

/// Every rule that failed, grant by grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What failed in each grant that was looked at.
    pub failures: Vec<GrantFailure>,
    /// The grant that came nearest: the fewest rules failed.
    pub nearest: Option<String>,
}

/// The rules of one grant that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantFailure {
    /// The grant's name.
    pub grant: String,
    /// What failed.
    pub rules: Vec<FailedRule>,
}

/// One rule that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRule {
    /// `who`, `profile`, `identifier`, `network`, `expiry` or `uses`.
    pub rule: &'static str,
    /// What is wrong.
    pub detail: String,
}
