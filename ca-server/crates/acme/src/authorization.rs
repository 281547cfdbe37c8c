//! Authorizations and challenges (RFC 8555 §7.1.4, §8).

mod create;
pub(crate) mod subject;
mod update;

use ca_pki::{Identifier, Timestamp};

use crate::Problem;

pub use create::PreAuthorization;

/// Where an authorization stands (RFC 8555 §7.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorizationStatus {
    /// `pending`
    Pending,
    /// `valid`
    Valid,
    /// `invalid`
    Invalid,
    /// `deactivated`
    Deactivated,
    /// `expired`
    Expired,
    /// `revoked`
    Revoked,
}

/// How control is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChallengeKind {
    /// `http-01` (RFC 8555 §8.3)
    Http01,
    /// `dns-01` (RFC 8555 §8.4)
    Dns01,
    /// `tls-alpn-01` (RFC 8737)
    TlsAlpn01,
}

/// Where a challenge stands (RFC 8555 §7.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeStatus {
    /// `pending`
    Pending,
    /// `processing`
    Processing,
    /// `valid`
    Valid,
    /// `invalid`
    Invalid,
}

/// One way to prove control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// How.
    pub kind: ChallengeKind,
    /// Where it stands.
    pub status: ChallengeStatus,
    /// base64url of 32 random octets; the same for every challenge of an authorization.
    pub token: String,
    /// When it became valid.
    pub validated_at: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<Problem>,
}

/// An account's right to certificates for one identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// The last segment of its URL, unguessable.
    pub id: String,
    /// The account's id.
    pub account: String,
    /// The directory's name.
    pub directory: String,
    /// What it is about; for a wildcard the base name, without `*.`.
    pub identifier: Identifier,
    /// Whether it covers `*.identifier` instead of `identifier`.
    pub wildcard: bool,
    /// Where it stands. `Expired` where `expires_at` has passed, whatever the row says.
    pub status: AuthorizationStatus,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The ways offered; for a valid one only the one that succeeded; empty where born valid.
    pub challenges: Vec<Challenge>,
    /// When CAA was last found to permit issuance.
    pub caa_checked_at: Option<Timestamp>,
    /// The grant by which it was born valid. It serves the one order that it came with, and shows
    /// no control: whoever holds it may not revoke what others got.
    pub granted_by: Option<String>,
}

impl ChallengeKind {
    /// Returns the name in RFC 8555 and in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::Dns01 => "dns-01",
            Self::TlsAlpn01 => "tls-alpn-01",
        }
    }

    /// Parses the name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "http-01" => Some(Self::Http01),
            "dns-01" => Some(Self::Dns01),
            "tls-alpn-01" => Some(Self::TlsAlpn01),
            _ => None,
        }
    }
}
