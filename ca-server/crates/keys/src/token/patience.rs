//! Calls into a module that may never return, made by somebody who does.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::Builder;
use std::time::Duration;

use crate::KeyError;

/// Runs `work` on a thread of its own and waits for it. A thread that hangs in its module is left
/// behind: nothing can end it but the end of the process.
pub(super) fn within<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> Result<T, KeyError> + Send + 'static,
) -> Result<T, KeyError> {
    let (reply, answer) = mpsc::sync_channel(1);
    Builder::new()
        .name("token-opener".to_owned())
        // Whoever asked may have left.
        .spawn(move || drop(reply.try_send(work())))
        .map_err(|error| KeyError::Device(format!("no thread: {error}")))?;
    match answer.recv_timeout(patience) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => Err(KeyError::DeadlineExceeded),
        Err(RecvTimeoutError::Disconnected) => Err(KeyError::Device(
            "the module's answer makes no sense".into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_though_the_work_does_not() {
        let (_held, never) = mpsc::channel::<()>();

        let result = within(Duration::from_millis(10), move || {
            never.recv().map_err(|_| KeyError::DeadlineExceeded)
        });

        assert!(matches!(result, Err(KeyError::DeadlineExceeded)));
    }

    #[test]
    fn takes_a_panic_for_an_answer_without_sense() {
        let result = within::<()>(Duration::from_secs(60), || panic!("capacity overflow"));

        assert!(matches!(result, Err(KeyError::Device(_))), "{result:?}");
    }
}
