//! Rows as the migrations lay them out. Nothing outside this crate sees one.

pub(crate) mod account;
pub(crate) mod api_grant;
pub(crate) mod audit_checkpoint;
pub(crate) mod audit_event;
pub(crate) mod audit_export;
pub(crate) mod authorization;
pub(crate) mod certificate;
pub(crate) mod client;
pub(crate) mod crl;
pub(crate) mod external_account;
pub(crate) mod grant_use;
pub(crate) mod idempotency_key;
pub(crate) mod identity_state;
pub(crate) mod issuer_counter;
pub(crate) mod lease;
pub(crate) mod nonce;
pub(crate) mod operator_token;
pub(crate) mod order;
pub(crate) mod order_authorization;
pub(crate) mod refresh_token;
pub(crate) mod secret;
pub(crate) mod session;
pub(crate) mod used_token;
