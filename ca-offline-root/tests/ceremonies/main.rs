//! Ceremonies as operators hold them: the real binary, the samples from `deploy/ceremonies`, and
//! OpenSSL as the judge of what comes out.

// Marked as tests, or clippy would hold their helpers to the rules of product code.
#[cfg(test)]
mod bench;
#[cfg(test)]
mod crl;
#[cfg(test)]
mod cross_sign;
#[cfg(test)]
mod intermediate;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod outputs;
#[cfg(test)]
mod rehearsal;
#[cfg(test)]
mod rollover;
#[cfg(test)]
mod root;
#[cfg(test)]
mod shares;
#[cfg(test)]
mod token;
#[cfg(test)]
mod transcript;
