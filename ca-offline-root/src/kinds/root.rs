//! Makes a root: a key, and a certificate that it signs itself.

use ca_pki::authority::RootRequest;
use ca_pki::certificate::name_from_text;

use super::{SUFFIX, validity_text};
use crate::ceremony::{NewCustody, NewKey, Root};
use crate::signer::Signer;
use crate::sitting::{Closing, Done, Sitting};
use crate::{Error, custody, fingerprint};

/// Holds the ceremony.
pub(crate) fn hold(plan: &Root, mut sitting: Sitting<'_>) -> Result<Done, Error> {
    let validity = plan.validity.resolve(sitting.started_at())?;
    let subject = subject_of(&plan.subject, &sitting)?;
    sitting.present(
        "A new root will be made:",
        &[
            ("subject", ca_pki::certificate::name_to_text(&subject)),
            ("key", key_text(&plan.key)),
            ("validity", validity_text(validity)),
            ("path length", "not limited".to_owned()),
        ],
    )?;
    sitting.confirm("Is this the root to be made?")?;

    let key = custody::make(&mut sitting, ROLE, &plan.key)?;
    let request = RootRequest {
        subject_der: subject,
        public_key: key.public_key().clone(),
        serial: sitting.serial()?,
        validity,
    };
    let file = sitting.output_name(&plan.output.certificate);
    let signer = Signer::self_signed(ROLE, key, request, file)?;

    let certificate = signer.certificate();
    sitting.stage_certificate(ROLE, &plan.output.certificate, certificate, ROLE);
    sitting.say(&format!(
        "SHA-256 fingerprint of the new root, to be written down by all present:\n  {}",
        fingerprint::grouped(&certificate.fingerprint_sha256())
    ))?;
    let closing = Closing {
        signer: &signer,
        suffix: SUFFIX,
    };
    sitting.close(&plan.output.transcript, &[closing])
}

/// Returns the Name of a new root, marked in a rehearsal.
pub(super) fn subject_of(text: &str, sitting: &Sitting<'_>) -> Result<Vec<u8>, Error> {
    name_from_text(text)
        .and_then(|name| sitting.mode().name(name))
        .map_err(|error| Error::Ceremony(format!("subject: {error}")))
}

/// Returns a new key's facts for those present.
pub(super) fn key_text(plan: &NewKey) -> String {
    let custody = match &plan.passphrase {
        Some(NewCustody::Split(split)) => format!(
            ", passphrase split: any {} of {} shares",
            split.threshold, split.shares
        ),
        Some(NewCustody::Typed) => ", passphrase typed".to_owned(),
        None => String::new(),
    };
    format!(
        "{} at {}{custody}",
        plan.algorithm,
        custody::place(&plan.uri)
    )
}

const ROLE: &str = "root";
