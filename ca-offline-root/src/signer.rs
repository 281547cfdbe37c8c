//! A root at work: its certificate, its key, and a check of everything that it signs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ca_keys::{SigningKey, SoftwareKey};
use ca_pki::authority::{self, RootRequest};
use ca_pki::certificate::{CertificateError, Template, name_from_text, verify_authority_chain};
use ca_pki::crl::{self, Crl, CrlTemplate, RevokedCertificate};
use ca_pki::lint::lint;
use ca_pki::{Certificate, KeyAlgorithm, SignatureAlgorithm, Validity};

use crate::ceremony::{Algorithm, ExistingKey};
use crate::sitting::Sitting;
use crate::{Error, Mode, custody};

/// A root that can sign.
pub(crate) struct Signer {
    role: &'static str,
    certificate: Certificate,
    certificate_file: PathBuf,
    key: Arc<dyn SigningKey>,
}

/// An existing root whose key is not open yet.
pub(crate) struct Root {
    /// What inputs are checked against. In a rehearsal for which there is no root yet, the one
    /// that stands in.
    pub(crate) certificate: Certificate,
    role: &'static str,
    certificate_file: PathBuf,
    stand_in: Option<Signer>,
}

impl Root {
    /// Reads a root's certificate.
    ///
    /// A rehearsal makes a root that stands in for it, with a throw-away key; it may be held before
    /// there is any root.
    pub(crate) fn read(
        sitting: &mut Sitting<'_>,
        role: &'static str,
        written: &Path,
    ) -> Result<Self, Error> {
        let is_there = sitting.folders().input(written).exists();
        let real = match (sitting.mode(), is_there) {
            (Mode::Rehearsal, false) => None,
            (Mode::Real | Mode::Rehearsal, _) => Some(read_root(sitting, role, written)?),
        };
        let stand_in = match sitting.mode() {
            Mode::Real => None,
            Mode::Rehearsal => Some(Signer::stand_in(sitting, role, real.as_ref())?),
        };
        let certificate = match (real, &stand_in) {
            (Some(real), _) => real,
            (None, Some(stand_in)) => stand_in.certificate.clone(),
            (None, None) => return Err(Error::input(written, "there is no such file")),
        };
        Ok(Self {
            certificate,
            role,
            certificate_file: written.to_owned(),
            stand_in,
        })
    }

    /// Returns the root's facts for those present.
    pub(crate) fn text(&self) -> String {
        let validity = self.certificate.validity();
        format!(
            "{} ({}, until {})",
            self.certificate.subject_text(),
            self.certificate.public_key().algorithm(),
            validity.not_after
        )
    }

    /// Refuses a validity that is not inside the root's own: what ends later ends with the root.
    pub(crate) fn require_inside(&self, validity: Validity) -> Result<(), Error> {
        let own = self.certificate.validity();
        if own.contains(validity.not_before) && own.contains(validity.not_after) {
            return Ok(());
        }
        Err(Error::Ceremony(format!(
            "the validity {} to {} is not inside the root's, {} to {}",
            validity.not_before, validity.not_after, own.not_before, own.not_after
        )))
    }

    /// Opens the root's key, which must match the certificate; in a rehearsal the other one's.
    pub(crate) fn open(
        self,
        sitting: &mut Sitting<'_>,
        plan: &ExistingKey,
    ) -> Result<Signer, Error> {
        if let Some(stand_in) = self.stand_in {
            sitting.say("Rehearsal: the root's key is not opened, a throw-away key signs.")?;
            return Ok(stand_in);
        }
        let key = custody::open(sitting, self.role, plan)?;
        if key.public_key() != self.certificate.public_key() {
            return Err(Error::WrongKey(format!(
                "it is not the key of {}",
                self.certificate_file.display()
            )));
        }
        Ok(Signer {
            role: self.role,
            certificate: self.certificate,
            certificate_file: self.certificate_file,
            key,
        })
    }
}

impl Signer {
    /// Joins a new root's key with the certificate that it has signed itself.
    pub(crate) fn self_signed(
        role: &'static str,
        key: Arc<dyn SigningKey>,
        request: RootRequest,
        certificate_file: PathBuf,
    ) -> Result<Self, Error> {
        let template = authority::root(request);
        let to_be_signed = template.to_be_signed().map_err(not_built)?;
        let certificate = signed(&*key, &template, &to_be_signed)?;
        // Only the certificate itself can be the issuer that a root is judged against.
        require_clean(&template, &to_be_signed, &certificate)?;
        certificate
            .verify_issued_by(&certificate)
            .map_err(not_verified)?;
        Ok(Self {
            role,
            certificate,
            certificate_file,
            key,
        })
    }

    fn stand_in(
        sitting: &mut Sitting<'_>,
        role: &'static str,
        real: Option<&Certificate>,
    ) -> Result<Self, Error> {
        let algorithm = real.map_or(KeyAlgorithm::from(Algorithm::default()), |certificate| {
            certificate.public_key().algorithm()
        });
        let key = SoftwareKey::generate(algorithm)?;
        sitting.note_key("stood in", role, "memory only", key.public_key());
        let name = match real {
            Some(certificate) => certificate.subject_der().to_vec(),
            None => name_from_text("CN=Root").map_err(not_built)?,
        };
        let now = sitting.started_at();
        let request = RootRequest {
            subject_der: sitting.mode().name(name).map_err(not_built)?,
            public_key: key.public_key().clone(),
            serial: sitting.serial()?,
            validity: real.map_or(
                Validity {
                    not_before: now,
                    not_after: now.plus(STAND_IN_LIFETIME),
                },
                Certificate::validity,
            ),
        };
        let file = PathBuf::from(format!("{}.pem", role.replace(' ', "-")));
        let signer = Self::self_signed(role, Arc::new(key), request, sitting.output_name(&file))?;
        let named = format!("{role} (stands in)");
        sitting.stage_certificate(&named, &file, &signer.certificate, role);
        Ok(signer)
    }

    /// Returns whose key it is.
    pub(crate) fn role(&self) -> &'static str {
        self.role
    }

    /// Returns the root's certificate.
    pub(crate) fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Returns the file of the root's certificate, as transcripts name it.
    pub(crate) fn certificate_file(&self) -> &Path {
        &self.certificate_file
    }

    /// Returns how the root signs.
    pub(crate) fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }

    /// Signs a message and verifies the signature.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature = sign(&*self.key, message)?;
        self.certificate
            .public_key()
            .verify(self.algorithm(), message, &signature)
            .map_err(|error| Error::WrongKey(error.to_string()))?;
        Ok(signature)
    }

    /// Judges a certificate's bytes, signs them and verifies the signature.
    pub(crate) fn issue(&self, template: &Template) -> Result<Certificate, Error> {
        let to_be_signed = template.to_be_signed().map_err(not_built)?;
        require_clean(template, &to_be_signed, &self.certificate)?;
        let certificate = signed(&*self.key, template, &to_be_signed)?;
        certificate
            .verify_issued_by(&self.certificate)
            .map_err(not_verified)?;
        Ok(certificate)
    }

    /// Signs a CRL and verifies it.
    pub(crate) fn issue_crl(
        &self,
        template: &CrlTemplate,
        revoked: &[RevokedCertificate],
    ) -> Result<Crl, Error> {
        let to_be_signed = template.to_be_signed(revoked);
        let signature = sign(&*self.key, &to_be_signed)?;
        let der = crl::assemble(&to_be_signed, template.signature_algorithm, &signature);
        let crl = Crl::parse(&der).map_err(not_verified)?;
        crl.verify_issued_by(&self.certificate)
            .map_err(not_verified)?;
        Ok(crl)
    }
}

fn read_root(sitting: &mut Sitting<'_>, role: &str, written: &Path) -> Result<Certificate, Error> {
    let pem = sitting.input_text(role, written)?;
    let certificates =
        Certificate::parse_pem_chain(&pem).map_err(|error| Error::input(written, error))?;
    let [certificate] = certificates.as_slice() else {
        return Err(Error::input(written, "it holds more than one certificate"));
    };
    if certificate.verify_issued_by(certificate).is_err() {
        return Err(Error::input(
            written,
            "it is not self-signed, so it is no root",
        ));
    }
    verify_authority_chain(&certificates, certificate, sitting.started_at())
        .map_err(|error| Error::input(written, error))?;
    Ok(certificate.clone())
}

fn require_clean(
    template: &Template,
    to_be_signed: &[u8],
    issuer: &Certificate,
) -> Result<(), Error> {
    lint(template, to_be_signed, issuer).map_err(|findings| {
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        Error::Internal(format!("a lint refuses it: {}", findings.join("; ")))
    })
}

fn signed(
    key: &dyn SigningKey,
    template: &Template,
    to_be_signed: &[u8],
) -> Result<Certificate, Error> {
    let signature = sign(key, to_be_signed)?;
    Certificate::assemble(to_be_signed, template.signature_algorithm, &signature)
        .map_err(not_verified)
}

fn sign(key: &dyn SigningKey, message: &[u8]) -> Result<Vec<u8>, Error> {
    Ok(key.sign_blocking(message, Instant::now() + PATIENCE)?)
}

fn not_built(error: CertificateError) -> Error {
    Error::Ceremony(error.to_string())
}

fn not_verified(error: CertificateError) -> Error {
    Error::WrongKey(format!("what it signed does not verify: {error}"))
}

/// How long a token may take for one signature: some ask for a touch or a second PIN.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a root lives that stands in for none.
const STAND_IN_LIFETIME: Duration = Duration::from_secs(20 * 365 * 24 * 3600);
