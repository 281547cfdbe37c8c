//! From what is judged by back to what people write: for rows, events and answers.

use ca_issuance::pattern::{Pattern, Wildcards};

use super::{ClaimSpec, GrantSpec, SubjectSpec, WhoSpec};
use crate::grant::{Grant, SubjectTemplate, Who};

impl From<&Grant> for GrantSpec {
    fn from(grant: &Grant) -> Self {
        Self {
            name: grant.name.clone(),
            who: WhoSpec::from(&grant.who),
            profiles: grant.profiles.iter().cloned().collect(),
            identifiers: texts(&grant.scope.allow),
            deny: texts(&grant.scope.deny),
            wildcards: grant.scope.wildcards == Wildcards::Allowed,
            max_lifetime: grant
                .max_lifetime
                .map(|span| humantime::format_duration(span).to_string()),
            networks: grant.networks.iter().map(ToString::to_string).collect(),
            expires: grant.expires_at.map(|end| end.to_string()),
            uses: grant.uses,
            subject: grant.subject.as_ref().map(SubjectSpec::from),
        }
    }
}

impl From<&Who> for WhoSpec {
    fn from(who: &Who) -> Self {
        let mut spec = Self::default();
        match who {
            Who::Oidc { provider, claims } => {
                spec.oidc = Some(provider.clone());
                spec.claims = claims
                    .iter()
                    .map(|(key, glob)| (key.clone(), ClaimSpec(glob.to_string())))
                    .collect();
            }
            Who::Client(id) => spec.client = Some(id.clone()),
            Who::Certificate(pattern) => spec.certificate = Some(pattern.to_string()),
            Who::Role(role) => spec.role = Some(role.name().to_owned()),
        }
        spec
    }
}

impl From<&SubjectTemplate> for SubjectSpec {
    fn from(template: &SubjectTemplate) -> Self {
        let organizations = template.organizations.iter().map(ToString::to_string);
        Self {
            common_name: template.common_name.as_ref().map(ToString::to_string),
            organizations: organizations.collect(),
        }
    }
}

fn texts(patterns: &[Pattern]) -> Vec<String> {
    patterns.iter().map(ToString::to_string).collect()
}
