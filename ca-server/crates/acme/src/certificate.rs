//! Downloading certificates (RFC 8555 §7.4.2).

use ca_issuance::ledger::{CertificateRecord, CertificateState};
use ca_issuance::{IssuanceError, Issuer};
use ca_pki::Certificate;

use crate::acme::Acme;
use crate::ownership::missing;
use crate::renewal_info::RenewalId;
use crate::request::AccountRequest;
use crate::{Error, Problem};

/// A certificate with one of its chains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// The leaf, then what leads to the root, which is left out.
    pub pem: String,
    /// How many alternate chains there are.
    pub alternates: usize,
}

impl Acme {
    /// Reads an order's certificate with its default chain (`chain` 0) or the n-th alternate.
    pub async fn certificate(
        &self,
        request: &AccountRequest,
        order: &str,
        chain: usize,
    ) -> Result<Download, Error> {
        let order = self.order(request, order).await?;
        let (issuer_name, serial) = order.certificate.ok_or_else(|| {
            Problem::malformed("this order has no certificate yet").with_status(404)
        })?;
        let record = self
            .corridor
            .ledger()
            .certificate(&issuer_name, &serial)
            .await
            .map_err(IssuanceError::from)?;
        let der = record.and_then(|record| record.der).ok_or_else(|| {
            Error::Inconsistent(format!("order {} without its certificate", order.id))
        })?;
        let issuer = self.corridor.issuer(&issuer_name).ok_or_else(|| {
            Error::Inconsistent(format!("issuer {issuer_name} is not configured any more"))
        })?;

        let chain = chain_of(issuer, chain).ok_or_else(|| missing("chain"))?;
        let mut pem = ca_pki::pem::encode("CERTIFICATE", &der);
        for authority in chain {
            pem.push_str(&authority.pem());
        }
        Ok(Download {
            pem,
            alternates: issuer.alternate_chains().len(),
        })
    }

    /// Finds the certificate that an ARI identifier names; only such that somebody may hold.
    pub(crate) async fn certificate_named(
        &self,
        id: &RenewalId,
    ) -> Result<Option<CertificateRecord>, Error> {
        let Some(issuer) = self
            .corridor
            .issuer_by_key_identifier(&id.authority_key_identifier)
        else {
            return Ok(None);
        };
        let record = self
            .corridor
            .ledger()
            .certificate(issuer.name(), &id.serial)
            .await
            .map_err(IssuanceError::from)?;
        Ok(record.filter(|record| match record.state {
            CertificateState::Valid | CertificateState::Revoked { .. } => true,
            CertificateState::Intended | CertificateState::Burned { .. } => false,
        }))
    }
}

fn chain_of(issuer: &Issuer, chain: usize) -> Option<&[Certificate]> {
    match chain.checked_sub(1) {
        None => Some(issuer.chain()),
        Some(alternate) => issuer.alternate_chains().get(alternate).map(Vec::as_slice),
    }
}
