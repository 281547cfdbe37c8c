//! A root and an intermediate with software keys, from the ceremonies' templates.

use std::path::Path;
use std::time::{Duration, Instant};

use ca_issuance::Entropy;
use ca_issuance::world::SystemEntropy;
use ca_keys::{KeyError, SigningKey, SoftwareKey};
use ca_pki::authority::{RootRequest, SubordinateRequest, root, subordinate};
use ca_pki::certificate::{
    CertificateError, ExtendedKeyUsage, PathLength, Template, name_from_text,
};
use ca_pki::crl::{Crl, CrlTemplate};
use ca_pki::{Certificate, KeyAlgorithm, Serial, Timestamp, Validity, crl};

use super::staging::Staging;
use crate::error::Error;
use crate::files::{self, Mode};

/// Keys and certificates of a new CA.
pub(super) struct Hierarchy {
    root_key: SoftwareKey,
    root: Certificate,
    root_crl: Vec<u8>,
    issuer_key: SoftwareKey,
    issuer: Certificate,
    audit_key: SoftwareKey,
}

impl Hierarchy {
    /// Makes everything in memory.
    pub(super) fn make(now: Timestamp, pki_url: &str) -> Result<Self, Error> {
        let root_key = SoftwareKey::generate(KeyAlgorithm::EcP384).map_err(key_error)?;
        let issuer_key = SoftwareKey::generate(KeyAlgorithm::EcP256).map_err(key_error)?;
        let not_before = now.minus(BACKDATE);

        let root = sign_certificate(
            &root_key,
            &root(RootRequest {
                subject_der: name("CN=Quickstart Root CA,O=ca-server quickstart")?,
                public_key: root_key.public_key().clone(),
                serial: serial(now)?,
                validity: Validity {
                    not_before,
                    not_after: not_before.plus(ROOT_LIFE),
                },
            }),
        )?;
        let issuer = sign_certificate(
            &root_key,
            &subordinate(
                &root,
                SubordinateRequest {
                    subject_der: name("CN=Quickstart Issuing CA,O=ca-server quickstart")?,
                    public_key: issuer_key.public_key().clone(),
                    serial: serial(now)?,
                    validity: Validity {
                        not_before,
                        not_after: not_before.plus(ISSUER_LIFE),
                    },
                    path_length: PathLength::AtMost(0),
                    extended_key_usage: vec![
                        ExtendedKeyUsage::ServerAuth,
                        ExtendedKeyUsage::ClientAuth,
                        ExtendedKeyUsage::OcspSigning,
                    ],
                    name_constraints: None,
                    crl_urls: vec![format!("{pki_url}/crl/root.crl")],
                    issuer_urls: vec![format!("{pki_url}/issuers/root.cer")],
                },
            ),
        )?;
        let root_crl = sign_crl(&root_key, &root, 1, now)?;
        let audit_key = SoftwareKey::generate(KeyAlgorithm::EcP256).map_err(key_error)?;
        Ok(Self {
            root_key,
            root,
            root_crl,
            issuer_key,
            issuer,
            audit_key,
        })
    }

    /// Writes keys and certificates.
    pub(super) fn write(&self, staging: &Staging) -> Result<(), Error> {
        self.root_key
            .write_new(&staging.path("root.key"), None)
            .map_err(key_error)?;
        self.issuer_key
            .write_new(&staging.path("tls.key"), None)
            .map_err(key_error)?;
        self.audit_key
            .write_new(&staging.path("audit.key"), None)
            .map_err(key_error)?;
        staging.write("root.pem", &self.root.pem(), Mode::Public)?;
        staging.write("tls.pem", &self.issuer.pem(), Mode::Public)?;
        let crl = ca_pki::pem::encode("X509 CRL", &self.root_crl);
        staging.write("root.crl", &crl, Mode::Public)
    }
}

/// Issues the root's CRL again when half of its life is over. An operator who moved the root's key
/// away has taken this over: then nothing is done.
pub(super) fn renew_root_crl(folder: &Path, now: Timestamp) -> Result<(), Error> {
    let (crl_file, key_file) = (folder.join("root.crl"), folder.join("root.key"));
    if !crl_file.exists() || !key_file.exists() {
        return Ok(());
    }
    let refused = |source| Error::CertificateFile {
        file: crl_file.clone(),
        source,
    };
    let current = Crl::parse(files::read(&crl_file)?.as_bytes()).map_err(refused)?;
    if now < current.this_update().plus(ROOT_CRL_LIFE / 2) {
        return Ok(());
    }
    let root_file = folder.join("root.pem");
    let chain = Certificate::parse_pem_chain(&files::read(&root_file)?).map_err(refused)?;
    let Some(root) = chain.first() else {
        return Ok(());
    };
    let key = SoftwareKey::read(&key_file, None).map_err(key_error)?;
    let number = current.number().unwrap_or(0).saturating_add(1);
    let der = sign_crl(&key, root, number, now)?;
    let pem = ca_pki::pem::encode("X509 CRL", &der);
    files::replace(&crl_file, pem.as_bytes(), Mode::Public)
}

fn sign_certificate(key: &SoftwareKey, template: &Template) -> Result<Certificate, Error> {
    let tbs_der = template.to_be_signed().map_err(certificate_error)?;
    let signature = key.sign_blocking(&tbs_der, deadline()).map_err(key_error)?;
    Certificate::assemble(&tbs_der, key.algorithm(), &signature).map_err(certificate_error)
}

fn sign_crl(
    key: &SoftwareKey,
    issuer: &Certificate,
    number: u64,
    now: Timestamp,
) -> Result<Vec<u8>, Error> {
    let key_identifier = issuer
        .extensions()
        .subject_key_identifier
        .clone()
        .unwrap_or_default();
    let template = CrlTemplate {
        issuer_der: issuer.subject_der().to_vec(),
        authority_key_identifier: key_identifier,
        signature_algorithm: key.algorithm(),
        number,
        this_update: now,
        next_update: now.plus(ROOT_CRL_LIFE),
    };
    let tbs_der = template.to_be_signed(&[]);
    let signature = key.sign_blocking(&tbs_der, deadline()).map_err(key_error)?;
    Ok(crl::assemble(&tbs_der, key.algorithm(), &signature))
}

fn name(text: &str) -> Result<Vec<u8>, Error> {
    name_from_text(text).map_err(certificate_error)
}

fn serial(now: Timestamp) -> Result<Serial, Error> {
    let mut random = [0; Serial::RANDOM_BYTES];
    SystemEntropy::default()
        .fill(&mut random)
        .map_err(|error| Error::Quickstart(error.to_string()))?;
    Ok(Serial::new(now, random))
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn key_error(source: KeyError) -> Error {
    Error::Key {
        issuer: "quickstart".to_owned(),
        source,
    }
}

fn certificate_error(error: CertificateError) -> Error {
    Error::Quickstart(format!("the CA cannot be made: {error}"))
}

const BACKDATE: Duration = Duration::from_secs(60 * 60);
const YEAR: u64 = 365 * 24 * 60 * 60;
const ROOT_LIFE: Duration = Duration::from_secs(10 * YEAR);
const ISSUER_LIFE: Duration = Duration::from_secs(2 * YEAR);
const ROOT_CRL_LIFE: Duration = Duration::from_secs(YEAR);
