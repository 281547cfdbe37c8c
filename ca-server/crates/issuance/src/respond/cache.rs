//! Signed answers, kept while they are true.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use ca_pki::Timestamp;

use super::{Freshness, OcspAnswer};

/// How many revocations were known of: an answer of another generation may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Generation {
    /// Revocations counted on this server, at once.
    pub(super) here: u64,
    /// The ledger's epoch when it was last asked.
    pub(super) everywhere: u64,
}

/// Answers by the CertID that they answer. Holds at most [`MOST_ANSWERS`].
#[derive(Debug, Default)]
pub(super) struct AnswerCache(RwLock<HashMap<Box<[u8]>, Kept>>);

#[derive(Debug)]
struct Kept {
    answer: OcspAnswer,
    generation: Generation,
    from: Timestamp,
    until: Timestamp,
}

impl AnswerCache {
    /// Finds an answer that is still true and has at least half of its life before it.
    pub(super) fn find(
        &self,
        place: &[u8],
        generation: Generation,
        now: Timestamp,
    ) -> Option<OcspAnswer> {
        let answers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        answers
            .get(place)
            .filter(|kept| kept.holds(generation, now))
            .map(|kept| kept.answer.clone())
    }

    /// Keeps an answer that may be kept. `generation` is the one read before the ledger was asked.
    pub(super) fn keep(&self, place: &[u8], generation: Generation, answer: &OcspAnswer) {
        let Some(freshness) = &answer.freshness else {
            return;
        };
        let kept = Kept {
            answer: answer.clone(),
            generation,
            from: freshness.this_update,
            until: half_life(freshness),
        };
        let mut answers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST_ANSWERS {
            answers.retain(|_, kept| kept.holds(generation, freshness.this_update));
        }
        if answers.len() >= MOST_ANSWERS {
            answers.clear(); // each is one signature away
        }
        answers.insert(place.into(), kept);
    }
}

impl Kept {
    fn holds(&self, generation: Generation, now: Timestamp) -> bool {
        // One from a time when the clock was ahead is refused by everybody whose clock is right.
        let is_of_now = self.from <= now && now < self.until;
        self.generation == generation && is_of_now
    }
}

fn half_life(freshness: &Freshness) -> Timestamp {
    let life = freshness.next_update.since(freshness.this_update);
    freshness.this_update.plus(life / 2)
}

/// About 100 MB of answers, with what is made of them to serve them.
const MOST_ANSWERS: usize = 80_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::respond::Rendition;

    fn answer_from(this_update: i64) -> OcspAnswer {
        OcspAnswer {
            der: [1, 2, 3].into(),
            freshness: Some(Freshness {
                this_update: Timestamp::from_unix_secs(this_update),
                next_update: Timestamp::from_unix_secs(this_update + 100),
                etag: "".into(),
            }),
            rendition: Rendition::default(),
        }
    }

    const GENERATION: Generation = Generation {
        here: 1,
        everywhere: 1,
    };

    #[test]
    fn finds_an_answer_for_half_of_its_life() {
        let cache = AnswerCache::default();
        let answer = answer_from(1_000);

        cache.keep(b"place", GENERATION, &answer);

        let find = |at| cache.find(b"place", GENERATION, Timestamp::from_unix_secs(at));
        assert_eq!(find(1_049), Some(answer));
        assert_eq!(find(1_050), None);
        assert_eq!(find(999), None, "the clock was set back");
    }

    #[test]
    fn finds_nothing_after_a_revocation_anywhere() {
        let cache = AnswerCache::default();
        let now = Timestamp::from_unix_secs(1_000);

        cache.keep(b"place", GENERATION, &answer_from(1_000));

        assert_eq!(
            cache.find(
                b"place",
                Generation {
                    here: 2,
                    everywhere: 1
                },
                now
            ),
            None
        );
        assert_eq!(
            cache.find(
                b"place",
                Generation {
                    here: 1,
                    everywhere: 2
                },
                now
            ),
            None
        );
        assert!(cache.find(b"place", GENERATION, now).is_some());
    }

    #[test]
    fn holds_no_more_than_its_bound() {
        let cache = AnswerCache::default();
        for number in 0..=MOST_ANSWERS {
            cache.keep(&number.to_be_bytes(), GENERATION, &answer_from(1_000));
        }

        let kept = cache.0.read().expect("nobody panicked").len();

        assert!((1..=MOST_ANSWERS).contains(&kept), "{kept}");
    }
}
