//! Lints over to-be-signed bytes, read back independently of how they were built.
//!
//! The reader is x509-cert's, which shares nothing with the writer: a mistake in one shows against
//! the other, while the bytes can still be thrown away.

mod extensions;

use std::collections::BTreeSet;

use der::{Decode, Encode};
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::time::Time;

use crate::Certificate;
use crate::certificate::{KeyUsage, PathLength, Role, Template};
use crate::tlv::algorithm::algorithm_identifier;

/// One finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Lint(pub &'static str);

/// Reads the to-be-signed bytes back and judges them against template and issuer.
///
/// All findings are returned, not the first. A root is linted with itself as its issuer.
pub fn lint(template: &Template, tbs_der: &[u8], issuer: &Certificate) -> Result<(), Vec<Lint>> {
    let Ok(tbs) = TbsCertificate::from_der(tbs_der) else {
        return Err(vec![Lint("the bytes are not a TBSCertificate")]);
    };
    let mut findings = Findings::default();
    findings.unless(
        tbs.to_der().is_ok_and(|der| der == tbs_der),
        "the bytes are not DER",
    );
    lint_fields(&tbs, template, &mut findings);
    lint_serial(&tbs, template, &mut findings);
    lint_validity(&tbs, template, issuer, &mut findings);
    lint_issuer(&tbs, template, issuer, &mut findings);
    extensions::lint(&tbs, template, issuer, &mut findings);
    if findings.0.is_empty() {
        Ok(())
    } else {
        Err(findings.0)
    }
}

/// What was found so far.
#[derive(Default)]
struct Findings(Vec<Lint>);

impl Findings {
    fn unless(&mut self, holds: bool, otherwise: &'static str) {
        if !holds {
            self.0.push(Lint(otherwise));
        }
    }
}

fn lint_fields(tbs: &TbsCertificate, template: &Template, findings: &mut Findings) {
    findings.unless(tbs.version() == Version::V3, "the version is not v3");
    let has_unique_ids = tbs.issuer_unique_id().is_some() || tbs.subject_unique_id().is_some();
    findings.unless(!has_unique_ids, "it has unique identifiers");
    let algorithm = algorithm_identifier(template.signature_algorithm);
    findings.unless(
        tbs.signature().to_der().is_ok_and(|der| der == algorithm),
        "the signature algorithm is not the template's",
    );
    findings.unless(
        tbs.subject()
            .to_der()
            .is_ok_and(|der| der == template.subject_der),
        "the subject is not the template's",
    );
    findings.unless(
        tbs.subject_public_key_info()
            .to_der()
            .is_ok_and(|der| der == template.public_key.spki_der()),
        "the key is not the template's",
    );
}

fn lint_serial(tbs: &TbsCertificate, template: &Template, findings: &mut Findings) {
    let octets = tbs.serial_number().as_bytes();
    let is_positive = octets.first().is_some_and(|first| *first < 0x80);
    findings.unless(
        is_positive && octets.len() <= 20,
        "the serial number is not positive with at most 20 octets",
    );
    findings.unless(
        octets.len() > 8,
        "the serial number has not room for 64 random bits",
    );
    let significant = octets.strip_prefix(&[0]).unwrap_or(octets);
    findings.unless(
        significant == template.serial.as_be_bytes(),
        "the serial number is not the template's",
    );
}

fn lint_validity(
    tbs: &TbsCertificate,
    template: &Template,
    issuer: &Certificate,
    findings: &mut Findings,
) {
    let secs = |time: Time| i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    let not_before = secs(tbs.validity().not_before);
    let not_after = secs(tbs.validity().not_after);
    let asked = template.validity;
    findings.unless(not_before <= not_after, "it ends before it begins");
    findings.unless(
        not_before == asked.not_before.unix_secs() && not_after == asked.not_after.unix_secs(),
        "the validity is not the template's",
    );
    let outer = issuer.validity();
    findings.unless(
        outer.not_before.unix_secs() <= not_before && not_after <= outer.not_after.unix_secs(),
        "the validity is not inside the issuer's",
    );
}

fn lint_issuer(
    tbs: &TbsCertificate,
    template: &Template,
    issuer: &Certificate,
    findings: &mut Findings,
) {
    findings.unless(
        tbs.issuer()
            .to_der()
            .is_ok_and(|der| der == issuer.subject_der()),
        "the issuer is not the issuing certificate's subject",
    );
    findings.unless(
        issuer.public_key().fits(template.signature_algorithm),
        "the issuer's key does not make signatures of this algorithm",
    );
    let extensions = issuer.extensions();
    let may_sign = |bits: &BTreeSet<KeyUsage>| bits.contains(&KeyUsage::KeyCertSign);
    findings.unless(
        extensions.authority.is_some() && extensions.key_usage.as_ref().is_some_and(may_sign),
        "the issuer may not sign certificates",
    );
    // A self-issued certificate does not count towards the length (RFC 5280 §4.2.1.9).
    let is_authority = matches!(template.role, Role::Authority { .. });
    let is_self_issued = template.subject_der == template.issuer_der;
    if is_authority && !is_self_issued {
        findings.unless(
            extensions.authority != Some(PathLength::AtMost(0)),
            "the issuer's path length allows no CA below it",
        );
    }
}

#[cfg(test)]
mod tests;
