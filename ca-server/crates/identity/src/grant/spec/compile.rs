//! From what people write to what is judged by: every fault is found, not only the first.

use std::fmt::Display;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ca_issuance::pattern::{Pattern, Scope, Token, Wildcards};
use ca_pki::Timestamp;
use ipnet::IpNet;

use super::{ClaimSpec, GrantSpec, KnownNames, SubjectSpec, WhoSpec};
use crate::Role;
use crate::grant::{Glob, Grant, Origin, SubjectTemplate, TextTemplate, Who};

impl GrantSpec {
    /// Checks the grant against the names that it may refer to; `Err` lists what is wrong.
    pub fn check(&self, origin: Origin, known: &KnownNames) -> Result<Grant, Vec<String>> {
        let mut faults = Vec::new();
        for profile in &self.profiles {
            if !known.profiles.contains(profile) {
                faults.push(format!("there is no [[profile]] {profile:?}"));
            }
        }
        faults.extend(self.who.unknown(known));
        match self.compile(origin) {
            Ok(grant) if faults.is_empty() => Ok(grant),
            Ok(_) => Err(faults),
            Err(more) => {
                faults.extend(more);
                Err(faults)
            }
        }
    }

    /// Parses every part; `Err` lists what is wrong.
    pub fn compile(&self, origin: Origin) -> Result<Grant, Vec<String>> {
        let mut faults = self.gaps();
        let who = noted(self.who.compile(), &mut faults);
        let scope = self.scope(&mut faults);
        let max_lifetime = self
            .max_lifetime
            .as_deref()
            .and_then(|text| noted(lifetime(text), &mut faults));
        let networks = each(&self.networks, network, &mut faults);
        let expires_at = self
            .expires
            .as_deref()
            .and_then(|text| noted(moment(text), &mut faults));
        let subject = self
            .subject
            .as_ref()
            .and_then(|spec| noted(spec.compile(), &mut faults));
        if subject.as_ref().is_some_and(SubjectTemplate::has_claims) && self.who.oidc.is_none() {
            faults.push("subject: only tokens have claims, and who is not oidc".to_owned());
        }
        match who {
            Some(who) if faults.is_empty() => Ok(Grant {
                name: self.name.clone(),
                who,
                profiles: self.profiles.iter().cloned().collect(),
                scope,
                max_lifetime,
                networks,
                expires_at,
                uses: self.uses,
                subject,
                origin,
            }),
            Some(_) | None => Err(faults),
        }
    }

    fn gaps(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !is_name(&self.name) {
            faults.push(format!(
                "name {:?}: use 1 to 64 lower-case letters, digits, - and _",
                self.name
            ));
        }
        if self.profiles.is_empty() {
            faults.push("profiles must not be empty".to_owned());
        }
        if self.identifiers.is_empty() && self.subject.is_none() {
            faults.push("identifiers must not be empty where there is no subject".to_owned());
        }
        if self
            .uses
            .is_some_and(|uses| !(1..=MOST_USES).contains(&uses))
        {
            faults.push(format!("uses must be 1 to {MOST_USES}"));
        }
        faults
    }

    fn scope(&self, faults: &mut Vec<String>) -> Scope {
        let allow: Vec<Pattern> = each(&self.identifiers, parsed, faults);
        let deny = each(&self.deny, parsed, faults);
        if self.wildcards && !allow.iter().any(covers_a_wildcard) {
            faults.push(
                "wildcards = true allows nothing: no pattern of identifiers begins with dns:*"
                    .to_owned(),
            );
        }
        Scope {
            allow,
            deny,
            wildcards: if self.wildcards {
                Wildcards::Allowed
            } else {
                Wildcards::Refused
            },
        }
    }
}

impl WhoSpec {
    /// Says whether it names a provider that is not configured.
    pub fn unknown(&self, known: &KnownNames) -> Option<String> {
        let provider = self.oidc.as_ref()?;
        let is_known = known.providers.contains(provider);
        (!is_known).then(|| format!("who: there is no [[oidc]] {provider:?}"))
    }

    /// Parses it; `Err` lists what is wrong.
    pub fn compile(&self) -> Result<Who, Vec<String>> {
        if self.oidc.is_none() && !self.claims.is_empty() {
            return Err(vec!["who: claims need oidc".to_owned()]);
        }
        match (&self.oidc, &self.client, &self.certificate, &self.role) {
            (Some(provider), None, None, None) => self.compile_oidc(provider),
            (None, Some(client), None, None) if client.is_empty() => {
                Err(vec!["who: client must not be empty".to_owned()])
            }
            (None, Some(client), None, None) => Ok(Who::Client(client.clone())),
            (None, None, Some(text), None) => certificate_pattern(text)
                .map(Who::Certificate)
                .map_err(|fault| vec![format!("who: certificate: {fault}")]),
            (None, None, None, Some(role)) => Role::parse(role).map(Who::Role).ok_or_else(|| {
                vec![format!(
                    "who: role {role:?} is not admin, operator or auditor"
                )]
            }),
            (_, _, _, _) => Err(vec![
                "who must have exactly one of oidc, client, certificate, role".to_owned(),
            ]),
        }
    }

    fn compile_oidc(&self, provider: &str) -> Result<Who, Vec<String>> {
        let named = |faults: Vec<String>| -> Vec<String> {
            faults.iter().map(|fault| format!("who: {fault}")).collect()
        };
        let claims = ClaimSpec::compile(&self.claims).map_err(named)?;
        if !claims.values().any(Glob::has_text) {
            // A provider may serve the whole world, as the public CI services do.
            return Err(vec![format!(
                "who: claims must ask for some text: without, every job of {provider:?} matches"
            )]);
        }
        Ok(Who::Oidc {
            provider: provider.to_owned(),
            claims,
        })
    }
}

impl SubjectSpec {
    fn compile(&self) -> Result<SubjectTemplate, Vec<String>> {
        let mut faults = Vec::new();
        if self.common_name.is_none() && self.organizations.is_empty() {
            faults.push("subject must have common_name or organizations".to_owned());
        }
        if self.organizations.len() > MOST_ORGANIZATIONS {
            faults.push(format!(
                "subject: more than {MOST_ORGANIZATIONS} organizations"
            ));
        }
        let common_name: Vec<TextTemplate> = each(self.common_name.as_slice(), parsed, &mut faults);
        let organizations = each(&self.organizations, parsed, &mut faults);
        if faults.is_empty() {
            Ok(SubjectTemplate {
                common_name: common_name.into_iter().next(),
                organizations,
            })
        } else {
            Err(faults)
        }
    }
}

/// Reads what a certificate is recognised by: a pattern, or a URI or host name without its type.
fn certificate_pattern(text: &str) -> Result<Pattern, String> {
    let is_typed = ["dns:", "ip:", "uri:", "email:"]
        .iter()
        .any(|kind| text.starts_with(kind));
    if is_typed {
        parsed(text)
    } else if text.contains("://") {
        parsed(&format!("uri:{text}"))
    } else {
        parsed(&format!("dns:{text}"))
    }
}

fn covers_a_wildcard(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Dns(labels) => matches!(labels.first(), Some(Token::One | Token::OneOrMore)),
        Pattern::Ip(_) | Pattern::Uri(_) | Pattern::Email(..) => false,
    }
}

fn lifetime(text: &str) -> Result<Duration, Vec<String>> {
    let fault = |why: &dyn Display| vec![format!("max_lifetime {text:?}: {why}")];
    let span = humantime::parse_duration(text).map_err(|error| fault(&error))?;
    if (SHORTEST_LIFE..=LONGEST_LIFE).contains(&span) {
        Ok(span)
    } else {
        Err(fault(&"it must be 2m to 24h"))
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>()
        .or_else(|_| address())
        .map(|network| network.trunc())
        .map_err(|_| format!("networks: {text:?} is not an address or a network"))
}

fn moment(text: &str) -> Result<Timestamp, Vec<String>> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| {
        vec![format!(
            "expires {text:?} is not a moment such as 2026-12-31T00:00:00Z"
        )]
    })
}

fn is_name(name: &str) -> bool {
    let is_allowed =
        |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || b"-_".contains(&octet);
    (1..=64).contains(&name.len()) && name.bytes().all(is_allowed)
}

fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// Parses each text; what does not parse becomes a fault.
fn each<T>(
    texts: &[String],
    parse: impl Fn(&str) -> Result<T, String>,
    faults: &mut Vec<String>,
) -> Vec<T> {
    let mut values = Vec::new();
    for text in texts {
        match parse(text) {
            Ok(value) => values.push(value),
            Err(fault) => faults.push(fault),
        }
    }
    values
}

fn noted<T>(result: Result<T, Vec<String>>, faults: &mut Vec<String>) -> Option<T> {
    result.map_err(|more| faults.extend(more)).ok()
}

/// Backdating takes a minute of it.
const SHORTEST_LIFE: Duration = Duration::from_secs(2 * 60);
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
const MOST_ORGANIZATIONS: usize = 32;
const MOST_USES: u64 = 1_000_000_000;

#[cfg(test)]
mod tests;
