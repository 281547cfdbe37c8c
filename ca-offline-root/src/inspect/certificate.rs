//! A certificate in plain text.

use std::fmt::Display;
use std::io::{self, Write};

use ca_pki::certificate::{NameConstraints, PathLength, Subtrees, name_to_text};
use ca_pki::{Certificate, hex};

use super::facts;
use crate::fingerprint::grouped;

/// Writes what a certificate says, the extensions that matter to a CA included.
pub(super) fn explain(certificate: &Certificate, report: &mut dyn Write) -> io::Result<()> {
    let validity = certificate.validity();
    writeln!(report, "certificate")?;
    facts(
        report,
        &[
            ("subject", certificate.subject_text()),
            ("issuer", issuer(certificate)),
            ("serial", certificate.serial().to_string()),
            ("not before", validity.not_before.to_string()),
            ("not after", validity.not_after.to_string()),
            ("key", certificate.public_key().algorithm().to_string()),
            ("SHA-256", grouped(&certificate.fingerprint_sha256())),
            (
                "SHA-256 of key",
                grouped(&certificate.public_key().fingerprint_sha256()),
            ),
        ],
    )?;
    explain_extensions(certificate, report)
}

fn issuer(certificate: &Certificate) -> String {
    let name = name_to_text(certificate.issuer_der());
    if certificate.issuer_der() != certificate.subject_der() {
        return name;
    }
    match certificate.verify_issued_by(certificate) {
        Ok(()) => format!("{name} (itself; the signature holds)"),
        Err(_) => format!("{name} (of the same name, signed by another key)"),
    }
}

fn explain_extensions(certificate: &Certificate, report: &mut dyn Write) -> io::Result<()> {
    let extensions = certificate.extensions();
    let authority = match extensions.authority {
        None => "no".to_owned(),
        Some(PathLength::Unlimited) => "yes, any number of CAs below".to_owned(),
        Some(PathLength::AtMost(0)) => "yes, no CA below".to_owned(),
        Some(PathLength::AtMost(below)) => format!("yes, at most {below} CAs below"),
    };
    let identifier = |octets: &Option<Vec<u8>>| octets.as_deref().map(hex::lower);
    let key_usage = extensions
        .key_usage
        .iter()
        .flatten()
        .map(|usage| format!("{usage:?}"));
    let all = [
        ("CA", Some(authority)),
        ("key usage", joined(key_usage)),
        ("purposes", joined(&extensions.extended_key_usage)),
        ("names", joined(&extensions.sans)),
        (
            "constraints",
            extensions.name_constraints.as_ref().map(constraints),
        ),
        ("key id", identifier(&extensions.subject_key_identifier)),
        (
            "issuer's key id",
            identifier(&extensions.authority_key_identifier),
        ),
        ("unknown critical", joined(&extensions.unknown_critical)),
    ];
    let present: Vec<(&str, String)> = all
        .into_iter()
        .filter_map(|(label, fact)| Some((label, fact?)))
        .collect();
    facts(report, &present)
}

fn constraints(constraints: &NameConstraints) -> String {
    format!(
        "permitted {}; excluded {}",
        subtrees(&constraints.permitted),
        subtrees(&constraints.excluded)
    )
}

fn subtrees(subtrees: &Subtrees) -> String {
    let typed = |kind: &'static str, names: &[String]| -> Vec<String> {
        names.iter().map(|name| format!("{kind}:{name}")).collect()
    };
    let networks = subtrees
        .ip
        .iter()
        .map(|(address, bits)| format!("ip:{address}/{bits}"));
    let all = [
        typed("dns", &subtrees.dns),
        networks.collect(),
        typed("email", &subtrees.email),
        typed("uri", &subtrees.uri),
    ]
    .concat();
    joined(&all).unwrap_or_else(|| "nothing named".to_owned())
}

/// Returns the items with commas between; `None` if there are none.
fn joined<T: Display>(items: impl IntoIterator<Item = T>) -> Option<String> {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    (!items.is_empty()).then(|| items.join(", "))
}
