//! The contract of `SigningKey` over every implementation, and how tokens fail and recover.

// Marked as tests, or clippy would hold their helpers to the rules of product code.
#[cfg(test)]
mod contract;
#[cfg(test)]
mod files;
#[cfg(test)]
mod softhsm;
#[cfg(test)]
mod token_faults;
#[cfg(test)]
mod token_refusals;
