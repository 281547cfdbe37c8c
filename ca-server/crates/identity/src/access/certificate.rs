//! Client certificates: only the store tells which count, and it is asked for each request.

use ca_issuance::Issuer;
use ca_issuance::ledger::{CertificateRecord, CertificateState};
use ca_pki::Certificate;
use ca_pki::certificate::ExtendedKeyUsage;
use subtle::ConstantTimeEq;

use super::authenticate::Shown;
use crate::{Access, Credential, Error, LoginFailure, Principal};

impl Access {
    /// Takes a certificate that equals one of ours, byte for byte, and is good now. What it says
    /// of itself only tells where to look.
    pub(super) async fn recognize_certificate(
        &self,
        unverified_der: &[u8],
    ) -> Result<Shown, Error> {
        let refused = |failure| Err(Error::Unauthenticated(failure));
        let Some((certificate, record)) = self.record_of(unverified_der).await? else {
            return refused(LoginFailure::UnknownCertificate);
        };
        match record.state {
            CertificateState::Valid => {}
            CertificateState::Revoked { .. } => return refused(LoginFailure::CertificateRevoked),
            CertificateState::Intended | CertificateState::Burned { .. } => {
                return refused(LoginFailure::UnknownCertificate);
            }
        }
        if !record.validity.contains(self.corridor.clock().now()) {
            return refused(LoginFailure::CertificateExpired);
        }
        let purposes = &certificate.extensions().extended_key_usage;
        if !purposes.contains(&ExtendedKeyUsage::ClientAuth) {
            return refused(LoginFailure::CertificateNotForClients);
        }
        Ok(Shown {
            principal: principal(record),
            credential: Credential::Certificate,
        })
    }

    /// Tells whether this is a certificate of ours that was revoked.
    pub(crate) async fn is_revoked(&self, unverified_der: &[u8]) -> Result<bool, Error> {
        let found = self.record_of(unverified_der).await?;
        Ok(found.is_some_and(|(_, record)| match record.state {
            CertificateState::Revoked { .. } | CertificateState::Burned { .. } => true,
            CertificateState::Valid | CertificateState::Intended => false,
        }))
    }

    /// Finds the record of a certificate of ours.
    async fn record_of(
        &self,
        unverified_der: &[u8],
    ) -> Result<Option<(Certificate, CertificateRecord)>, Error> {
        let Ok(certificate) = Certificate::parse(unverified_der) else {
            return Ok(None);
        };
        let Some(issuer) = self.issuer_named_in(&certificate) else {
            return Ok(None);
        };
        let ledger = self.corridor.ledger();
        let record = ledger
            .certificate(issuer.name(), certificate.serial())
            .await?;
        Ok(record
            .filter(|record| is_same(record, unverified_der))
            .map(|record| (certificate, record)))
    }

    fn issuer_named_in(&self, certificate: &Certificate) -> Option<&Issuer> {
        match &certificate.extensions().authority_key_identifier {
            Some(identifier) => self.corridor.issuer_by_key_identifier(identifier),
            None => self
                .corridor
                .issuers()
                .find(|issuer| issuer.certificate().subject_der() == certificate.issuer_der()),
        }
    }
}

/// Anybody can make a certificate with our issuer's name and a serial of ours in it.
fn is_same(record: &CertificateRecord, unverified_der: &[u8]) -> bool {
    let ours = record.der.as_deref();
    ours.is_some_and(|ours| ours.ct_eq(unverified_der).into())
}

fn principal(record: CertificateRecord) -> Principal {
    Principal::Certificate {
        issuer: record.issuer,
        serial: record.serial.to_string(),
        profile: record.profile,
        identifiers: record.identifiers.iter().map(ToString::to_string).collect(),
    }
}
