//! What the offline tier made and this server publishes: roots and their CRLs.

use ca_issuance::Corridor;
use ca_pki::certificate::CertificateError;
use ca_pki::crl::Crl;

use crate::config::Config;
use crate::error::Error;
use crate::http::pki::{Root, Roots};

/// Reads the roots' CRLs and checks that they are theirs.
///
/// Called at start, and again and again while serving: a new root CRL is put in place as a file.
pub(crate) fn load(config: &Config, corridor: &Corridor) -> Result<Roots, Error> {
    let mut roots: Vec<Root> = Vec::new();
    for section in &config.issuers {
        let Some(issuer) = corridor.issuer(&section.name) else {
            continue;
        };
        let crl = match &section.root_crl {
            Some(file) => Some(read_crl(&config.path(file), issuer.root())?),
            None => None,
        };
        match roots
            .iter_mut()
            .find(|root| root.certificate == *issuer.root())
        {
            Some(root) => {
                root.issuers.push(section.name.clone());
                root.crl = newer(root.crl.take(), crl);
            }
            None => roots.push(Root {
                certificate: issuer.root().clone(),
                crl,
                issuers: vec![section.name.clone()],
            }),
        }
    }
    Ok(Roots(roots))
}

fn read_crl(file: &std::path::Path, root: &ca_pki::Certificate) -> Result<Crl, Error> {
    let unusable = |source: CertificateError| Error::CertificateFile {
        file: file.to_owned(),
        source,
    };
    let octets = std::fs::read(file).map_err(|source| crate::files::at(file, source))?;
    let crl = Crl::parse(&octets).map_err(unusable)?;
    crl.verify_issued_by(root).map_err(unusable)?;
    Ok(crl)
}

fn newer(one: Option<Crl>, other: Option<Crl>) -> Option<Crl> {
    match (one, other) {
        (Some(one), Some(other)) if other.this_update() > one.this_update() => Some(other),
        (Some(one), _) => Some(one),
        (None, other) => other,
    }
}
