//! What a server wrote to standard error.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// Lines, growing while the server runs.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Lines>);

#[derive(Debug, Default)]
struct Lines {
    lines: Mutex<Vec<String>>,
    grown: Condvar,
}

impl Log {
    /// Returns everything so far.
    pub fn text(&self) -> String {
        self.0.lines.lock().unwrap().join("\n")
    }

    /// Returns the last lines.
    pub fn tail(&self) -> String {
        let lines = self.0.lines.lock().unwrap();
        lines[lines.len().saturating_sub(SHOWN)..].join("\n")
    }

    /// Waits for a line that holds `text`; `false` if none came in time.
    pub fn wait_for(&self, text: &str) -> bool {
        let missing = |lines: &mut Vec<String>| !lines.iter().any(|line| line.contains(text));
        let lines = self.0.lines.lock().unwrap();
        let waited = self.0.grown.wait_timeout_while(lines, PATIENCE, missing);
        !waited.unwrap().1.timed_out()
    }

    pub(super) fn follow(&self, source: impl Read + Send + 'static) {
        let log = Arc::clone(&self.0);
        thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                log.lines.lock().unwrap().push(line);
                log.grown.notify_all();
            }
        });
    }
}

const SHOWN: usize = 40;
const PATIENCE: Duration = Duration::from_secs(60);
