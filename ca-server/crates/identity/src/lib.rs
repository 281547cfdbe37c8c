//! Who asks, and what may they have.
//!
//! This room turns credentials into an [`Identity`]: tokens of CI systems, access tokens of our
//! own, operator tokens, client certificates that we issued. It keeps the grants that say what an
//! identity may have, and is the door through which identities get certificates: it attests, and
//! the corridor of `ca-issuance` decides and signs. It never speaks HTTP, SQL or TCP: it remembers
//! through [`IdentityStore`] and reads key sets through [`oidc::KeySource`].

pub mod access;
pub mod buckets;
pub mod certificate;
pub mod client;
pub mod error;
pub mod grant;
pub mod identity;
pub mod json;
pub mod oidc;
pub mod operator;
mod secret;
pub mod session;
pub mod source;
pub mod standing;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod throttle;

pub use access::audit::RefusedAccess;
pub use access::{Access, AccessParts, Presented, Rules};
pub use error::{Error, LoginFailure};
pub use identity::{Credential, Identity, Principal, Role};
pub use store::IdentityStore;
