//! The only room that calls out: proofs of control, CAA, key sets of token issuers, the audit
//! log's receiver.
//!
//! http-01 and dns-01 (RFC 8555 §8), tls-alpn-01 (RFC 8737), CAA (RFC 8659, RFC 8657). Every address
//! that a requester can choose is judged by the egress rules before it is dialled, and it is the
//! judged address that is dialled; the audit log's receiver is the operator's own. This room never
//! decides what a failed proof means for an order, never follows proxy settings, and never shows a
//! requester what the other side said.

mod caa;
mod dial;
mod digest;
mod dns;
mod egress;
mod error;
mod http;
mod key_set;
mod resolver;
mod settings;
mod syslog;
mod tls;
mod tls_alpn;
mod turnstile;
mod validator;

pub use key_set::{JwksFetcher, JwksFetcherFault};
pub use settings::Settings;
pub use syslog::{Confirmation, SyslogReceiver, SyslogSettings, SyslogSettingsError};
pub use validator::NetworkValidator;
