//! The chain that makes events tamper-evident: each link hashes the one before it.
//!
//! Sealing gives committed events positions 1, 2, 3, … and signs a checkpoint over the last link.
//! Whoever changes, inserts or removes a sealed event breaks a link; whoever recomputes the links
//! or cuts the tail contradicts a checkpoint, and cannot sign another.

mod checkpoint;
mod walk;

use ca_pki::Timestamp;

pub use self::checkpoint::{Checkpoint, NotACheckpoint};
pub use self::walk::Walk;

/// A link: SHA-256 over the link before it and its event.
pub type Link = [u8; 32];

/// The link before the first event.
pub const GENESIS: Link = [0; 32];

/// Signs checkpoints, and verifies them later. Signing may block: a token does.
pub trait Seal: Send + Sync {
    /// Names the key that signs now. Kept with each checkpoint, so that its key is found again
    /// after another has taken over: a hint, never a proof.
    fn key(&self) -> String;
    /// Signs octets.
    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SealError>;
    /// Judges a signature over `octets` that is said to be of `key`; empty where nobody noted it.
    fn judge(&self, key: &str, octets: &[u8], signature: &[u8]) -> Judgement;
}

/// What a signature is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Of the key that signs now, or of a former one that is still trusted.
    Vouches,
    /// Of a secret that was in use before there was a key, and which whoever writes to the
    /// database may know: it counts only below a checkpoint that vouches.
    Superseded,
    /// Of nobody who is known.
    Forged,
}

/// The seal's key cannot sign now: events stay unsealed until it can.
#[derive(Debug, thiserror::Error)]
#[error("the audit seal cannot sign: {0}")]
pub struct SealError(pub String);

/// An event in the chain, every part as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedEvent {
    /// Its place in the chain, from 1.
    pub position: u64,
    /// Its number in the order of writing.
    pub sequence: u64,
    /// When it happened.
    pub at: Timestamp,
    /// [`super::EventKind::name`].
    pub kind: String,
    /// The actor's text form.
    pub actor: String,
    /// What it happened to.
    pub subject: String,
    /// The details as JSON text.
    pub details: String,
}

/// What is wrong with a chain; the first thing, in order of position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Tampering {
    /// The event differs from what was sealed, or was put there.
    #[error("event {sequence} at position {position} was changed or inserted")]
    Changed {
        /// Where.
        position: u64,
        /// Which.
        sequence: u64,
    },
    /// There is no event at the position.
    #[error("the event at position {position} was removed")]
    Removed {
        /// Where.
        position: u64,
    },
    /// The chain ends before a checkpoint says it did: its tail was cut.
    #[error("the chain was cut: the events at positions {first} to {last} were removed")]
    Cut {
        /// The first position that is missing.
        first: u64,
        /// The last one that a checkpoint covers.
        last: u64,
    },
    /// The links hold but are not the ones that were signed: events were changed and every link
    /// after them recomputed.
    #[error("the chain was rewritten somewhere between positions {first} and {last}")]
    Rewritten {
        /// The first position that no earlier checkpoint vouches for.
        first: u64,
        /// The checkpoint's position.
        last: u64,
    },
    /// A checkpoint that no known key signed.
    #[error(
        "the checkpoint at position {position} is forged, or its key {key:?} is neither [audit] \
         key nor among its former_keys"
    )]
    Forged {
        /// Where.
        position: u64,
        /// Which key it names.
        key: String,
    },
    /// An event outside the chain that is older than the newest checkpoint: sealing would have taken
    /// it along, had it been there.
    #[error(
        "event {sequence} was inserted: it is older than the newest checkpoint and not in the chain"
    )]
    Late {
        /// Which.
        sequence: u64,
    },
    /// Events in the chain that no checkpoint covers: sealing always ends with one.
    #[error("events from position {first} on were inserted or their checkpoint was removed")]
    Uncovered {
        /// The first such position.
        first: u64,
    },
}

/// Returns the link of an event after `previous`.
pub fn link(previous: &Link, event: &SealedEvent) -> Link {
    let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    digest.update(EVENT_DOMAIN);
    digest.update(previous);
    digest.update(&event.position.to_be_bytes());
    digest.update(&event.sequence.to_be_bytes());
    digest.update(&event.at.unix_secs().to_be_bytes());
    // Lengths in front: no two events have the same octets.
    for text in [&event.kind, &event.actor, &event.subject, &event.details] {
        digest.update(&(text.len() as u64).to_be_bytes());
        digest.update(text.as_bytes());
    }
    let mut link = GENESIS;
    link.copy_from_slice(digest.finish().as_ref());
    link
}

const EVENT_DOMAIN: &[u8] = b"ca-audit-event-v1";
