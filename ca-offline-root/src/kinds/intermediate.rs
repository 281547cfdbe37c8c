//! Signs an intermediate's CSR: path length 0, its own purposes, names and validity.

use ca_pki::authority::{self, SubordinateRequest};
use ca_pki::certificate::{PathLength, name_to_text};
use ca_pki::{Certificate, Csr};

use super::{SUFFIX, http_urls, require_authority_key, url_text, validity_text};
use crate::Error;
use crate::ceremony::{ConstraintTable, Intermediate};
use crate::signer::Root;
use crate::sitting::{Closing, Done, Sitting};

/// Holds the ceremony.
pub(crate) fn hold(plan: &Intermediate, mut sitting: Sitting<'_>) -> Result<Done, Error> {
    let root = Root::read(&mut sitting, ROLE, &plan.root)?;
    let csr = read_csr(plan, &mut sitting, &root.certificate)?;
    let request = request(plan, &sitting, &root, &csr)?;
    present(plan, &mut sitting, &root, &request)?;
    sitting.type_back("the request (DER)", &csr.fingerprint_sha256())?;
    sitting.confirm("Is this the intermediate to be signed?")?;

    let signer = root.open(&mut sitting, &plan.key)?;
    let certificate = signer.issue(&authority::subordinate(signer.certificate(), request))?;
    sitting.stage_certificate("intermediate", &plan.output.certificate, &certificate, ROLE);
    let closing = Closing {
        signer: &signer,
        suffix: SUFFIX,
    };
    sitting.close(&plan.output.transcript, &[closing])
}

fn read_csr(
    plan: &Intermediate,
    sitting: &mut Sitting<'_>,
    root: &Certificate,
) -> Result<Csr, Error> {
    let refused = |reason: String| Error::input(&plan.csr, reason);
    let pem = sitting.input_text("request", &plan.csr)?;
    let csr = Csr::parse_pem(&pem).map_err(|error| refused(error.to_string()))?;
    require_authority_key(csr.public_key()).map_err(refused)?;
    if csr.public_key() == root.public_key() {
        return Err(refused("its key is the root's own".to_owned()));
    }
    if name_to_text(csr.subject_der()).is_empty() {
        return Err(refused("it has no subject".to_owned()));
    }
    if csr.subject_der() == root.subject_der() {
        return Err(refused("its subject is the root's own".to_owned()));
    }
    Ok(csr)
}

fn request(
    plan: &Intermediate,
    sitting: &Sitting<'_>,
    root: &Root,
    csr: &Csr,
) -> Result<SubordinateRequest, Error> {
    let validity = plan.validity.resolve(sitting.started_at())?;
    root.require_inside(validity)?;
    let purposes = plan.extended_key_usage.resolve()?;
    if purposes.is_empty() {
        return Err(Error::Ceremony(
            "extended_key_usage: an intermediate has at least one purpose".to_owned(),
        ));
    }
    let constraints = plan.name_constraints.as_ref().map(ConstraintTable::resolve);
    Ok(SubordinateRequest {
        subject_der: sitting
            .mode()
            .name(csr.subject_der().to_vec())
            .map_err(|error| Error::input(&plan.csr, error))?,
        public_key: csr.public_key().clone(),
        serial: sitting.serial()?,
        validity,
        path_length: PathLength::AtMost(0),
        extended_key_usage: purposes,
        name_constraints: constraints.transpose()?,
        crl_urls: http_urls("crl_url", plan.crl_url.as_ref())?,
        issuer_urls: http_urls("issuer_url", plan.issuer_url.as_ref())?,
    })
}

fn present(
    plan: &Intermediate,
    sitting: &mut Sitting<'_>,
    root: &Root,
    request: &SubordinateRequest,
) -> Result<(), Error> {
    let names = plan.name_constraints.as_ref();
    sitting.present(
        "An intermediate will be signed:",
        &[
            ("subject", name_to_text(&request.subject_der)),
            ("key", request.public_key.algorithm().to_string()),
            ("serial", request.serial.to_string()),
            ("validity", validity_text(request.validity)),
            ("path length", "0".to_owned()),
            ("purposes", plan.extended_key_usage.text()),
            (
                "names",
                names.map_or("not restricted".to_owned(), ConstraintTable::text),
            ),
            ("root's CRL", url_text(plan.crl_url.as_ref())),
            ("root's cert", url_text(plan.issuer_url.as_ref())),
            ("signed by", root.text()),
        ],
    )
}

const ROLE: &str = "root";
