//! The decision: which grant, if any, covers a request.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use ca_issuance::entitlement::{GrantKept, GrantUse, SubjectName};
use ca_issuance::pattern::{OutOfScope, Pattern};
use serde_json::json;

use crate::grant::{
    Addressee, Cover, FailedRule, Grant, GrantFailure, GrantRequest, GrantRule, GrantSpec, Granted,
    Origin, Refusal, Uses, Verdict,
};

/// What one grant says to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// The grant.
    pub grant: Arc<Grant>,
    /// Whether it is for the caller at all.
    pub addressee: Addressee,
    /// What failed; nothing if it covers the whole request.
    pub failed: Vec<FailedRule>,
    /// The subject that it gives, if it gives one and the claims for it are there.
    pub subject: Option<SubjectName>,
}

/// Judges a request.
///
/// Where several grants cover it, the one that gives the most is taken: the longest maximal
/// lifetime (one without a bound is longest), then one without a limit of uses before one that
/// would be used up; then the first, as they are given: the configuration's order, then the API's
/// by name. So another grant never takes anything away from a caller.
pub fn judge(grants: &[Arc<Grant>], uses: &Uses, request: &GrantRequest<'_>) -> Verdict {
    let covering = for_caller(grants, request)
        .map(|grant| examine_one(grant, uses, request))
        .filter(|it| it.failed.is_empty());
    match covering.min_by_key(|it| rank(&it.grant)) {
        Some(best) => Verdict::Granted(Granted {
            grant_use: one_use(&best.grant),
            subject: best.subject,
            grant: best.grant,
        }),
        None => {
            let failing = examine(grants, uses, request).into_iter();
            Verdict::Refused(Refusal::new(failing.map(Examined::into_failure).collect()))
        }
    }
}

/// Finds the one grant that holds in all but the identifiers and covers the most of them; of
/// several the one that [`judge`] would take.
pub fn best_cover(grants: &[Arc<Grant>], uses: &Uses, request: &GrantRequest<'_>) -> Option<Cover> {
    for_caller(grants, request)
        .map(|grant| examine_one(grant, uses, request))
        .filter(|it| it.failed.iter().all(|it| it.rule == GrantRule::Identifier))
        .map(|it| {
            let covered = request.identifiers.iter().cloned();
            Cover {
                covered: covered
                    .filter(|name| it.grant.scope.judge(name).is_ok())
                    .collect(),
                grant: it.grant,
            }
        })
        .filter(|cover| !cover.covered.is_empty())
        .min_by_key(|cover| (Reverse(cover.covered.len()), rank(&cover.grant)))
}

/// Holds every grant against a request, rule by rule.
pub fn examine(grants: &[Arc<Grant>], uses: &Uses, request: &GrantRequest<'_>) -> Vec<Examined> {
    grants
        .iter()
        .map(|grant| examine_one(grant, uses, request))
        .collect()
}

/// Most grants are for others: what is wrong with them is only worked out for a refusal.
fn for_caller<'a>(
    grants: &'a [Arc<Grant>],
    request: &GrantRequest<'_>,
) -> impl Iterator<Item = &'a Arc<Grant>> {
    grants
        .iter()
        .filter(|grant| grant.who.matches(request.principal, request.role))
}

fn examine_one(grant: &Arc<Grant>, uses: &Uses, request: &GrantRequest<'_>) -> Examined {
    let misses = grant.who.misses(request.principal, request.role);
    let addressee = if misses.is_empty() {
        Addressee::Caller
    } else {
        Addressee::SomebodyElse
    };
    let mut failed: Vec<FailedRule> = misses
        .into_iter()
        .map(|detail| FailedRule::new(GrantRule::Who, detail))
        .collect();
    failed.extend(profile_fails(grant, request));
    failed.extend(identifiers_fail(grant, request));
    failed.extend(network_fails(grant, request));
    failed.extend(expiry_fails(grant, request));
    failed.extend(uses_fail(grant, uses));
    let mut subject = None;
    // Claims of somebody else's token say nothing about the template.
    if let (Some(template), Addressee::Caller) = (&grant.subject, addressee) {
        match template.fill(request.principal) {
            Ok(filled) => subject = Some(filled),
            Err(faults) => failed.extend(
                faults
                    .into_iter()
                    .map(|fault| FailedRule::new(GrantRule::Subject, fault)),
            ),
        }
    }
    Examined {
        grant: Arc::clone(grant),
        addressee,
        failed,
        subject,
    }
}

fn profile_fails(grant: &Grant, request: &GrantRequest<'_>) -> Option<FailedRule> {
    (!grant.profiles.contains(request.profile)).then(|| {
        let allowed: Vec<&str> = grant.profiles.iter().map(String::as_str).collect();
        let detail = format!(
            "profile {:?} is not one of {}",
            request.profile,
            allowed.join(", ")
        );
        FailedRule::new(GrantRule::Profile, detail)
    })
}

fn identifiers_fail(grant: &Grant, request: &GrantRequest<'_>) -> Vec<FailedRule> {
    // With a subject a certificate can do without names: kubectl's user has none.
    if request.identifiers.is_empty() && grant.subject.is_none() {
        let detail = "the request names nothing, and the grant gives no subject";
        return vec![FailedRule::new(GrantRule::Identifier, detail)];
    }
    let scope = &grant.scope;
    let judged = request.identifiers.iter().map(|name| {
        let detail = match scope.judge(name) {
            Ok(()) => return None,
            Err(OutOfScope::NotAllowed) => {
                format!("{name} is not covered by {}", listed(&scope.allow))
            }
            Err(OutOfScope::Denied) => {
                format!("{name} is denied by one of {}", listed(&scope.deny))
            }
            Err(OutOfScope::WildcardRefused) => {
                format!("{name} is a wildcard, and the grant has no wildcards = true")
            }
        };
        Some(FailedRule::about(name, detail))
    });
    judged.flatten().collect()
}

fn network_fails(grant: &Grant, request: &GrantRequest<'_>) -> Option<FailedRule> {
    let address = request.address?.to_canonical();
    let networks = &grant.networks;
    if networks.is_empty() || networks.iter().any(|network| network.contains(&address)) {
        return None;
    }
    let allowed: Vec<String> = networks.iter().map(ToString::to_string).collect();
    let detail = format!("{address} is in none of {}", allowed.join(", "));
    Some(FailedRule::new(GrantRule::Network, detail))
}

fn expiry_fails(grant: &Grant, request: &GrantRequest<'_>) -> Option<FailedRule> {
    let ended = grant.expires_at.filter(|end| *end <= request.at)?;
    let detail = format!("the grant ended at {ended}");
    Some(FailedRule::new(GrantRule::Expiry, detail))
}

fn uses_fail(grant: &Grant, uses: &Uses) -> Option<FailedRule> {
    let limit = grant.uses?;
    let used = uses.get(&grant.name).copied().unwrap_or(0);
    (used >= limit).then(|| {
        let detail = format!("{used} of {limit} uses are spent");
        FailedRule::new(GrantRule::Uses, detail)
    })
}

/// Lists the first patterns: each refused name repeats them, in answers and in the audit log.
fn listed(patterns: &[Pattern]) -> String {
    let shown = patterns.iter().take(MOST_LISTED).map(ToString::to_string);
    let mut texts: Vec<String> = shown.collect();
    let more = patterns.len().saturating_sub(MOST_LISTED);
    if more > 0 {
        texts.push(format!("and {more} more"));
    }
    texts.join(", ")
}

fn one_use(grant: &Grant) -> GrantUse {
    GrantUse {
        name: grant.name.clone(),
        limit: grant.uses,
        kept: match grant.origin {
            Origin::Configured => GrantKept::Configuration,
            Origin::Api => GrantKept::Store {
                terms: json!(GrantSpec::from(grant)),
            },
        },
    }
}

/// Less is better.
fn rank(grant: &Grant) -> (Reverse<Duration>, bool) {
    let longest = grant.max_lifetime.unwrap_or(Duration::MAX);
    (Reverse(longest), grant.uses.is_some())
}

impl Examined {
    fn into_failure(self) -> GrantFailure {
        GrantFailure {
            grant: self.grant.name.clone(),
            addressee: self.addressee,
            rules: self.failed,
        }
    }
}

const MOST_LISTED: usize = 8;

#[cfg(test)]
mod tests;
