mod session;
mod waiting;

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
