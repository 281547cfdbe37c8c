//! The control file: what happens to which call.
//!
//! One rule a line; of several for one call each holds, in their order:
//!
//! ```text
//! C_Sign delay 50            after 50 ms
//! C_Sign hang                not before this line is gone
//! C_Login fail 0x30          with this CKR_
//! C_Login fail 0x30 3        the first three times since the file changed
//! C_Sign after logout 1      behind the caller's back, once; also close-sessions, finalize
//! signature garbage          also `length 3` and `other-key`
//! token gone                 no slot has a token
//! pin tries 3                wrong ones until the PIN is locked
//! ```
//!
//! Each call is noted by its name in the file with `.calls` at its end.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use cryptoki_sys::CK_RV;

/// Does what the script says about a call before it is made; `Some` is the answer instead of it.
pub(crate) fn before(call: &str) -> Option<CK_RV> {
    note(call);
    let text = read();
    for (place, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [name, "delay", millis] if *name == call => {
                thread::sleep(Duration::from_millis(millis.parse().unwrap_or_default()));
            }
            [name, "hang"] if *name == call => hang(line),
            [name, "fail", code] if *name == call => return Some(number(code)),
            [name, "fail", code, times] if *name == call && counts(&text, place, times) => {
                return Some(number(code));
            }
            _ => {}
        }
    }
    None
}

/// Tells what is to be done behind the caller's back before a call.
pub(crate) fn behind(call: &str) -> Option<String> {
    let text = read();
    text.lines().enumerate().find_map(|(place, line)| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [name, "after", what, times] if *name == call && counts(&text, place, times) => {
                Some((*what).to_owned())
            }
            _ => None,
        }
    })
}

/// Tells whether the token is away.
pub(crate) fn token_is_gone() -> bool {
    read().lines().any(|line| line.trim() == "token gone")
}

/// Returns what follows a rule's first word.
pub(crate) fn value(rule: &str) -> Option<String> {
    let text = read();
    let mut lines = text.lines();
    lines.find_map(|line| Some(line.strip_prefix(rule)?.trim().to_owned()))
}

/// Returns the control file; its neighbours keep what must outlast a process.
pub(crate) fn file(ending: &str) -> Option<PathBuf> {
    let mut file = std::env::var_os("CA_TEST_PKCS11_CONTROL")?;
    file.push(ending);
    Some(file.into())
}

fn read() -> String {
    file("")
        .and_then(|file| fs::read_to_string(file).ok())
        .unwrap_or_default()
}

fn note(call: &str) {
    let Some(file) = file(".calls") else { return };
    let opened = OpenOptions::new().create(true).append(true).open(file);
    // One write a line: lines of several threads do not mix. A suite misses what is not noted.
    let _ = opened.and_then(|mut calls| calls.write_all(format!("{call}\n").as_bytes()));
}

fn hang(line: &str) {
    while read().lines().any(|other| other == line) {
        thread::sleep(Duration::from_millis(5));
    }
}

/// Counts a rule that holds so many times; a changed file begins anew.
fn counts(text: &str, place: usize, times: &str) -> bool {
    static USED: Mutex<(String, BTreeMap<usize, u64>)> =
        Mutex::new((String::new(), BTreeMap::new()));

    let mut used = USED.lock().unwrap_or_else(PoisonError::into_inner);
    if used.0 != text {
        *used = (text.to_owned(), BTreeMap::new());
    }
    let count = used.1.entry(place).or_default();
    *count += 1;
    *count <= times.parse().unwrap_or_default()
}

fn number(text: &str) -> CK_RV {
    let digits = text.trim_start_matches("0x");
    CK_RV::from_str_radix(digits, 16).unwrap_or(cryptoki_sys::CKR_GENERAL_ERROR)
}
