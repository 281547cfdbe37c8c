//! Choosing a profile (draft-aaron-acme-profiles) and the rules that come with it.

use std::collections::BTreeSet;

use ca_issuance::Profile;
use ca_pki::Identifier;

use crate::acme::Acme;
use crate::directory::Directory;
use crate::identifier::Rules;
use crate::{Error, Problem, ProblemKind};

impl Acme {
    /// Returns the profile asked for, or the directory's default.
    pub(crate) fn chosen_profile(
        &self,
        directory: &Directory,
        asked_for: Option<&str>,
    ) -> Result<&Profile, Error> {
        let name = asked_for.unwrap_or(&directory.default_profile);
        if !directory.profiles.contains_key(name) {
            let offered: Vec<&str> = directory.profiles.keys().map(String::as_str).collect();
            let detail = format!("this profile is not offered: choose {}", offered.join(", "));
            return Err(Problem::new(ProblemKind::InvalidProfile, detail).into());
        }
        self.corridor.profile(name).ok_or_else(|| {
            Error::Inconsistent(format!(
                "directory {} offers no profile {name}",
                directory.name
            ))
        })
    }

    /// Gathers what decides over the identifiers of an order under `profile`.
    pub(crate) fn rules<'a>(
        &'a self,
        directory: &'a Directory,
        profile: &'a Profile,
        granted: &'a BTreeSet<Identifier>,
    ) -> Rules<'a> {
        Rules {
            scope: &directory.scope,
            kinds: &profile.identifiers,
            constraints: self
                .corridor
                .issuer(&profile.issuer)
                .and_then(|issuer| issuer.certificate().extensions().name_constraints.as_ref()),
            challenges: &directory.challenges,
            granted,
        }
    }
}
