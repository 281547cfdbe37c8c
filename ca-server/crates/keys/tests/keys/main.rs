//! The contract of `SigningKey` over every implementation, and how tokens fail and recover.

mod contract;
mod files;
mod softhsm;
mod token_faults;
mod token_refusals;
