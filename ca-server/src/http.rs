//! The HTTP floor: three listeners, one noun a file, no decisions.

pub(crate) mod acme;
pub(crate) mod api;
mod body;
pub(crate) mod layers;
pub(crate) mod limits;
pub(crate) mod listener;
pub(crate) mod ops;
pub(crate) mod pki;
pub(crate) mod presence;
pub(crate) mod problem;
#[cfg(test)]
mod testing;
