//! What a server wrote to standard error.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// Lines, growing while the server runs.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Seen>,
    grown: Condvar,
}

#[derive(Debug, Default)]
struct Seen {
    lines: Vec<String>,
    /// How many runs may still write.
    writing: usize,
}

impl Log {
    /// Returns everything so far.
    pub fn text(&self) -> String {
        self.0.seen.lock().unwrap().lines.join("\n")
    }

    /// Returns the last lines.
    pub fn tail(&self) -> String {
        let lines = &self.0.seen.lock().unwrap().lines;
        lines[lines.len().saturating_sub(SHOWN)..].join("\n")
    }

    /// Waits for a line that holds all of `texts`; `false` if none came in time.
    pub fn wait_for(&self, texts: &[&str]) -> bool {
        let fits = |line: &String| texts.iter().all(|text| line.contains(text));
        self.wait_until(|seen| seen.lines.iter().any(fits))
    }

    /// Waits until everything is read that runs which ended have written.
    pub(super) fn wait_for_end(&self) {
        let ended = self.wait_until(|seen| seen.writing == 0);
        assert!(ended, "somebody holds an ended server's standard error");
    }

    pub(super) fn follow(&self, source: impl Read + Send + 'static) {
        let log = Arc::clone(&self.0);
        log.change(|seen| seen.writing += 1);
        thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                log.change(|seen| seen.lines.push(line));
            }
            log.change(|seen| seen.writing -= 1);
        });
    }

    fn wait_until(&self, is_so: impl Fn(&Seen) -> bool) -> bool {
        let seen = self.0.seen.lock().unwrap();
        let waited = self
            .0
            .grown
            .wait_timeout_while(seen, PATIENCE, |seen| !is_so(seen));
        !waited.unwrap().1.timed_out()
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap());
        self.grown.notify_all();
    }
}

const SHOWN: usize = 40;
const PATIENCE: Duration = Duration::from_secs(60);
