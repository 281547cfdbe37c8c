//! What a server makes of an answer, kept beside it.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// What whoever serves an answer makes of it once: for how long it is needed only the cache of
/// answers knows, and what it is only the server.
#[derive(Clone, Default)]
pub struct Rendition(Arc<OnceLock<Box<dyn Any + Send + Sync>>>);

impl Rendition {
    /// Returns what was made of the answer, and makes it if nobody has; `None` if somebody has made
    /// something else of it.
    pub fn get_or_make<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        self.0.get_or_init(|| Box::new(make())).downcast_ref()
    }
}

/// It follows from the answer, and is no part of it.
impl PartialEq for Rendition {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Rendition {}

impl fmt::Debug for Rendition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_made = self.0.get().is_some();
        formatter.debug_tuple("Rendition").field(&is_made).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_once_for_an_answer_and_its_copies() {
        let rendition = Rendition::default();
        let copy = rendition.clone();

        let first = rendition.get_or_make(|| 1).copied();
        let second = copy.get_or_make(|| 2).copied();

        assert_eq!((first, second), (Some(1), Some(1)));
    }
}
