//! Makes a new root; the old one signs the new one and the new one the old one.

use ca_pki::authority::{self, RootRequest, SubordinateRequest};
use ca_pki::certificate::{PathLength, name_to_text};
use ca_pki::{Certificate, Validity};

use super::root::{key_text, subject_of};
use super::{SUFFIX, http_urls, validity_text};
use crate::ceremony::{CrossUrls, Rollover};
use crate::signer::{Root, Signer};
use crate::sitting::{Closing, Done, Sitting};
use crate::{Error, custody, fingerprint};

/// What the file of the old root's signature ends in.
pub(crate) const OLD_SUFFIX: &str = ".old.sig";

/// Holds the ceremony.
pub(crate) fn hold(plan: &Rollover, mut sitting: Sitting<'_>) -> Result<Done, Error> {
    let old_root = Root::read(&mut sitting, OLD, &plan.old_root)?;
    let validity = plan.validity.resolve(sitting.started_at())?;
    let crossing = crossing(&old_root, validity)?;
    let subject = subject_of(&plan.subject, &sitting)?;
    if subject == old_root.certificate.subject_der() {
        return Err(Error::Ceremony(
            "subject: the new root needs another name than the old one".to_owned(),
        ));
    }
    sitting.present(
        "A new root will be made, and old and new will sign each other:",
        &[
            ("new subject", name_to_text(&subject)),
            ("new key", key_text(&plan.key)),
            ("new validity", validity_text(validity)),
            ("old root", old_root.text()),
            ("cross-signed", validity_text(crossing)),
        ],
    )?;
    sitting.type_back(
        "the old root's certificate",
        &old_root.certificate.fingerprint_sha256(),
    )?;
    sitting.confirm("Is this the rollover to be made?")?;

    let old = old_root.open(&mut sitting, &plan.old_key)?;
    let key = custody::make(&mut sitting, NEW, &plan.key)?;
    let request = RootRequest {
        subject_der: subject,
        public_key: key.public_key().clone(),
        serial: sitting.serial()?,
        validity,
    };
    let file = sitting.output_name(&plan.output.certificate);
    let new = Signer::self_signed(NEW, key, request, file)?;
    sign_each_other(plan, &mut sitting, (&old, &new), crossing)?;
    let closings = [
        Closing {
            signer: &new,
            suffix: SUFFIX,
        },
        Closing {
            signer: &old,
            suffix: OLD_SUFFIX,
        },
    ];
    sitting.close(&plan.output.transcript, &closings)
}

fn sign_each_other(
    plan: &Rollover,
    sitting: &mut Sitting<'_>,
    (old, new): (&Signer, &Signer),
    crossing: Validity,
) -> Result<(), Error> {
    let cross = |by: &Signer, subject: &Signer, urls: &CrossUrls| {
        let request = cross_request(subject.certificate(), urls, sitting, crossing)?;
        by.issue(&authority::cross(
            by.certificate(),
            subject.certificate(),
            request,
        ))
    };
    let new_by_old = cross(old, new, &plan.new_by_old)?;
    let old_by_new = cross(new, old, &plan.old_by_new)?;

    let output = &plan.output;
    sitting.stage_certificate("new root", &output.certificate, new.certificate(), NEW);
    sitting.stage_certificate("new root by old root", &output.new_by_old, &new_by_old, OLD);
    sitting.stage_certificate("old root by new root", &output.old_by_new, &old_by_new, NEW);
    sitting.say(&format!(
        "SHA-256 fingerprint of the new root, to be written down by all present:\n  {}",
        fingerprint::grouped(&new.certificate().fingerprint_sha256())
    ))
}

/// A cross-certificate leads from a root to the CAs below it, so nothing limits it but time.
fn cross_request(
    subject: &Certificate,
    urls: &CrossUrls,
    sitting: &Sitting<'_>,
    validity: Validity,
) -> Result<SubordinateRequest, Error> {
    Ok(SubordinateRequest {
        subject_der: subject.subject_der().to_vec(),
        public_key: subject.public_key().clone(),
        serial: sitting.serial()?,
        validity,
        path_length: subject
            .extensions()
            .authority
            .unwrap_or(PathLength::Unlimited),
        extended_key_usage: Vec::new(),
        name_constraints: None,
        crl_urls: http_urls("crl_url", urls.crl_url.as_ref())?,
        issuer_urls: http_urls("issuer_url", urls.issuer_url.as_ref())?,
    })
}

/// Returns the time in which both roots hold.
fn crossing(old_root: &Root, new: Validity) -> Result<Validity, Error> {
    let old = old_root.certificate.validity();
    let both = Validity {
        not_before: new.not_before.max(old.not_before),
        not_after: new.not_after.min(old.not_after),
    };
    if both.not_before >= both.not_after {
        return Err(Error::Ceremony(
            "the old root ends before the new one begins: nothing is left to cross-sign".to_owned(),
        ));
    }
    Ok(both)
}

const OLD: &str = "old root";
const NEW: &str = "new root";
