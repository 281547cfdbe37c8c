//! The chain that makes events tamper-evident: each link hashes the one before it.
//!
//! Sealing gives committed events positions 1, 2, 3, … and signs a checkpoint over the last link.
//! Whoever changes, inserts or removes a sealed event breaks a link; whoever recomputes the links
//! or cuts the tail contradicts a checkpoint, and cannot sign another.

use ca_pki::Timestamp;

/// A link: SHA-256 over the link before it and its event.
pub type Link = [u8; 32];

/// The link before the first event.
pub const GENESIS: Link = [0; 32];

/// Signs checkpoints, and verifies them later. Signing may block: a token does.
pub trait Seal: Send + Sync {
    /// Signs octets.
    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SealError>;
    /// Returns whether `signature` is this seal's over `octets`.
    fn verify(&self, octets: &[u8], signature: &[u8]) -> bool;
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

/// A signed statement: the chain up to `position` ends with `link`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last position that it covers.
    pub position: u64,
    /// The link there.
    pub link: Link,
    /// When it was signed.
    pub at: Timestamp,
    /// The seal's signature over [`Checkpoint::signed_octets`].
    pub signature: Vec<u8>,
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
    /// A checkpoint that the seal never signed.
    #[error("the checkpoint at position {position} is forged")]
    Forged {
        /// Where.
        position: u64,
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

impl Checkpoint {
    /// Signs the end of a chain.
    pub fn sign(
        position: u64,
        link: Link,
        at: Timestamp,
        seal: &dyn Seal,
    ) -> Result<Self, SealError> {
        let mut checkpoint = Self {
            position,
            link,
            at,
            signature: Vec::new(),
        };
        checkpoint.signature = seal.sign(&checkpoint.signed_octets())?;
        Ok(checkpoint)
    }

    /// Returns the octets that the signature covers.
    pub fn signed_octets(&self) -> Vec<u8> {
        let mut octets = CHECKPOINT_DOMAIN.to_vec();
        octets.extend_from_slice(&self.position.to_be_bytes());
        octets.extend_from_slice(&self.link);
        octets.extend_from_slice(&self.at.unix_secs().to_be_bytes());
        octets
    }
}

/// Walks a chain event by event and compares it with its checkpoints.
pub struct Walk<'a> {
    seal: &'a dyn Seal,
    checkpoints: std::iter::Peekable<std::vec::IntoIter<Checkpoint>>,
    position: u64,
    link: Link,
    vouched: u64,
}

impl<'a> Walk<'a> {
    /// Begins before the first event; `checkpoints` in order of position.
    pub fn new(seal: &'a dyn Seal, checkpoints: Vec<Checkpoint>) -> Self {
        Self {
            seal,
            checkpoints: checkpoints.into_iter().peekable(),
            position: 0,
            link: GENESIS,
            vouched: 0,
        }
    }

    /// Takes the next event and the link stored with it.
    pub fn step(&mut self, event: &SealedEvent, stored: &[u8]) -> Result<(), Tampering> {
        let position = self.position + 1;
        if event.position != position {
            return Err(Tampering::Removed { position });
        }
        self.link = link(&self.link, event);
        if self.link != stored {
            return Err(Tampering::Changed {
                position,
                sequence: event.sequence,
            });
        }
        self.position = position;
        // One may be stored and another, kept elsewhere, be handed in.
        while let Some(checkpoint) = self.checkpoints.next_if(|one| one.position == position) {
            self.compare(&checkpoint)?;
        }
        Ok(())
    }

    /// Ends the walk after the last event; returns how many there were.
    pub fn finish(mut self) -> Result<u64, Tampering> {
        if let Some(checkpoint) = self.checkpoints.next() {
            let position = checkpoint.position;
            return Err(match self.is_signed(&checkpoint) {
                true => Tampering::Cut {
                    first: self.position + 1,
                    last: position,
                },
                false => Tampering::Forged { position },
            });
        }
        if self.vouched < self.position {
            return Err(Tampering::Uncovered {
                first: self.vouched + 1,
            });
        }
        Ok(self.position)
    }

    fn compare(&mut self, checkpoint: &Checkpoint) -> Result<(), Tampering> {
        let position = checkpoint.position;
        if !self.is_signed(checkpoint) {
            return Err(Tampering::Forged { position });
        }
        if checkpoint.link != self.link {
            return Err(Tampering::Rewritten {
                first: self.vouched + 1,
                last: position,
            });
        }
        self.vouched = position;
        Ok(())
    }

    fn is_signed(&self, checkpoint: &Checkpoint) -> bool {
        let octets = checkpoint.signed_octets();
        self.seal.verify(&octets, &checkpoint.signature)
    }
}

const EVENT_DOMAIN: &[u8] = b"ca-audit-event-v1";
const CHECKPOINT_DOMAIN: &[u8] = b"ca-audit-checkpoint-v1";

#[cfg(test)]
mod tests {
    use super::*;

    struct Initials;

    impl Seal for Initials {
        fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SealError> {
            Ok([b"signed:", octets].concat())
        }

        fn verify(&self, octets: &[u8], signature: &[u8]) -> bool {
            signature == [b"signed:", octets].concat()
        }
    }

    fn event(position: u64, subject: &str) -> SealedEvent {
        SealedEvent {
            position,
            sequence: position + 10,
            at: Timestamp::from_unix_secs(1_000),
            kind: "order.created".to_owned(),
            actor: "system".to_owned(),
            subject: subject.to_owned(),
            details: "{}".to_owned(),
        }
    }

    fn chain(subjects: &[&str]) -> (Vec<(SealedEvent, Link)>, Checkpoint) {
        let mut previous = GENESIS;
        let mut events = Vec::new();
        for (at, subject) in (1..).zip(subjects) {
            let event = event(at, subject);
            previous = link(&previous, &event);
            events.push((event, previous));
        }
        let at = Timestamp::from_unix_secs(2_000);
        let end = events.len() as u64;
        (
            events,
            Checkpoint::sign(end, previous, at, &Initials).unwrap(),
        )
    }

    fn walk(events: &[(SealedEvent, Link)], checkpoint: &Checkpoint) -> Result<u64, Tampering> {
        let mut walk = Walk::new(&Initials, vec![checkpoint.clone()]);
        for (event, link) in events {
            walk.step(event, link)?;
        }
        walk.finish()
    }

    #[test]
    fn accepts_what_was_sealed() {
        let (events, checkpoint) = chain(&["a", "b", "c"]);

        assert_eq!(walk(&events, &checkpoint), Ok(3));
    }

    #[test]
    fn names_a_changed_event() {
        let (mut events, checkpoint) = chain(&["a", "b", "c"]);
        events[1].0.details = "{\"x\":1}".to_owned();

        let (position, sequence) = (2, 12);
        assert_eq!(
            walk(&events, &checkpoint),
            Err(Tampering::Changed { position, sequence })
        );
    }

    #[test]
    fn names_a_removed_event() {
        let (mut events, checkpoint) = chain(&["a", "b", "c"]);
        events.remove(1);

        let position = 2;
        assert_eq!(
            walk(&events, &checkpoint),
            Err(Tampering::Removed { position })
        );
    }

    #[test]
    fn names_a_cut_tail() {
        let (mut events, checkpoint) = chain(&["a", "b", "c"]);
        events.truncate(1);

        let (first, last) = (2, 3);
        assert_eq!(
            walk(&events, &checkpoint),
            Err(Tampering::Cut { first, last })
        );
    }

    #[test]
    fn sees_recomputed_links() {
        let (_, checkpoint) = chain(&["a", "b", "c"]);
        let (rewritten, _) = chain(&["a", "x", "c"]);

        let (first, last) = (1, 3);
        assert_eq!(
            walk(&rewritten, &checkpoint),
            Err(Tampering::Rewritten { first, last })
        );
    }

    #[test]
    fn sees_a_forged_checkpoint() {
        let (events, mut checkpoint) = chain(&["a", "b", "c"]);
        checkpoint.signature = b"nobody".to_vec();

        let position = 3;
        assert_eq!(
            walk(&events, &checkpoint),
            Err(Tampering::Forged { position })
        );
    }

    #[test]
    fn sees_events_appended_without_a_checkpoint() {
        let (_, checkpoint) = chain(&["a", "b"]);
        let (longer, _) = chain(&["a", "b", "c"]);

        let first = 3;
        assert_eq!(
            walk(&longer, &checkpoint),
            Err(Tampering::Uncovered { first })
        );
    }
}
