//! What is wrong with a request, and the grants that make it so.

use super::door::{Door, Holding};

/// A row of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// Nothing.
    Granted,
    /// There is no grant for whoever asks.
    NoGrant,
    /// The grant has ended.
    ExpiredGrant,
    /// The grant's uses are spent.
    UsedUpGrant,
    /// The grant covers other names.
    WrongNames,
    /// The grant is for another profile.
    WrongProfile,
    /// The grant is for another network.
    WrongNetwork,
    /// The grant is good, the credential is not any more.
    RevokedCredential,
    /// The grant and the credential are good, the audit log takes no event.
    AuditDown,
}

impl Row {
    pub(super) const ALL: [Self; 9] = [
        Self::Granted,
        Self::NoGrant,
        Self::ExpiredGrant,
        Self::UsedUpGrant,
        Self::WrongNames,
        Self::WrongProfile,
        Self::WrongNetwork,
        Self::RevokedCredential,
        Self::AuditDown,
    ];

    /// Returns its name in grants, names and claims.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::NoGrant => "no-grant",
            Self::ExpiredGrant => "expired-grant",
            Self::UsedUpGrant => "used-up-grant",
            Self::WrongNames => "wrong-names",
            Self::WrongProfile => "wrong-profile",
            Self::WrongNetwork => "wrong-network",
            Self::RevokedCredential => "revoked-credential",
            Self::AuditDown => "audit-down",
        }
    }

    /// Returns the one rule of the grant that a refusal must name; `None` where the refusal is not
    /// the grant's.
    pub(super) fn broken_rule(self) -> Option<&'static str> {
        match self {
            Self::Granted | Self::RevokedCredential | Self::AuditDown => None,
            Self::NoGrant => Some("who"),
            Self::ExpiredGrant => Some("expiry"),
            Self::UsedUpGrant => Some("uses"),
            Self::WrongNames => Some("identifier"),
            Self::WrongProfile => Some("profile"),
            Self::WrongNetwork => Some("network"),
        }
    }

    /// Returns the name of the row's grant for those who hold such a credential.
    pub(super) fn grant(self, holding: Holding) -> String {
        format!("{}-{}", self.label(), holding.label())
    }

    /// Writes the row's grant: good in all but the one thing that the row is about.
    fn section(self, holding: Holding) -> String {
        let label = self.label();
        let (mut names, mut profile, mut network) = (label, "mtls", "127.0.0.0/8");
        let (mut end, mut uses) = ("2099-12-31T00:00:00Z", 100);
        match self {
            Self::Granted | Self::NoGrant | Self::RevokedCredential | Self::AuditDown => {}
            Self::ExpiredGrant => end = "2020-01-01T00:00:00Z",
            Self::UsedUpGrant => uses = 1,
            Self::WrongNames => names = "elsewhere",
            Self::WrongProfile => profile = "tls-server",
            Self::WrongNetwork => network = "192.0.2.0/24",
        }
        format!(
            r#"
            [[grant]]
            name = "{}"
            who = {}
            profiles = ["{profile}"]
            identifiers = ["dns:*.{names}.matrix.internal"]
            networks = ["{network}"]
            expires = "{end}"
            uses = {uses}
            "#,
            self.grant(holding),
            holding.who(label),
        )
    }
}

/// Writes the matrix's part of the configuration: a grant for each row and kind of credential, and
/// one that lets the jobs at the ACME door get their credential, and nothing that they ask for.
pub(crate) fn grants() -> String {
    let mut text = FOOTHOLD.to_owned();
    for row in Row::ALL.into_iter().filter(|row| *row != Row::NoGrant) {
        for holding in Holding::ALL {
            text.push_str(&row.section(holding));
        }
    }
    text
}

/// Whether a cell's job holds the claim that FOOTHOLD asks for.
pub(super) fn has_foothold(door: Door) -> bool {
    door == Door::Acme
}

const FOOTHOLD: &str = r#"
    [[grant]]
    name = "foothold"
    who = { oidc = "ci", claims = { foothold = "true" } }
    profiles = ["mtls"]
    identifiers = ["dns:foothold.matrix.internal"]
"#;
