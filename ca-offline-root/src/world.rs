//! Everything that a ceremony takes from outside: time, chance, the machine, the people.

use std::io;
use std::path::PathBuf;

use ca_pki::Timestamp;

use crate::prompt::Terminal;

/// What the binary hands in and tests replace.
pub struct World<'a> {
    /// The time of day.
    pub clock: &'a dyn Fn() -> Timestamp,
    /// Fills octets with random ones from the operating system; an error is text for people.
    pub entropy: &'a dyn Fn(&mut [u8]) -> Result<(), String>,
    /// Names the network interfaces that are up, loopback left out.
    pub interfaces_up: &'a dyn Fn() -> io::Result<Vec<String>>,
    /// The file of the running program, whose hash goes into transcripts.
    pub program: Option<PathBuf>,
    /// The conversation.
    pub terminal: &'a mut dyn Terminal,
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}
