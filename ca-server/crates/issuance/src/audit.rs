//! Events: what happened, by whom, to what. Written in the transaction of the change.

pub mod chain;
pub mod export;
pub mod query;
pub mod syslog;

use ca_pki::Timestamp;
use serde_json::Value;

use crate::Actor;

/// What happened. The text form is a contract with auditors: names never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// `account.created`
    AccountCreated,
    /// `account.updated`
    AccountUpdated,
    /// `account.deactivated`
    AccountDeactivated,
    /// `account.key-changed`
    AccountKeyChanged,
    /// `external-account-key.created`
    ExternalAccountKeyCreated,
    /// `external-account-key.revoked`
    ExternalAccountKeyRevoked,
    /// `external-account-key.refused`: none was minted, or no account bound with one
    ExternalAccountKeyRefused,
    /// `order.created`
    OrderCreated,
    /// `authorization.created` (newAuthz)
    AuthorizationCreated,
    /// `authorization.validated`
    AuthorizationValidated,
    /// `authorization.refused`
    AuthorizationRefused,
    /// `authorization.deactivated`
    AuthorizationDeactivated,
    /// `certificate.intended`: the serial is spent
    CertificateIntended,
    /// `certificate.issued`
    CertificateIssued,
    /// `certificate.burned`: an intent without a result, listed as revoked
    CertificateBurned,
    /// `certificate.refused`
    CertificateRefused,
    /// `certificate.revoked`
    CertificateRevoked,
    /// `certificate.revocation-refused`: whoever asked may not
    CertificateRevocationRefused,
    /// `crl.published`
    CrlPublished,
    /// `order.refused`: nothing was placed
    OrderRefused,
    /// `login.succeeded`
    LoginSucceeded,
    /// `login.failed`
    LoginFailed,
    /// `access.refused`: whoever asked has not the role that the route needs
    AccessRefused,
    /// `session.revoked`
    SessionRevoked,
    /// `client.created`
    ClientCreated,
    /// `client.removed`
    ClientRemoved,
    /// `operator-token.created`
    OperatorTokenCreated,
    /// `operator-token.revoked`
    OperatorTokenRevoked,
    /// `grant.created`
    GrantCreated,
    /// `grant.removed`
    GrantRemoved,
    /// `configuration.loaded`
    ConfigurationLoaded,
    /// `configuration.refused`: what was in force stays
    ConfigurationRefused,
}

/// One event before it is sealed into the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// By whom.
    pub actor: Actor,
    /// To what: a serial, an order id, an account id.
    pub subject: String,
    /// The rest, as a JSON object; never a secret.
    pub details: Value,
}

impl EventKind {
    /// Returns the name kept in rows and exports.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccountCreated => "account.created",
            Self::AccountUpdated => "account.updated",
            Self::AccountDeactivated => "account.deactivated",
            Self::AccountKeyChanged => "account.key-changed",
            Self::ExternalAccountKeyCreated => "external-account-key.created",
            Self::ExternalAccountKeyRevoked => "external-account-key.revoked",
            Self::ExternalAccountKeyRefused => "external-account-key.refused",
            Self::OrderCreated => "order.created",
            Self::AuthorizationCreated => "authorization.created",
            Self::AuthorizationValidated => "authorization.validated",
            Self::AuthorizationRefused => "authorization.refused",
            Self::AuthorizationDeactivated => "authorization.deactivated",
            Self::CertificateIntended => "certificate.intended",
            Self::CertificateIssued => "certificate.issued",
            Self::CertificateBurned => "certificate.burned",
            Self::CertificateRefused => "certificate.refused",
            Self::CertificateRevoked => "certificate.revoked",
            Self::CertificateRevocationRefused => "certificate.revocation-refused",
            Self::CrlPublished => "crl.published",
            Self::OrderRefused => "order.refused",
            Self::LoginSucceeded => "login.succeeded",
            Self::LoginFailed => "login.failed",
            Self::AccessRefused => "access.refused",
            Self::SessionRevoked => "session.revoked",
            Self::ClientCreated => "client.created",
            Self::ClientRemoved => "client.removed",
            Self::OperatorTokenCreated => "operator-token.created",
            Self::OperatorTokenRevoked => "operator-token.revoked",
            Self::GrantCreated => "grant.created",
            Self::GrantRemoved => "grant.removed",
            Self::ConfigurationLoaded => "configuration.loaded",
            Self::ConfigurationRefused => "configuration.refused",
        }
    }
}
