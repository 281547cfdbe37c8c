//! Explanations as text and as JSON.

use std::fmt::Write;

use ca_identity::grant::{Examined, Origin, Verdict};
use ca_issuance::entitlement::SubjectName;
use ca_issuance::error::Violation;
use serde_json::{Value, json};

use super::explain::Explanation;
use crate::config::Span;

/// Writes the whole decision for people.
pub(super) fn text(explanation: &Explanation) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write_all(&mut text, explanation);
    text
}

fn write_all(out: &mut String, explanation: &Explanation) -> std::fmt::Result {
    let question = &explanation.question;
    let role = explanation.role.map_or("none", |role| role.name());
    writeln!(
        out,
        "who:      {} (role: {role})",
        explanation.principal.name()
    )?;
    let names: Vec<String> = question
        .identifiers
        .iter()
        .map(ToString::to_string)
        .collect();
    let names = if names.is_empty() {
        "no names".to_owned()
    } else {
        names.join(", ")
    };
    writeln!(out, "asks for: {names} under profile {}", question.profile)?;
    if let Some(reason) = &explanation.unbelieved {
        writeln!(out, "login:    refused: {reason}")?;
    }
    for examined in &explanation.examined {
        write_grant(out, examined)?;
    }
    for violation in violations(explanation) {
        writeln!(out, "profile:  {}", about(violation))?;
    }
    for note in &explanation.notes {
        writeln!(out, "note:     {note}")?;
    }
    match &explanation.verdict {
        Verdict::Granted(granted) if explanation.is_allowed() => {
            writeln!(out, "allowed by grant {}", granted.grant.name)?;
            if let Some(preview) = explanation.preview.as_ref().and_then(|it| it.window) {
                let lifetime = Span(preview.validity.lifetime());
                let cut = if explanation.is_cut() {
                    ", cut from what was asked"
                } else {
                    ""
                };
                writeln!(out, "  lifetime: {lifetime}{cut}")?;
            }
            if let Some(subject) = &granted.subject {
                writeln!(out, "  subject:  {}", subject_text(subject))?;
            }
        }
        Verdict::Granted(granted) => writeln!(
            out,
            "refused, though grant {} covers it",
            granted.grant.name
        )?,
        Verdict::Refused(refusal) => match refusal.nearest() {
            Some(nearest) => writeln!(out, "refused; grant {nearest} comes nearest")?,
            None => writeln!(out, "refused: there are no grants")?,
        },
    }
    Ok(())
}

fn write_grant(out: &mut String, examined: &Examined) -> std::fmt::Result {
    let origin = match examined.grant.origin {
        Origin::Configured => "",
        Origin::Api => " (made over the API)",
    };
    let verb = if examined.failed.is_empty() {
        "covers it"
    } else {
        "does not cover it"
    };
    writeln!(out, "grant {}{origin} {verb}", examined.grant.name)?;
    for failed in &examined.failed {
        writeln!(out, "  {}: {}", failed.rule.name(), failed.detail)?;
    }
    Ok(())
}

/// Writes the whole decision for programs.
pub(super) fn json(explanation: &Explanation) -> Value {
    let question = &explanation.question;
    let grants: Vec<Value> = explanation.examined.iter().map(grant_json).collect();
    let identifiers: Vec<String> = question
        .identifiers
        .iter()
        .map(ToString::to_string)
        .collect();
    let (granted_by, nearest, subject) = match &explanation.verdict {
        Verdict::Granted(granted) => (
            Some(granted.grant.name.as_str()),
            None,
            granted.subject.as_ref(),
        ),
        Verdict::Refused(refusal) => (None, refusal.nearest(), None),
    };
    let window = explanation.preview.as_ref().and_then(|it| it.window);
    let violations: Vec<Value> = violations(explanation).map(violation_json).collect();
    json!({
        "allowed": explanation.is_allowed(),
        "principal": explanation.principal,
        "role": explanation.role,
        "login_refused": explanation.unbelieved,
        "profile": question.profile,
        "identifiers": identifiers,
        "grants": grants,
        "granted_by": granted_by,
        "nearest_grant": nearest,
        "violations": violations,
        "lifetime_secs": window.map(|window| window.validity.lifetime().as_secs()),
        "lifetime_cut": explanation.is_cut(),
        "subject": subject.map(|subject| json!({
            "common_name": subject.common_name,
            "organizations": subject.organizations,
        })),
        "notes": explanation.notes,
    })
}

fn grant_json(examined: &Examined) -> Value {
    let failed: Vec<Value> = examined.failed.iter().map(|rule| rule.to_json()).collect();
    json!({
        "grant": examined.grant.name,
        "origin": match examined.grant.origin {
            Origin::Configured => "configuration",
            Origin::Api => "api",
        },
        "covers": examined.failed.is_empty(),
        "failed": failed,
    })
}

/// Writes one violation as `name: what is wrong`.
pub(super) fn about(violation: &Violation) -> String {
    match &violation.identifier {
        Some(identifier) => format!("{identifier}: {}", violation.detail),
        None => violation.detail.clone(),
    }
}

fn violation_json(violation: &Violation) -> Value {
    json!({
        "identifier": violation.identifier.as_ref().map(ToString::to_string),
        "detail": violation.detail,
    })
}

fn violations(explanation: &Explanation) -> impl Iterator<Item = &Violation> {
    explanation.preview.iter().flat_map(|it| &it.violations)
}

fn subject_text(subject: &SubjectName) -> String {
    let common_name = subject.common_name.iter().map(|it| format!("CN={it}"));
    let organizations = subject.organizations.iter().map(|it| format!("O={it}"));
    let parts: Vec<String> = common_name.chain(organizations).collect();
    parts.join(", ")
}
