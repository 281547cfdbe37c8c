//! Calls into a module that may never return, made by somebody who does.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::Builder;
use std::time::Duration;

use crate::KeyError;

/// Work that may hang in a module: however often it is tried, one thread is in it at most.
#[derive(Debug, Default)]
pub(crate) struct Errand {
    /// Gone when the last attempt is over.
    attempt: Mutex<Weak<()>>,
}

/// What came of an attempt, which is over when nothing is left of this.
struct Outcome<T> {
    result: Result<T, KeyError>,
    _attempt: Arc<()>,
}

impl Errand {
    /// Runs `work` on a thread of its own and waits for it. A thread that hangs in its module is
    /// left behind: nothing can end it but the end of the process. Until it is back there is no
    /// other: each would hang like it, and all would log in at once when the module goes on.
    pub(super) fn within<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce() -> Result<T, KeyError> + Send + 'static,
    ) -> Result<T, KeyError> {
        let answer = self.start(work)?;
        match answer.recv_timeout(patience) {
            Ok(outcome) => outcome.result,
            Err(RecvTimeoutError::Timeout) => Err(KeyError::DeadlineExceeded),
            Err(RecvTimeoutError::Disconnected) => Err(KeyError::Device(
                "the module's answer makes no sense".into(),
            )),
        }
    }

    fn start<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, KeyError> + Send + 'static,
    ) -> Result<Receiver<Outcome<T>>, KeyError> {
        let mut last = self.attempt.lock().unwrap_or_else(PoisonError::into_inner);
        if last.strong_count() > 0 {
            let text = "the last attempt still hangs in its module";
            return Err(KeyError::Device(text.into()));
        }
        let (reply, answer) = mpsc::sync_channel(1);
        let attempt = Arc::new(());
        *last = Arc::downgrade(&attempt);
        Builder::new()
            .name("token-opener".to_owned())
            .spawn(move || {
                // Dropped before `reply` if the work panics: whoever has an answer may try again.
                let attempt = attempt;
                // Whoever asked may have left; then a session ends here, which may hang as well.
                drop(reply.try_send(Outcome {
                    result: work(),
                    _attempt: attempt,
                }));
            })
            .map_err(|error| KeyError::Device(format!("no thread: {error}")))?;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_though_the_work_does_not() {
        let (_held, never) = mpsc::channel::<()>();

        let result = Errand::default().within(Duration::from_millis(10), move || {
            never.recv().map_err(|_| KeyError::DeadlineExceeded)
        });

        assert!(matches!(result, Err(KeyError::DeadlineExceeded)));
    }

    #[test]
    fn takes_a_panic_for_an_answer_without_sense() {
        let errand = Errand::default();

        let result = errand.within::<()>(LONG, || panic!("capacity overflow"));
        let next = errand.within(LONG, || Ok(()));

        assert!(matches!(result, Err(KeyError::Device(_))), "{result:?}");
        assert!(next.is_ok(), "{next:?}");
    }

    #[test]
    fn has_one_thread_hang_however_often_it_is_tried() {
        let errand = Errand::default();
        let (release, released) = mpsc::channel::<()>();
        let hung = errand.within(Duration::from_millis(10), move || {
            released.recv().map_err(|_| KeyError::DeadlineExceeded)
        });

        let meanwhile = errand.within::<()>(LONG, || panic!("nobody starts this"));
        release.send(()).unwrap();
        while errand.attempt.lock().unwrap().strong_count() > 0 {
            std::thread::yield_now();
        }
        let after = errand.within(LONG, || Ok(()));

        assert!(matches!(hung, Err(KeyError::DeadlineExceeded)), "{hung:?}");
        let text = meanwhile.unwrap_err().to_string();
        assert!(text.contains("still hangs"), "{text}");
        assert!(after.is_ok(), "{after:?}");
    }

    const LONG: Duration = Duration::from_secs(60);
}
