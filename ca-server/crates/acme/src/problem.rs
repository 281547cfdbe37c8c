//! ACME's error types (RFC 8555 §6.7, RFC 9773 §7, draft-aaron-acme-profiles).

use std::time::Duration;

use ca_pki::Identifier;

/// One kind of ACME error; the text after `urn:ietf:params:acme:error:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// accountDoesNotExist
    AccountDoesNotExist,
    /// alreadyReplaced (RFC 9773)
    AlreadyReplaced,
    /// alreadyRevoked
    AlreadyRevoked,
    /// badCSR
    BadCsr,
    /// badNonce
    BadNonce,
    /// badPublicKey
    BadPublicKey,
    /// badRevocationReason
    BadRevocationReason,
    /// badSignatureAlgorithm
    BadSignatureAlgorithm,
    /// caa
    Caa,
    /// compound
    Compound,
    /// connection
    Connection,
    /// dns
    Dns,
    /// externalAccountRequired
    ExternalAccountRequired,
    /// incorrectResponse
    IncorrectResponse,
    /// invalidContact
    InvalidContact,
    /// invalidProfile (draft-aaron-acme-profiles)
    InvalidProfile,
    /// malformed
    Malformed,
    /// orderNotReady
    OrderNotReady,
    /// rateLimited
    RateLimited,
    /// rejectedIdentifier
    RejectedIdentifier,
    /// serverInternal
    ServerInternal,
    /// tls
    Tls,
    /// unauthorized
    Unauthorized,
    /// unsupportedContact
    UnsupportedContact,
    /// unsupportedIdentifier
    UnsupportedIdentifier,
    /// userActionRequired
    UserActionRequired,
}

/// An error as its receiver sees it. Everything in it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", .kind.name())]
pub struct Problem {
    /// The kind.
    pub kind: ProblemKind,
    /// The HTTP status.
    pub status: u16,
    /// A sentence for people: what is wrong and what to do.
    pub detail: String,
    /// The identifier that it is about, in a subproblem.
    pub identifier: Option<Identifier>,
    /// One for each thing wrong.
    pub subproblems: Vec<Problem>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// `Location` for answers that point at an existing resource (keyChange 409).
    pub location: Option<String>,
    /// The terms to agree to, for userActionRequired (RFC 8555 §7.3.3).
    pub terms_of_service: Option<String>,
    /// Signature algorithms, for badSignatureAlgorithm (RFC 8555 §6.2).
    pub algorithms: &'static [&'static str],
}

impl Problem {
    /// Makes a problem with the kind's usual status.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            status: kind.status(),
            detail: detail.into(),
            identifier: None,
            subproblems: Vec::new(),
            retry_after: None,
            location: None,
            terms_of_service: None,
            algorithms: &[],
        }
    }

    /// Makes a `malformed` problem, the most frequent kind.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Malformed, detail)
    }

    /// Replaces the HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Says which identifier it is about.
    #[must_use]
    pub fn about(mut self, identifier: Identifier) -> Self {
        self.identifier = Some(identifier);
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, span: Duration) -> Self {
        self.retry_after = Some(span);
        self
    }
}

impl ProblemKind {
    /// Returns the name after `urn:ietf:params:acme:error:`.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccountDoesNotExist => "accountDoesNotExist",
            Self::AlreadyReplaced => "alreadyReplaced",
            Self::AlreadyRevoked => "alreadyRevoked",
            Self::BadCsr => "badCSR",
            Self::BadNonce => "badNonce",
            Self::BadPublicKey => "badPublicKey",
            Self::BadRevocationReason => "badRevocationReason",
            Self::BadSignatureAlgorithm => "badSignatureAlgorithm",
            Self::Caa => "caa",
            Self::Compound => "compound",
            Self::Connection => "connection",
            Self::Dns => "dns",
            Self::ExternalAccountRequired => "externalAccountRequired",
            Self::IncorrectResponse => "incorrectResponse",
            Self::InvalidContact => "invalidContact",
            Self::InvalidProfile => "invalidProfile",
            Self::Malformed => "malformed",
            Self::OrderNotReady => "orderNotReady",
            Self::RateLimited => "rateLimited",
            Self::RejectedIdentifier => "rejectedIdentifier",
            Self::ServerInternal => "serverInternal",
            Self::Tls => "tls",
            Self::Unauthorized => "unauthorized",
            Self::UnsupportedContact => "unsupportedContact",
            Self::UnsupportedIdentifier => "unsupportedIdentifier",
            Self::UserActionRequired => "userActionRequired",
        }
    }

    /// Parses a name as [`ProblemKind::name`] writes it.
    pub fn parse(name: &str) -> Option<Self> {
        ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Returns the usual HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::Unauthorized
            | Self::OrderNotReady
            | Self::Caa
            | Self::UserActionRequired
            | Self::ExternalAccountRequired => 403,
            Self::AlreadyReplaced => 409,
            Self::RateLimited => 429,
            Self::ServerInternal => 500,
            Self::AccountDoesNotExist
            | Self::AlreadyRevoked
            | Self::BadCsr
            | Self::BadNonce
            | Self::BadPublicKey
            | Self::BadRevocationReason
            | Self::BadSignatureAlgorithm
            | Self::Compound
            | Self::Connection
            | Self::Dns
            | Self::IncorrectResponse
            | Self::InvalidContact
            | Self::InvalidProfile
            | Self::Malformed
            | Self::RejectedIdentifier
            | Self::Tls
            | Self::UnsupportedContact
            | Self::UnsupportedIdentifier => 400,
        }
    }
}

const ALL: &[ProblemKind] = &[
    ProblemKind::AccountDoesNotExist,
    ProblemKind::AlreadyReplaced,
    ProblemKind::AlreadyRevoked,
    ProblemKind::BadCsr,
    ProblemKind::BadNonce,
    ProblemKind::BadPublicKey,
    ProblemKind::BadRevocationReason,
    ProblemKind::BadSignatureAlgorithm,
    ProblemKind::Caa,
    ProblemKind::Compound,
    ProblemKind::Connection,
    ProblemKind::Dns,
    ProblemKind::ExternalAccountRequired,
    ProblemKind::IncorrectResponse,
    ProblemKind::InvalidContact,
    ProblemKind::InvalidProfile,
    ProblemKind::Malformed,
    ProblemKind::OrderNotReady,
    ProblemKind::RateLimited,
    ProblemKind::RejectedIdentifier,
    ProblemKind::ServerInternal,
    ProblemKind::Tls,
    ProblemKind::Unauthorized,
    ProblemKind::UnsupportedContact,
    ProblemKind::UnsupportedIdentifier,
    ProblemKind::UserActionRequired,
];
