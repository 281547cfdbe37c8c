//! Signs the key and name of a CA that exists already.

use ca_pki::authority::{self, SubordinateRequest};
use ca_pki::certificate::{PathLength, verify_authority_chain};
use ca_pki::{Certificate, Timestamp};

use super::{SUFFIX, http_urls, require_authority_key, url_text, validity_text};
use crate::Error;
use crate::ceremony::{ConstraintTable, CrossSign};
use crate::signer::Root;
use crate::sitting::{Closing, Done, Sitting};

/// Holds the ceremony.
pub(crate) fn hold(plan: &CrossSign, mut sitting: Sitting<'_>) -> Result<Done, Error> {
    let root = Root::read(&mut sitting, ROLE, &plan.root)?;
    let existing = read_existing(plan, &mut sitting, &root.certificate)?;
    let request = request(plan, &sitting, &root, &existing)?;
    present(plan, &mut sitting, &root, &request)?;
    sitting.type_back(
        "the existing CA's certificate",
        &existing.fingerprint_sha256(),
    )?;
    sitting.confirm("Is this the CA to be cross-signed?")?;

    let signer = root.open(&mut sitting, &plan.key)?;
    let template = authority::cross(signer.certificate(), &existing, request);
    let certificate = signer.issue(&template)?;
    sitting.stage_certificate(
        "cross certificate",
        &plan.output.certificate,
        &certificate,
        ROLE,
    );
    let closing = Closing {
        signer: &signer,
        suffix: SUFFIX,
    };
    sitting.close(&plan.output.transcript, &[closing])
}

fn read_existing(
    plan: &CrossSign,
    sitting: &mut Sitting<'_>,
    root: &Certificate,
) -> Result<Certificate, Error> {
    let refused = |reason: String| Error::input(&plan.certificate, reason);
    let pem = sitting.input_text("existing CA", &plan.certificate)?;
    let chain = Certificate::parse_pem_chain(&pem).map_err(|error| refused(error.to_string()))?;
    let existing = judge_chain(&chain, sitting.started_at()).map_err(refused)?;
    require_authority_key(existing.public_key()).map_err(refused)?;
    if existing.public_key() == root.public_key() {
        return Err(refused("it is the signing root itself".to_owned()));
    }
    Ok(existing.clone())
}

/// Only a CA that holds now, with everything above it up to a self-signed one, is signed.
fn judge_chain(chain: &[Certificate], at: Timestamp) -> Result<&Certificate, String> {
    let (Some(existing), Some(top)) = (chain.first(), chain.last()) else {
        return Err("it holds no certificate".to_owned());
    };
    if top.verify_issued_by(top).is_err() {
        return Err("its last certificate is not self-signed: append those above it".to_owned());
    }
    verify_authority_chain(chain, top, at).map_err(|error| error.to_string())?;
    Ok(existing)
}

fn request(
    plan: &CrossSign,
    sitting: &Sitting<'_>,
    root: &Root,
    existing: &Certificate,
) -> Result<SubordinateRequest, Error> {
    let validity = plan.validity.resolve(sitting.started_at())?;
    root.require_inside(validity)?;
    let own = existing
        .extensions()
        .authority
        .unwrap_or(PathLength::AtMost(0));
    let constraints = plan.name_constraints.as_ref().map(ConstraintTable::resolve);
    Ok(SubordinateRequest {
        subject_der: sitting
            .mode()
            .name(existing.subject_der().to_vec())
            .map_err(|error| Error::input(&plan.certificate, error))?,
        public_key: existing.public_key().clone(),
        serial: sitting.serial()?,
        validity,
        path_length: plan.path_length.map_or(own, PathLength::AtMost),
        extended_key_usage: plan.extended_key_usage.resolve()?,
        name_constraints: constraints.transpose()?,
        crl_urls: http_urls("crl_url", plan.crl_url.as_ref())?,
        issuer_urls: http_urls("issuer_url", plan.issuer_url.as_ref())?,
    })
}

fn present(
    plan: &CrossSign,
    sitting: &mut Sitting<'_>,
    root: &Root,
    request: &SubordinateRequest,
) -> Result<(), Error> {
    let names = plan.name_constraints.as_ref();
    let path_length = match request.path_length {
        PathLength::Unlimited => "not limited".to_owned(),
        PathLength::AtMost(below) => below.to_string(),
    };
    sitting.present(
        "An existing CA will be cross-signed:",
        &[
            (
                "subject",
                ca_pki::certificate::name_to_text(&request.subject_der),
            ),
            ("key", request.public_key.algorithm().to_string()),
            ("serial", request.serial.to_string()),
            ("validity", validity_text(request.validity)),
            ("path length", path_length),
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
