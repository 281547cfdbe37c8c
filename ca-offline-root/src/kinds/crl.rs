//! Issues the root's CRL: everything that was on the last one, and what is revoked now.

use ca_pki::crl::{Crl as CrlValue, CrlTemplate, RevokedCertificate};
use ca_pki::{Certificate, Serial, Validity};

use super::{SUFFIX, validity_text};
use crate::Error;
use crate::ceremony::{Crl, Revoke, Target};
use crate::signer::{Root, Signer};
use crate::sitting::{Closing, Done, Sitting};

/// Holds the ceremony.
pub(crate) fn hold(plan: &Crl, mut sitting: Sitting<'_>) -> Result<Done, Error> {
    let root = Root::read(&mut sitting, ROLE, &plan.root)?;
    let previous = read_previous(plan, &mut sitting, &root.certificate)?;
    let validity = plan.validity.resolve(sitting.started_at())?;
    require_order(&root, previous.as_ref(), validity)?;
    let number = number(plan, previous.as_ref())?;
    let kept = previous
        .as_ref()
        .map(|crl| crl.revoked().to_vec())
        .unwrap_or_default();
    let added = revocations(plan, &mut sitting, &root.certificate, &kept)?;

    present(&mut sitting, &root, number, validity)?;
    list(&mut sitting, "on the list already", &kept)?;
    list(&mut sitting, "revoked now", &added)?;
    if previous.is_none() {
        sitting.confirm(
            "No previous CRL is named, so nothing that was revoked before is kept. Is this the \
             root's first CRL?",
        )?;
    }
    sitting.confirm("Is this the CRL to be issued?")?;

    let signer = root.open(&mut sitting, &plan.key)?;
    let entries = [kept, added].concat();
    let crl = signer.issue_crl(&template(&signer, number, validity), &entries)?;
    sitting.stage_crl("crl", &plan.output.crl, encoded(plan, &crl), ROLE);
    let closing = Closing {
        signer: &signer,
        suffix: SUFFIX,
    };
    sitting.close(&plan.output.transcript, &[closing])
}

fn read_previous(
    plan: &Crl,
    sitting: &mut Sitting<'_>,
    root: &Certificate,
) -> Result<Option<CrlValue>, Error> {
    let Some(path) = &plan.previous else {
        return Ok(None);
    };
    let content = sitting.input("previous crl", path)?;
    let crl = CrlValue::parse(&content).map_err(|error| Error::input(path, error))?;
    crl.verify_issued_by(root)
        .map_err(|error| Error::input(path, error))?;
    Ok(Some(crl))
}

/// A list that is older than the one before would bring back what was revoked since.
fn require_order(
    root: &Root,
    previous: Option<&CrlValue>,
    validity: Validity,
) -> Result<(), Error> {
    if !root.certificate.validity().contains(validity.not_before) {
        return Err(Error::Ceremony(
            "the CRL begins outside the root's validity".to_owned(),
        ));
    }
    match previous {
        Some(crl) if validity.not_before < crl.this_update() => Err(Error::Ceremony(format!(
            "the CRL begins at {}, before the previous one, {}",
            validity.not_before,
            crl.this_update()
        ))),
        Some(_) | None => Ok(()),
    }
}

fn number(plan: &Crl, previous: Option<&CrlValue>) -> Result<u64, Error> {
    let Some(previous) = previous else {
        return Ok(plan.number.unwrap_or(1));
    };
    let Some(last) = previous.number() else {
        return plan.number.ok_or_else(|| {
            Error::Ceremony("the previous CRL has no number: give this one's".to_owned())
        });
    };
    let next = plan.number.unwrap_or(last.saturating_add(1));
    if next <= last {
        return Err(Error::Ceremony(format!(
            "number = {next} is not above the previous CRL's, {last}"
        )));
    }
    Ok(next)
}

fn revocations(
    plan: &Crl,
    sitting: &mut Sitting<'_>,
    root: &Certificate,
    kept: &[RevokedCertificate],
) -> Result<Vec<RevokedCertificate>, Error> {
    let mut added: Vec<RevokedCertificate> = Vec::new();
    for revoke in &plan.revoke {
        let serial = serial(revoke, sitting, root)?;
        if kept
            .iter()
            .chain(&added)
            .any(|entry| entry.serial == serial)
        {
            return Err(Error::Ceremony(format!(
                "[[revoke]]: {serial} is revoked already, and an entry is never changed"
            )));
        }
        added.push(RevokedCertificate {
            serial,
            revoked_at: revoke.at(sitting.started_at())?,
            reason: revoke.reason()?,
        });
    }
    Ok(added)
}

fn serial(revoke: &Revoke, sitting: &mut Sitting<'_>, root: &Certificate) -> Result<Serial, Error> {
    let path = match revoke.target()? {
        Target::Serial(serial) => return Ok(serial),
        Target::File(path) => path,
    };
    let pem = sitting.input_text("revoked certificate", path)?;
    let chain = Certificate::parse_pem_chain(&pem).map_err(|error| Error::input(path, error))?;
    let Some(certificate) = chain.first() else {
        return Err(Error::input(path, "it holds no certificate"));
    };
    certificate
        .verify_issued_by(root)
        .map_err(|error| Error::input(path, error))?;
    if certificate.der() == root.der() {
        return Err(Error::input(path, "a root cannot revoke itself"));
    }
    Ok(certificate.serial().clone())
}

fn template(signer: &Signer, number: u64, validity: Validity) -> CrlTemplate {
    let root = signer.certificate();
    CrlTemplate {
        issuer_der: root.subject_der().to_vec(),
        authority_key_identifier: root.key_identifier(),
        signature_algorithm: signer.algorithm(),
        number,
        this_update: validity.not_before,
        next_update: validity.not_after,
    }
}

fn encoded(plan: &Crl, crl: &CrlValue) -> Vec<u8> {
    let is_pem = plan
        .output
        .crl
        .extension()
        .is_some_and(|extension| extension == "pem");
    match is_pem {
        true => crl.pem().into_bytes(),
        false => crl.der().to_vec(),
    }
}

fn present(
    sitting: &mut Sitting<'_>,
    root: &Root,
    number: u64,
    validity: Validity,
) -> Result<(), Error> {
    sitting.present(
        "A CRL will be issued:",
        &[
            ("number", number.to_string()),
            ("holds", validity_text(validity)),
            ("signed by", root.text()),
        ],
    )
}

fn list(
    sitting: &mut Sitting<'_>,
    title: &str,
    entries: &[RevokedCertificate],
) -> Result<(), Error> {
    sitting.say(&format!("  {title}: {}", entries.len()))?;
    for entry in entries {
        sitting.say(&format!(
            "    {} at {} ({})",
            entry.serial, entry.revoked_at, entry.reason
        ))?;
    }
    Ok(())
}

const ROLE: &str = "root";
