//! The one road to a signature.
