//! How long a certificate lives: as asked, at most as the grant says.

use std::time::Duration;

use ca_issuance::Issued;
use ca_issuance::profile::Profile;
use ca_pki::Timestamp;

use crate::grant::Granted;

/// How long a certificate shall live, and who cut it.
#[derive(Debug)]
pub struct Lifetime {
    wanted: Option<Duration>,
    cut_by_grant: Option<String>,
}

impl Lifetime {
    /// Bounds what was asked for by the grant.
    ///
    /// The grant's bound holds for the profile's default too; only what was asked for and not
    /// given is worth a warning.
    pub fn of(asked: Option<Duration>, granted: &Granted, profile: &Profile) -> Self {
        let Some(bound) = granted.grant.max_lifetime else {
            return Self {
                wanted: asked,
                cut_by_grant: None,
            };
        };
        let cut = asked.is_some_and(|asked| asked > bound);
        Self {
            wanted: Some(asked.unwrap_or(profile.lifetime).min(bound)),
            cut_by_grant: cut.then(|| granted.grant.name.clone()),
        }
    }

    /// Returns the end of a certificate that is issued at `now`; `None`: as the profile says.
    pub fn not_after(&self, profile: &Profile, now: Timestamp) -> Option<Timestamp> {
        self.wanted
            .map(|span| now.minus(profile.backdate).plus(span))
    }

    /// Says who gave less than was asked for.
    pub(super) fn warnings(&self, issued: &Issued, profile: &Profile) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(grant) = &self.cut_by_grant {
            warnings.push(format!(
                "the lifetime was cut to what grant {grant:?} allows"
            ));
        }
        let given = issued.validity().lifetime();
        if self
            .wanted
            .is_some_and(|wanted| given.saturating_add(SECOND_BOUNDARY) < wanted)
        {
            warnings.push(format!(
                "the lifetime was cut to {} s: profile {:?} or its issuer allows no more",
                given.as_secs(),
                profile.name
            ));
        }
        warnings
    }
}

/// The corridor reads the clock again, perhaps a second later.
const SECOND_BOUNDARY: Duration = Duration::from_secs(5);
