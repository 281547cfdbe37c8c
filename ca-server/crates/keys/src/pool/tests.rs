use std::sync::Condvar;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::BreakerPolicy;

/// A device that does what the test tells it.
#[derive(Clone, Default)]
struct Script(Arc<State>);

#[derive(Default)]
struct State {
    connects: AtomicUsize,
    /// What was signed, or failed to be.
    inputs: Mutex<Vec<Vec<u8>>>,
    /// How many of the next calls to sign lose the session.
    losses: AtomicUsize,
    /// How many of the next answers make no sense.
    riddles: AtomicUsize,
    /// How many of the next calls to connect fail for good.
    broken_connects: AtomicUsize,
    hanging: Mutex<Hang>,
    changed: Condvar,
    closing: Mutex<Closing>,
    moved: Condvar,
}

/// How a session ends.
#[derive(Default)]
struct Closing {
    held: bool,
    begun: bool,
    done: bool,
}

/// A session that closes when it is let.
struct Visit(Arc<State>);

impl Drop for Visit {
    fn drop(&mut self) {
        let mut closing = self.0.closing.lock().unwrap();
        closing.begun = true;
        self.0.moved.notify_all();
        let mut closing = self.0.moved.wait_while(closing, |one| one.held).unwrap();
        closing.done = true;
    }
}

#[derive(Default)]
struct Hang {
    hangs: bool,
    entered: bool,
}

impl Script {
    fn losing(self, times: usize) -> Self {
        self.0.losses.store(times, Ordering::SeqCst);
        self
    }

    fn broken(self, times: usize) -> Self {
        self.0.broken_connects.store(times, Ordering::SeqCst);
        self
    }

    fn senseless(self, times: usize) -> Self {
        self.0.riddles.store(times, Ordering::SeqCst);
        self
    }

    fn hanging(self) -> Self {
        self.0.hanging.lock().unwrap().hangs = true;
        self
    }

    /// Waits until a thread hangs in the device.
    fn wait_until_entered(&self) {
        let hanging = self.0.hanging.lock().unwrap();
        drop(self.0.changed.wait_while(hanging, |hang| !hang.entered));
    }

    fn release(&self) {
        self.0.hanging.lock().unwrap().hangs = false;
        self.0.changed.notify_all();
    }

    fn holding_sessions(self) -> Self {
        self.0.closing.lock().unwrap().held = true;
        self
    }

    /// Lets a session close once it wants to.
    fn let_close(&self) {
        let closing = self.0.closing.lock().unwrap();
        let mut closing = self.0.moved.wait_while(closing, |one| !one.begun).unwrap();
        closing.held = false;
        self.0.moved.notify_all();
    }

    fn signs(&self) -> usize {
        self.0.inputs.lock().unwrap().len()
    }

    fn connects(&self) -> usize {
        self.0.connects.load(Ordering::SeqCst)
    }

    /// Starts a pool of one thread over this device.
    fn pool(&self, options: &SignerOptions) -> Pool {
        let session = Visit(Arc::clone(&self.0));
        let device = Arc::new(self.clone());
        Pool::start(device, Ok(session), options, Meters::named("test")).unwrap()
    }
}

fn takes_one(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
        left.checked_sub(1)
    })
    .is_ok()
}

impl Device for Script {
    type Session = Visit;

    fn connect(&self) -> Result<Visit, Fault> {
        self.0.connects.fetch_add(1, Ordering::SeqCst);
        match takes_one(&self.0.broken_connects) {
            true => Err(Fault::Broken(KeyError::Key("no such key".into()))),
            false => Ok(Visit(Arc::clone(&self.0))),
        }
    }

    fn sign(&self, _visit: &Visit, input: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut hanging = self.0.hanging.lock().unwrap();
        hanging.entered = true;
        self.0.changed.notify_all();
        drop(self.0.changed.wait_while(hanging, |hang| hang.hangs));
        self.0.inputs.lock().unwrap().push(input.to_vec());
        assert!(!takes_one(&self.0.riddles), "a length beyond all memory");
        match takes_one(&self.0.losses) {
            true => Err(Fault::Lost("session closed".into())),
            false => Ok(input.to_vec()),
        }
    }
}

fn options(queue: usize, failures: u32, pause: Duration) -> SignerOptions {
    SignerOptions {
        sessions: NonZeroUsize::new(1),
        queue: NonZeroUsize::new(queue).unwrap(),
        breaker: BreakerPolicy {
            failures,
            first_pause: pause,
            longest_pause: pause,
        },
        ..SignerOptions::default()
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(30)
}

fn later() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn opens_another_session_when_one_is_lost_and_signs() {
    let device = Script::default().losing(1);
    let pool = device.pool(&options(4, 3, LONG));

    let signature = pool.sign(b"a".to_vec(), later()).await;

    assert_eq!(signature.unwrap(), b"a");
    assert_eq!((device.signs(), device.connects()), (2, 1));
}

#[tokio::test]
async fn keeps_a_session_that_works() {
    let device = Script::default();
    let pool = device.pool(&options(4, 3, LONG));

    for _ in 0..3 {
        pool.sign(b"a".to_vec(), later()).await.unwrap();
    }

    assert_eq!((device.signs(), device.connects()), (3, 0));
}

#[tokio::test]
async fn opens_another_session_though_the_first_new_one_is_lost_too() {
    let device = Script::default().losing(2);
    let pool = device.pool(&options(4, 3, LONG));

    let signature = pool.sign(b"a".to_vec(), later()).await;

    assert_eq!(signature.unwrap(), b"a");
    assert_eq!((device.signs(), device.connects()), (3, 2));
}

#[tokio::test]
async fn tries_two_new_sessions_and_no_more() {
    let device = Script::default().losing(5);
    let pool = device.pool(&options(4, 3, LONG));

    let refused = pool.sign(b"a".to_vec(), later()).await;
    let tried = device.signs();
    let refused_again = pool.sign(b"a".to_vec(), later()).await;

    assert!(matches!(refused, Err(KeyError::Device(reason)) if reason == "session closed"));
    assert!(refused_again.is_err());
    assert_eq!((tried, device.signs()), (3, 5));
}

#[tokio::test]
async fn keeps_its_threads_when_an_answer_makes_no_sense() {
    let device = Script::default().senseless(3);
    let pool = device.pool(&options(4, 3, LONG));

    let refused = pool.sign(b"a".to_vec(), later()).await;
    let signature = pool.sign(b"b".to_vec(), later()).await;

    assert!(matches!(refused, Err(KeyError::Device(_))), "{refused:?}");
    assert_eq!(signature.unwrap(), b"b");
}

#[tokio::test]
async fn signs_in_new_sessions_only_after_a_signature_was_wrong() {
    let device = Script::default();
    let pool = device.pool(&options(4, 3, Duration::ZERO));
    pool.sign(b"wrong".to_vec(), later()).await.unwrap();

    pool.distrust();
    let signature = pool.sign(b"right".to_vec(), later()).await;

    assert_eq!(signature.unwrap(), b"right");
    assert_eq!(device.connects(), 1);
}

#[tokio::test]
async fn gives_no_place_and_signs_nothing_while_it_is_distrusted() {
    let device = Script::default();
    let pool = device.pool(&options(4, 3, LONG));

    pool.distrust();

    let place = pool.reserve();
    let refused = pool.sign(b"a".to_vec(), later()).await;
    assert!(
        matches!(place, Err(KeyError::Unavailable { .. })),
        "{place:?}"
    );
    assert!(matches!(refused, Err(KeyError::Unavailable { .. })));
    assert_eq!(device.signs(), 0);
}

#[tokio::test]
async fn answers_at_once_after_failures_in_a_row() {
    let device = Script::default().losing(1).broken(usize::MAX);
    let pool = device.pool(&options(4, 2, LONG));
    for _ in 0..2 {
        let refused = pool.sign(b"a".to_vec(), later()).await;
        assert!(matches!(refused, Err(KeyError::Key(_))), "{refused:?}");
    }

    let refused = pool.sign(b"a".to_vec(), later()).await;

    assert!(matches!(refused, Err(KeyError::Unavailable { .. })));
    assert_eq!(device.connects(), 2);
}

#[tokio::test]
async fn works_again_by_itself_when_the_device_does() {
    let device = Script::default().losing(1).broken(3);
    let pool = device.pool(&options(4, 1, Duration::ZERO));
    for _ in 0..3 {
        pool.sign(b"a".to_vec(), later()).await.unwrap_err();
    }

    let signature = pool.sign(b"a".to_vec(), later()).await;

    assert_eq!(signature.unwrap(), b"a");
}

#[tokio::test]
async fn answers_by_the_deadline_while_the_device_hangs() {
    let device = Script::default().hanging();
    let pool = device.pool(&options(4, 3, LONG));

    let refused = pool.sign(b"a".to_vec(), soon()).await;

    assert!(matches!(refused, Err(KeyError::DeadlineExceeded)));
    device.release();
}

#[test]
fn answers_a_blocked_thread_by_the_deadline_too() {
    let device = Script::default().hanging();
    let pool = device.pool(&options(4, 3, LONG));

    let refused = pool.sign_blocking(b"a".to_vec(), soon());

    assert!(matches!(refused, Err(KeyError::DeadlineExceeded)));
    device.release();
}

#[tokio::test]
async fn stops_asking_a_device_that_hangs() {
    let device = Script::default().hanging();
    let pool = device.pool(&options(4, 2, LONG));
    for _ in 0..2 {
        pool.sign(b"a".to_vec(), soon()).await.unwrap_err();
    }

    let refused = pool.sign(b"a".to_vec(), later()).await;

    assert!(matches!(refused, Err(KeyError::Unavailable { .. })));
    device.release();
}

#[tokio::test]
async fn turns_requests_away_at_once_when_the_queue_is_full() {
    let device = Script::default().hanging();
    let pool = Arc::new(device.pool(&options(1, u32::MAX, LONG)));
    let first = Arc::clone(&pool);
    let first = tokio::spawn(async move { first.sign(b"first".to_vec(), later()).await });
    tokio::task::yield_now().await;
    device.wait_until_entered();
    pool.sign(b"queued".to_vec(), soon()).await.unwrap_err();

    let refused = pool.sign(b"no room".to_vec(), later()).await;

    assert!(matches!(refused, Err(KeyError::Unavailable { .. })));
    device.release();
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn drops_unsigned_what_waited_past_its_deadline() {
    let device = Script::default().hanging();
    let pool = Arc::new(device.pool(&options(4, u32::MAX, LONG)));
    let first = Arc::clone(&pool);
    let first = tokio::spawn(async move { first.sign(b"first".to_vec(), later()).await });
    tokio::task::yield_now().await;
    device.wait_until_entered();
    pool.sign(b"late".to_vec(), soon()).await.unwrap_err();

    device.release();
    first.await.unwrap().unwrap();
    pool.sign(b"in time".to_vec(), later()).await.unwrap();

    let signed = device.0.inputs.lock().unwrap();
    assert_eq!(*signed, [b"first".to_vec(), b"in time".to_vec()]);
}

#[tokio::test]
async fn refuses_a_deadline_that_has_passed_without_asking_the_device() {
    let device = Script::default();
    let pool = device.pool(&options(4, 3, LONG));

    let refused = pool.sign(b"a".to_vec(), Instant::now()).await;

    assert!(matches!(refused, Err(KeyError::DeadlineExceeded)));
    assert_eq!(device.signs(), 0);
}

#[test]
fn has_closed_its_sessions_when_it_is_dropped() {
    let device = Script::default().holding_sessions();
    let pool = device.pool(&options(4, 3, LONG));
    let opener = device.clone();
    let opener = thread::spawn(move || opener.let_close());

    drop(pool);

    assert!(device.0.closing.lock().unwrap().done);
    opener.join().unwrap();
}

#[test]
fn is_dropped_in_bounded_time_though_a_thread_hangs_in_the_device() {
    let device = Script::default().hanging();
    let pool = device.pool(&options(4, 3, LONG));
    pool.sign_blocking(b"a".to_vec(), soon()).unwrap_err();
    device.wait_until_entered();

    drop(pool);

    assert_eq!(device.signs(), 0);
    device.release();
}
