//! Certificates (RFC 5280): read, judged, and built in two steps so that any token can sign.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::key::PublicKeyError;
use crate::pem::PemError;
use crate::{DnsName, Identifier, PublicKey, Serial, SignatureAlgorithm, Timestamp, Validity};

/// A parsed certificate together with its original bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    tbs_der: Vec<u8>,
    serial: Serial,
    issuer_der: Vec<u8>,
    subject_der: Vec<u8>,
    validity: Validity,
    public_key: PublicKey,
    signature_algorithm: SignatureAlgorithm,
    signature: Vec<u8>,
    extensions: Extensions,
}

/// The extensions that this CA acts upon, as read from a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// basicConstraints: `None` where absent or cA is false.
    pub authority: Option<PathLength>,
    /// keyUsage, absent or present.
    pub key_usage: Option<BTreeSet<KeyUsage>>,
    /// extendedKeyUsage in order.
    pub extended_key_usage: Vec<ExtendedKeyUsage>,
    /// subjectAltName entries of the types we know.
    pub sans: BTreeSet<Identifier>,
    /// nameConstraints.
    pub name_constraints: Option<NameConstraints>,
    /// subjectKeyIdentifier.
    pub subject_key_identifier: Option<Vec<u8>>,
    /// authorityKeyIdentifier, its keyIdentifier.
    pub authority_key_identifier: Option<Vec<u8>>,
    /// Object identifiers (dotted) of critical extensions that are not known here.
    pub unknown_critical: Vec<String>,
}

/// pathLenConstraint of a CA certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathLength {
    /// No constraint.
    Unlimited,
    /// At most so many intermediates below.
    AtMost(u8),
}

/// Bits of keyUsage that this CA sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyUsage {
    /// digitalSignature.
    DigitalSignature,
    /// keyEncipherment: RSA server keys only.
    KeyEncipherment,
    /// keyAgreement.
    KeyAgreement,
    /// keyCertSign.
    KeyCertSign,
    /// cRLSign.
    CrlSign,
}

/// Purposes (RFC 5280 §4.2.1.12).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExtendedKeyUsage {
    /// id-kp-serverAuth, `serverAuth`.
    ServerAuth,
    /// id-kp-clientAuth, `clientAuth`.
    ClientAuth,
    /// id-kp-codeSigning, `codeSigning`.
    CodeSigning,
    /// id-kp-emailProtection, `emailProtection`.
    EmailProtection,
    /// id-kp-timeStamping, `timeStamping`.
    TimeStamping,
    /// id-kp-OCSPSigning, `OCSPSigning`.
    OcspSigning,
    /// Any other, as a dotted object identifier.
    Other(String),
}

/// nameConstraints (RFC 5280 §4.2.1.10), always encoded critical.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameConstraints {
    /// Within which names must lie; an empty list of a type permits all of that type.
    pub permitted: Subtrees,
    /// Within which names must not lie.
    pub excluded: Subtrees,
}

/// Subtrees by type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subtrees {
    /// DNS suffixes, `example.internal` covers itself and everything below.
    pub dns: Vec<String>,
    /// Networks: address and prefix length in bits.
    pub ip: Vec<(IpAddr, u8)>,
    /// Mail hosts or domains.
    pub email: Vec<String>,
    /// URI hosts.
    pub uri: Vec<String>,
}

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
    /// The issuer's subjectKeyIdentifier; `None` in a self-signed root.
    pub authority_key_identifier: Option<Vec<u8>>,
    /// What kind of certificate, which decides basicConstraints and keyUsage.
    pub role: Role,
    /// Purposes; empty leaves the extension out.
    pub extended_key_usage: Vec<ExtendedKeyUsage>,
    /// Names.
    pub sans: Vec<Identifier>,
    /// Where the CRL is, `http` URLs.
    pub crl_urls: Vec<String>,
    /// Where OCSP answers, `http` URLs.
    pub ocsp_urls: Vec<String>,
    /// Where the issuer's certificate is, `http` URLs.
    pub issuer_urls: Vec<String>,
    /// RFC 9608 noRevAvail; never together with CRL or OCSP URLs.
    pub no_revocation_available: bool,
    /// RFC 7633 TLS feature status_request.
    pub must_staple: bool,
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

/// Why a certificate could not be read, built or trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not a certificate in DER.
    #[error("not an X.509 certificate in DER")]
    Malformed,
    /// PEM that does not decode.
    #[error("the certificate's PEM is damaged")]
    Pem(#[from] PemError),
    /// A key that is refused.
    #[error("the certificate's key is refused")]
    Key(#[from] PublicKeyError),
    /// A signature algorithm that this CA does not know.
    #[error("the certificate's signature algorithm is not supported")]
    SignatureAlgorithm,
    /// A template that contradicts itself; the text says where.
    #[error("the certificate cannot be built: {0}")]
    Template(&'static str),
    /// Subject text that is not a distinguished name.
    #[error("{0:?} is not a subject: write it as \"CN=Example Issuing CA,O=Example\"")]
    Subject(String),
    /// A CRL that cannot be used; the text says why.
    #[error("the CRL cannot be used: {0}")]
    Crl(&'static str),
    /// A chain that does not hold; the text says why.
    #[error("the chain does not hold: {0}")]
    Chain(String),
}

impl Certificate {
    /// Parses DER; nothing may follow.
    pub fn parse(unverified_der: &[u8]) -> Result<Self, CertificateError> {
        let _ = unverified_der;
        todo!()
    }

    /// Parses every `CERTIFICATE` block of PEM text; at least one.
    pub fn parse_pem_chain(unverified_pem: &str) -> Result<Vec<Self>, CertificateError> {
        let _ = unverified_pem;
        todo!()
    }

    /// Joins to-be-signed bytes and their signature, then parses the whole.
    pub fn assemble(
        tbs_der: &[u8],
        algorithm: SignatureAlgorithm,
        signature: &[u8],
    ) -> Result<Self, CertificateError> {
        let _ = (tbs_der, algorithm, signature);
        todo!()
    }

    /// Returns the original bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns one PEM block.
    pub fn pem(&self) -> String {
        crate::pem::encode("CERTIFICATE", &self.der)
    }

    /// Returns the bytes that the signature covers.
    pub fn tbs_der(&self) -> &[u8] {
        &self.tbs_der
    }

    /// Returns the serial number.
    pub fn serial(&self) -> &Serial {
        &self.serial
    }

    /// Returns the issuer's encoded Name.
    pub fn issuer_der(&self) -> &[u8] {
        &self.issuer_der
    }

    /// Returns the subject's encoded Name.
    pub fn subject_der(&self) -> &[u8] {
        &self.subject_der
    }

    /// Returns the subject for people: `CN=…,O=…` (RFC 4514).
    pub fn subject_text(&self) -> String {
        todo!()
    }

    /// Returns notBefore and notAfter.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Returns the subject's key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Returns the extensions that are acted upon.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Returns SHA-256 of the whole certificate.
    pub fn fingerprint_sha256(&self) -> [u8; 32] {
        todo!()
    }

    /// Returns the ARI identifier: base64url(AKI) `.` base64url(serial octets) (RFC 9773 §4.1).
    pub fn renewal_id(&self) -> Option<String> {
        todo!()
    }

    /// Verifies this certificate's signature with `issuer`'s key and that the names match.
    pub fn verify_issued_by(&self, issuer: &Self) -> Result<(), CertificateError> {
        let _ = issuer;
        todo!()
    }
}

/// Verifies that `chain` (a CA first, then what signed it) leads to `root` at `at`: signatures,
/// names, validity, CA flag, keyCertSign, path lengths, unknown critical extensions.
pub fn verify_authority_chain(
    chain: &[Certificate],
    root: &Certificate,
    at: Timestamp,
) -> Result<(), CertificateError> {
    let _ = (chain, root, at);
    todo!()
}

impl NameConstraints {
    /// Returns whether a certificate with `identifier` may be issued below these constraints.
    pub fn allow(&self, identifier: &Identifier) -> bool {
        let _ = identifier;
        todo!()
    }
}

impl Template {
    /// Returns the TBSCertificate in DER: the bytes to sign, final.
    pub fn to_be_signed(&self) -> Result<Vec<u8>, CertificateError> {
        todo!()
    }
}

impl ExtendedKeyUsage {
    /// Parses the name that configurations use (`serverAuth`) or a dotted object identifier.
    pub fn parse(text: &str) -> Option<Self> {
        let _ = text;
        todo!()
    }
}

/// Encodes subject text such as `CN=Example Issuing CA,O=Example,C=DE` as a Name, in the order of
/// writing; `\,` escapes a comma. Attributes: CN, O, OU, C, ST, L, serialNumber.
pub fn name_from_text(text: &str) -> Result<Vec<u8>, CertificateError> {
    let _ = text;
    todo!()
}

/// Encodes a Name whose only attribute is the given common name.
pub fn name_with_common_name(name: &DnsName) -> Vec<u8> {
    let _ = name;
    todo!()
}
