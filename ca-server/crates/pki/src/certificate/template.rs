//! What goes into a certificate, and the bytes that are signed.

mod encoding;

use std::collections::BTreeSet;

use super::{
    CertificateError, CiClaim, CiClaimKind, ExtendedKeyUsage, NameConstraints, PathLength,
};
use crate::{Identifier, PublicKey, Serial, SignatureAlgorithm, Validity};

/// Everything that goes into a certificate, before it is signed.
#[derive(Clone, Debug)]
pub struct Template {
    /// The serial number.
    pub serial: Serial,
    /// How it will be signed.
    pub signature_algorithm: SignatureAlgorithm,
    /// The issuer's Name, byte for byte as in the issuer's own certificate.
    pub issuer_der: Vec<u8>,
    /// The subject's Name; empty with a critical SAN.
    pub subject_der: Vec<u8>,
    /// notBefore and notAfter.
    pub validity: Validity,
    /// The subject's key; its identifier becomes subjectKeyIdentifier.
    pub public_key: PublicKey,
    /// The subjectKeyIdentifier of an earlier certificate for the same key, which stays: what a CA
    /// signed so far names it.
    pub kept_key_identifier: Option<Vec<u8>>,
    /// The issuer's subjectKeyIdentifier; `None` in a self-signed root.
    pub authority_key_identifier: Option<Vec<u8>>,
    /// What kind of certificate, which decides basicConstraints and keyUsage.
    pub role: Role,
    /// Purposes; empty leaves the extension out. A responder has OCSPSigning without being told.
    pub extended_key_usage: Vec<ExtendedKeyUsage>,
    /// Names; written sorted, each once.
    pub sans: Vec<Identifier>,
    /// Where the CRL is, `http` URLs.
    pub crl_urls: Vec<String>,
    /// Where OCSP answers, `http` URLs.
    pub ocsp_urls: Vec<String>,
    /// Where the issuer's certificate is, `http` URLs.
    pub issuer_urls: Vec<String>,
    /// RFC 9608 noRevAvail; never together with CRL or OCSP URLs.
    pub no_revocation_available: bool,
    /// RFC 7633 TLS feature status_request; needs an OCSP URL.
    pub must_staple: bool,
    /// What a CI system says of the job that holds the key; each kind at most once.
    pub ci_claims: Vec<CiClaim>,
}

/// What a certificate's holder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// A CA: keyCertSign, cRLSign; critical basicConstraints.
    Authority {
        /// pathLenConstraint.
        path_length: PathLength,
        /// nameConstraints, if any.
        name_constraints: Option<NameConstraints>,
    },
    /// A leaf: digitalSignature (RSA server keys keyEncipherment too).
    EndEntity,
    /// A delegated OCSP responder: digitalSignature, id-pkix-ocsp-nocheck.
    OcspResponder,
}

impl Template {
    /// Returns the TBSCertificate in DER: the bytes to sign, final.
    pub fn to_be_signed(&self) -> Result<Vec<u8>, CertificateError> {
        self.refuse_contradictions()
            .map_err(CertificateError::Template)?;
        encoding::to_be_signed(self)
    }

    /// Returns what becomes subjectKeyIdentifier.
    pub(crate) fn own_key_identifier(&self) -> Vec<u8> {
        let kept = self.kept_key_identifier.clone();
        kept.unwrap_or_else(|| self.public_key.key_identifier().to_vec())
    }

    fn refuse_contradictions(&self) -> Result<(), &'static str> {
        let has_urls = !(self.crl_urls.is_empty() && self.ocsp_urls.is_empty());
        if self.validity.not_after < self.validity.not_before {
            return Err("it ends before it begins");
        }
        if self.no_revocation_available && has_urls {
            return Err("it says that no revocation data exists, and where it is");
        }
        if self.must_staple && self.ocsp_urls.is_empty() {
            return Err("it demands stapling without an OCSP URL");
        }
        if self.authority_key_identifier.is_none() && self.issuer_der != self.subject_der {
            return Err("only a self-signed root has no authority key identifier");
        }
        if self.role != Role::EndEntity && !self.ci_claims.is_empty() {
            return Err("only a leaf is a CI job's");
        }
        match &self.role {
            Role::Authority { .. } => self.refuse_authority_contradictions(),
            Role::EndEntity => self.refuse_leaf_contradictions(),
            Role::OcspResponder => self.refuse_responder_contradictions(has_urls),
        }
    }

    fn refuse_authority_contradictions(&self) -> Result<(), &'static str> {
        if !self.sans.is_empty() {
            return Err("a CA has no subject alternative names");
        }
        if self.no_revocation_available || self.must_staple {
            return Err("noRevAvail and TLS features are for leaves"); // RFC 9608 §3
        }
        if self.subject_der == EMPTY_NAME {
            return Err("a CA has a subject"); // RFC 5280 §4.1.2.6
        }
        Ok(())
    }

    fn refuse_leaf_contradictions(&self) -> Result<(), &'static str> {
        if self.sans.is_empty() && self.subject_der == EMPTY_NAME {
            return Err("it has neither a subject nor subject alternative names");
        }
        if self
            .extended_key_usage
            .contains(&ExtendedKeyUsage::OcspSigning)
        {
            return Err("OCSPSigning is for the role of a responder");
        }
        let kinds: BTreeSet<CiClaimKind> = self.ci_claims.iter().map(|claim| claim.kind).collect();
        if kinds.len() < self.ci_claims.len() {
            return Err("it says the same of a CI job twice");
        }
        Ok(())
    }

    fn refuse_responder_contradictions(&self, has_urls: bool) -> Result<(), &'static str> {
        if has_urls || self.no_revocation_available || self.must_staple {
            return Err("a responder's certificate is not checked for revocation");
        }
        if self
            .extended_key_usage
            .iter()
            .any(|it| *it != ExtendedKeyUsage::OcspSigning)
        {
            return Err("a responder has no purpose but OCSPSigning");
        }
        if self.subject_der == EMPTY_NAME {
            return Err("a responder has a subject");
        }
        Ok(())
    }
}

/// The encoding of a Name without attributes.
pub(super) const EMPTY_NAME: [u8; 2] = [0x30, 0x00];
