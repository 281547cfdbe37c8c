//! `[audit]`

use serde::{Deserialize, Serialize};

/// How the audit log is sealed.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSection {
    /// The key that signs checkpoints: `file:audit.key` or `pkcs11:…`, the same on every server.
    /// Left out, a secret in the database seals: whoever may write there could forge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}
