//! Principals, and how they showed who they are.

use std::fmt;
use std::net::IpAddr;

use ca_issuance::Actor;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What an operator may do beside what grants allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything: clients, grants and tokens too.
    Admin,
    /// Sees certificates, accounts and orders, revokes any, mints EAB credentials.
    Operator,
    /// Reads everything, the audit log too, and changes nothing.
    Auditor,
}

/// Who asks. Kept as JSON in rows and never changed there: it says who somebody was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Principal {
    /// The subject of a token of a configured OpenID Connect issuer.
    Oidc {
        /// The provider's configured name.
        provider: String,
        /// The claim `sub`.
        subject: String,
        /// Every claim of the token but the registered times and `jti`.
        claims: Map<String, Value>,
    },
    /// A client with a secret of its own.
    Client {
        /// Its id.
        id: String,
        /// Its role, if it has one.
        role: Option<Role>,
    },
    /// The holder of a certificate that we issued.
    Certificate {
        /// The issuer's configured name.
        issuer: String,
        /// The serial in hex.
        serial: String,
        /// Under which profile it was issued.
        profile: String,
        /// Its names, as `type:value`.
        identifiers: Vec<String>,
    },
    /// A person with an operator token, or at the command line.
    Operator {
        /// The name.
        name: String,
        /// The role.
        role: Role,
        /// The id of the token that was shown, which may be revoked while others of the same name
        /// stay. `None` where none was shown, and in rows of before it was kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
    },
}

/// What a request showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A CI system's token as the bearer.
    CiToken,
    /// An access token of ours.
    AccessToken {
        /// The session that it belongs to.
        session: String,
    },
    /// An operator token.
    OperatorToken {
        /// Its id.
        id: String,
    },
    /// A client certificate.
    Certificate,
}

/// A principal whose credential was good when the request came in.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Who.
    pub principal: Principal,
    /// By what.
    pub credential: Credential,
    /// What the configuration or the credential makes of it.
    pub role: Option<Role>,
    /// Where from.
    pub address: IpAddr,
    /// SHA-256 of the client certificate on the connection, whoever the principal is.
    pub certificate_thumbprint: Option<[u8; 32]>,
}

impl Role {
    /// Returns the name in configurations, rows and tokens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
        }
    }

    /// Parses the name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "admin" => Some(Self::Admin),
            "operator" => Some(Self::Operator),
            "auditor" => Some(Self::Auditor),
            _ => None,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Principal {
    /// Returns the text kept in rows and events: `oidc:gitlab:SUB`, `client:deployer`.
    pub fn name(&self) -> String {
        match self {
            Self::Oidc {
                provider, subject, ..
            } => format!("oidc:{provider}:{subject}"),
            Self::Client { id, .. } => format!("client:{id}"),
            Self::Certificate { issuer, serial, .. } => format!("certificate:{issuer}:{serial}"),
            Self::Operator { name, .. } => format!("operator:{name}"),
        }
    }
}

impl Principal {
    /// Returns what is a principal's own: its name, and the ids in it that its provider never gives
    /// to another. A path that changes hands keeps its name, and nothing else.
    pub fn key(&self) -> String {
        let mut key = self.name();
        if let Self::Oidc { claims, .. } = self {
            for (claim, path) in LASTING_IDS {
                let found = path.iter().try_fold(None, |found: Option<&Value>, member| {
                    let next =
                        found.map_or_else(|| claims.get(*member), |object| object.get(member));
                    next.map(Some)
                });
                if let Some(Some(id)) = found {
                    key.push_str(&format!(" {claim}={id}"));
                }
            }
        }
        key
    }
}

impl Identity {
    /// Returns the identity as an actor, for events and rows.
    pub fn actor(&self) -> Actor {
        Actor::Identity {
            name: self.principal.name(),
            via: None,
        }
    }
}

/// Ids of GitLab's projects, GitHub's repositories and clusters' service accounts.
const LASTING_IDS: [(&str, &[&str]); 3] = [
    ("project_id", &["project_id"]),
    ("repository_id", &["repository_id"]),
    ("uid", &["kubernetes.io", "serviceaccount", "uid"]),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(claims: Value) -> Principal {
        Principal::Oidc {
            provider: "ci".to_owned(),
            subject: "job".to_owned(),
            claims: claims.as_object().cloned().unwrap_or_default(),
        }
    }

    #[test]
    fn a_path_that_changes_hands_is_somebody_else() {
        let account = |uid| json!({ "kubernetes.io": { "serviceaccount": { "uid": uid } } });
        let cases = [
            (json!({ "project_id": "42" }), json!({ "project_id": "43" })),
            (json!({ "repository_id": "1" }), json!({})),
            (account("a"), account("b")),
        ];

        for (one, other) in cases {
            assert_ne!(job(one.clone()).key(), job(other).key(), "{one}");
            assert_eq!(job(one.clone()).key(), job(one).key());
        }
    }

    #[test]
    fn an_operator_is_the_same_by_whatever_token() {
        let by = |token: Option<&str>| Principal::Operator {
            name: "anna".to_owned(),
            role: Role::Admin,
            token: token.map(str::to_owned),
        };

        for token in [None, Some("one"), Some("another")] {
            assert_eq!(by(token).name(), "operator:anna");
            assert_eq!(by(token).key(), by(None).key());
        }
    }

    #[test]
    fn other_claims_change_nothing() {
        let first = job(json!({ "project_id": "42", "pipeline_id": "1" }));
        let second = job(json!({ "project_id": "42", "pipeline_id": "2" }));

        assert_eq!(first.key(), second.key());
        assert_eq!(job(json!({})).key(), job(json!({})).name());
    }
}
