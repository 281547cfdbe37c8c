//! What a server wrote to standard error.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex};
use std::thread;

/// Lines, growing while the server runs.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Returns everything so far.
    pub fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }

    /// Returns the last lines.
    pub fn tail(&self) -> String {
        let lines = self.0.lock().unwrap();
        lines[lines.len().saturating_sub(SHOWN)..].join("\n")
    }

    pub(super) fn follow(&self, source: impl Read + Send + 'static) {
        let lines = Arc::clone(&self.0);
        thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
    }
}

const SHOWN: usize = 40;
