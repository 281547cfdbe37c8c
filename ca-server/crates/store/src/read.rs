//! Reads in groups: one statement answers everybody who asked before it began.
//!
//! The counterpart of the writer. An answer is never older than its question, and many questions
//! cost one way to the database and back.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::Error;

/// The way to a task that reads for many.
pub(crate) struct GroupReader<Q, A> {
    lane: mpsc::Sender<Asked<Q, A>>,
    task: AbortHandle,
}

struct Asked<Q, A> {
    question: Q,
    asker: oneshot::Sender<Result<A, Error>>,
}

impl<Q: Send + 'static, A: Send + 'static> GroupReader<Q, A> {
    /// Starts the task. `read` answers each of at most [`MOST_QUESTIONS`] questions, in their
    /// order.
    pub(crate) fn start<F>(read: impl Fn(Vec<Q>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<Vec<A>, Error>> + Send + 'static,
    {
        Self::start_within(PATIENCE, read)
    }

    fn start_within<F>(patience: Duration, read: impl Fn(Vec<Q>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<Vec<A>, Error>> + Send + 'static,
    {
        let (lane, asked) = mpsc::channel(QUEUE_LENGTH);
        let task = tokio::spawn(serve(asked, patience, read)).abort_handle();
        Self { lane, task }
    }

    /// Asks; the answer is read from now on.
    pub(crate) async fn ask(&self, question: Q) -> Result<A, Error> {
        let (asker, answer) = oneshot::channel();
        let asked = Asked { question, asker };
        self.lane.send(asked).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Ends the task; who still waits learns that the store is closed.
    pub(crate) fn close(&self) {
        self.task.abort();
    }
}

async fn serve<Q, A, F>(
    mut lane: mpsc::Receiver<Asked<Q, A>>,
    patience: Duration,
    read: impl Fn(Vec<Q>) -> F,
) where
    F: Future<Output = Result<Vec<A>, Error>>,
{
    let mut waiting = Vec::new();
    while lane.recv_many(&mut waiting, MOST_QUESTIONS).await > 0 {
        let (questions, askers): (Vec<Q>, Vec<_>) = waiting
            .drain(..)
            .map(|asked| (asked.question, asked.asker))
            .unzip();
        // Neither a connection that hangs nor a read that panics must take anything from those who
        // ask after this group.
        let reading = AssertUnwindSafe(read(questions)).catch_unwind();
        let answers = match timeout(patience, reading).await {
            Ok(answers) => answers.unwrap_or(Err(Error::Panicked)),
            Err(_elapsed) => Err(Error::DeadlinePassed),
        };
        hand_out(askers, answers);
    }
}

/// An asker that hung up loses only its answer.
fn hand_out<A>(askers: Vec<oneshot::Sender<Result<A, Error>>>, answers: Result<Vec<A>, Error>) {
    match answers {
        Ok(answers) => {
            for (asker, answer) in askers.into_iter().zip(answers) {
                let _ = asker.send(Ok(answer));
            }
        }
        Err(error) => {
            for asker in askers {
                let _ = asker.send(Err(error.clone()));
            }
        }
    }
}

/// How many questions one statement answers at most.
pub(crate) const MOST_QUESTIONS: usize = 128;
const QUEUE_LENGTH: usize = 1_024;
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use tokio::sync::Notify;

    use super::*;

    /// What each read was asked.
    type Reads = Arc<Mutex<Vec<Vec<u8>>>>;

    /// Answers with the number of the read; each begins when it is let go.
    fn numbered(gate: &Arc<Notify>) -> (GroupReader<u8, usize>, Reads) {
        let seen = Reads::default();
        let (log, gate, reads) = (Arc::clone(&seen), Arc::clone(gate), AtomicUsize::new(0));
        let reader = GroupReader::start(move |questions: Vec<u8>| {
            let number = reads.fetch_add(1, Ordering::SeqCst);
            let answers = vec![number; questions.len()];
            log.lock().unwrap().push(questions);
            let gate = Arc::clone(&gate);
            async move {
                gate.notified().await;
                Ok(answers)
            }
        });
        (reader, seen)
    }

    #[tokio::test]
    async fn answers_with_a_read_that_began_after_the_question() {
        let gate = Arc::new(Notify::new());
        let (reader, seen) = numbered(&gate);
        let reader = Arc::new(reader);
        let ask = |question| {
            let reader = Arc::clone(&reader);
            tokio::spawn(async move { reader.ask(question).await.unwrap() })
        };

        let first = ask(1);
        while seen.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let (second, third) = (ask(2), ask(3));
        tokio::task::yield_now().await;
        gate.notify_one();
        let first = first.await.unwrap();
        gate.notify_one();
        let later = (second.await.unwrap(), third.await.unwrap());

        assert_eq!((first, later), (0, (1, 1)));
        assert_eq!(*seen.lock().unwrap(), [vec![1], vec![2, 3]]);
    }

    #[tokio::test]
    async fn a_failed_read_fails_its_askers_and_nobody_else() {
        let reads = AtomicUsize::new(0);
        let reader = GroupReader::start(move |questions: Vec<()>| {
            let number = reads.fetch_add(1, Ordering::SeqCst);
            async move {
                match number {
                    0 => Err(Error::Conflict),
                    _ => Ok(questions),
                }
            }
        });

        let failed = reader.ask(()).await;
        let answered = reader.ask(()).await;

        assert!(matches!(failed, Err(Error::Conflict)));
        assert!(answered.is_ok());
    }

    #[tokio::test]
    async fn a_read_that_hangs_holds_up_nobody_for_long() {
        let hanging = |_| std::future::pending();
        let reader = GroupReader::<(), ()>::start_within(Duration::ZERO, hanging);

        let outcome = reader.ask(()).await;

        assert!(matches!(outcome, Err(Error::DeadlinePassed)));
    }

    #[tokio::test]
    async fn a_read_that_panics_fails_its_askers_and_nobody_else() {
        let reader = GroupReader::start(move |questions: Vec<bool>| async move {
            assert!(!questions.contains(&true), "as the test wants it");
            Ok(questions)
        });

        let failed = reader.ask(true).await;
        let answered = reader.ask(false).await;

        assert!(matches!(failed, Err(Error::Panicked)));
        assert!(answered.is_ok());
    }

    #[tokio::test]
    async fn answers_nobody_once_it_is_closed() {
        let reader = GroupReader::<(), ()>::start(|_| std::future::pending());

        reader.close();

        assert!(matches!(reader.ask(()).await, Err(Error::Closed)));
    }
}
