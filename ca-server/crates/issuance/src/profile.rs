//! Profiles: what a certificate of a kind holds, as configured under `[[profile]]`.

use std::collections::BTreeSet;
use std::time::Duration;

use ca_pki::certificate::ExtendedKeyUsage;
use ca_pki::{Identifier, KeyAlgorithm};

/// What certificates of one kind hold.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The name that orders and requests use.
    pub name: String,
    /// For people, shown in the ACME directory.
    pub description: String,
    /// The configured issuer that signs them.
    pub issuer: String,
    /// notAfter - notBefore where nothing else is asked for.
    pub lifetime: Duration,
    /// The most that may be asked for.
    pub max_lifetime: Duration,
    /// How far notBefore lies in the past, for clocks that are behind.
    pub backdate: Duration,
    /// Which kinds of key.
    pub keys: BTreeSet<KeyAlgorithm>,
    /// Purposes.
    pub extended_key_usage: Vec<ExtendedKeyUsage>,
    /// Which types of identifier.
    pub identifiers: BTreeSet<IdentifierKind>,
    /// What the subject field holds.
    pub subject: SubjectRule,
    /// Whether it says what a CI system says of the job that holds the key.
    pub ci_claims: CiClaims,
    /// How revocation is published.
    pub revocation: RevocationRule,
    /// What the holder is.
    pub holder: Holder,
}

/// A type of identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentifierKind {
    /// `dns`
    Dns,
    /// `ip`
    Ip,
    /// `uri`
    Uri,
    /// `email`
    Email,
}

/// What the subject field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectRule {
    /// Nothing; the SAN extension is critical then.
    Empty,
    /// The first DNS name that fits into a common name (64 characters), else nothing.
    FirstDnsName,
    /// Organizations and common name as the grant says; with them there may be no names at all.
    Grant,
    /// An encoded Name: the server's own certificates.
    Fixed(Vec<u8>),
}

/// Whether a certificate holds the claims of a CI job (Fulcio's extensions).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CiClaims {
    /// They are left out.
    #[default]
    LeftOut,
    /// Those that are known are in the certificate.
    Included,
}

/// How relying parties learn of a revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevocationRule {
    /// By the pointers in the certificate.
    Published {
        /// CRL distribution point.
        crl: Pointer,
        /// OCSP in authorityInfoAccess.
        ocsp: Pointer,
    },
    /// Never: it ends before anyone would look (RFC 9608).
    NoneNeeded,
}

/// Whether a certificate points at something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointer {
    /// The URL is in the certificate.
    Included,
    /// It is not.
    LeftOut,
}

/// What the holder of a certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A server or client.
    EndEntity,
    /// A delegated OCSP responder: no revocation pointers, id-pkix-ocsp-nocheck.
    OcspResponder,
}

impl IdentifierKind {
    /// Returns the type of an identifier.
    pub fn of(identifier: &Identifier) -> Self {
        match identifier {
            Identifier::Dns(_) => Self::Dns,
            Identifier::Ip(_) => Self::Ip,
            Identifier::Uri(_) => Self::Uri,
            Identifier::Email(_) => Self::Email,
        }
    }

    /// Parses the name that configurations use.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "dns" => Some(Self::Dns),
            "ip" => Some(Self::Ip),
            "uri" => Some(Self::Uri),
            "email" => Some(Self::Email),
            _ => None,
        }
    }
}
