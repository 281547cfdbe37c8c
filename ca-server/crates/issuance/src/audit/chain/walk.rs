//! Walking a chain from its first event to its last.

use super::{Checkpoint, GENESIS, Judgement, Link, Seal, SealedEvent, Tampering, link};

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
        let first = self.position + 1;
        let mut missing = None;
        while let Some(checkpoint) = self.checkpoints.next() {
            self.judge(&checkpoint)?;
            missing = Some(checkpoint.position);
        }
        if let Some(last) = missing {
            return Err(Tampering::Cut { first, last });
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
        let judgement = self.judge(checkpoint)?;
        if checkpoint.link != self.link {
            return Err(Tampering::Rewritten {
                first: self.vouched + 1,
                last: position,
            });
        }
        if judgement == Judgement::Vouches {
            self.vouched = position;
        }
        Ok(())
    }

    fn judge(&self, checkpoint: &Checkpoint) -> Result<Judgement, Tampering> {
        match checkpoint.judge(self.seal) {
            Judgement::Forged => Err(Tampering::Forged {
                position: checkpoint.position,
                key: checkpoint.key.clone(),
            }),
            judgement @ (Judgement::Vouches | Judgement::Superseded) => Ok(judgement),
        }
    }
}

#[cfg(test)]
mod tests {
    use ca_pki::Timestamp;

    use super::super::{Seal, SealError};
    use super::*;

    struct Initials;

    impl Seal for Initials {
        fn key(&self) -> String {
            "initials".to_owned()
        }

        fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SealError> {
            Ok([b"signed:", octets].concat())
        }

        fn judge(&self, key: &str, octets: &[u8], signature: &[u8]) -> Judgement {
            match (key, signature == [b"signed:", octets].concat()) {
                ("initials", true) => Judgement::Vouches,
                ("pencil", true) => Judgement::Superseded,
                _ => Judgement::Forged,
            }
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

        let (position, key) = (3, "initials".to_owned());
        assert_eq!(
            walk(&events, &checkpoint),
            Err(Tampering::Forged { position, key })
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

    #[test]
    fn a_superseded_checkpoint_counts_only_below_one_that_vouches() {
        let (events, checkpoint) = chain(&["a", "b", "c"]);
        let (_, mut superseded) = chain(&["a", "b"]);
        superseded.key = "pencil".to_owned();
        let walk = |events: &[(SealedEvent, Link)], checkpoints| {
            let mut walk = Walk::new(&Initials, checkpoints);
            for (event, link) in events {
                walk.step(event, link)?;
            }
            walk.finish()
        };

        let below = walk(&events, vec![superseded.clone(), checkpoint]);
        let alone = walk(&events[..2], vec![superseded]);

        let first = 1;
        assert_eq!(below, Ok(3));
        assert_eq!(alone, Err(Tampering::Uncovered { first }));
    }
}
