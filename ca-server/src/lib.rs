//! The online tier: ACME, revocation data, operation.
