//! What is known of a CRL.

use ca_pki::Timestamp;
use ca_pki::crl::CrlEntries;

/// A CRL as published: what it is made of, and its signature.
#[derive(Clone, Debug)]
pub struct PublishedCrl {
    /// cRLNumber.
    pub number: u64,
    /// thisUpdate.
    pub this_update: Timestamp,
    /// nextUpdate.
    pub next_update: Timestamp,
    /// [`Ledger::revocation_epoch`](super::Ledger::revocation_epoch) as it was before the entries were read: they hold every
    /// revocation up to it, perhaps more.
    pub revocation_epoch: u64,
    /// The lowest number of a revocation in it; above the epoch if there is none.
    pub first_revocation: u64,
    /// Certificates that ended before are not in it.
    pub ended_before: Timestamp,
    /// The signature over all this: whoever puts the list together again sees by it that the
    /// list is the same.
    pub signature: Vec<u8>,
}

/// Which revocations, by the numbers that they have: what [`Ledger::revocation_epoch`](super::Ledger::revocation_epoch) became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationSpan {
    /// Those above this number,
    pub after: u64,
    /// up to and with this one,
    pub through: u64,
    /// of certificates that ended then or later.
    pub ended_before: Timestamp,
}

/// The revocations of a span.
#[derive(Clone, Debug)]
pub struct Revocations {
    /// What was there before, then one entry for each, in order of their numbers.
    pub entries: CrlEntries,
    /// How many numbers of the span were found, of ended certificates too.
    pub numbered: u64,
    /// The lowest number that got an entry.
    pub first: Option<u64>,
}
