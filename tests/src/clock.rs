//! A system clock that a suite sets, for one program: libfaketime before the real one.

use std::fs;
use std::path::{Path, PathBuf};

/// The clock of the programs that have its [`FakeClock::environment`]. The one that counts from the
/// machine's start goes on as it does.
#[derive(Debug)]
pub struct FakeClock {
    file: tempfile::TempPath,
}

impl FakeClock {
    /// Makes a clock that goes right.
    ///
    /// # Panics
    ///
    /// Panics without libfaketime; see `tests/install`.
    pub fn right() -> Self {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let clock = Self {
            file: file.into_temp_path(),
        };
        clock.set("+0");
        clock
    }

    /// Sets it off by so much: `+3y`, `-10m`, `+0`.
    pub fn set(&self, offset: &str) {
        let fresh = PathBuf::from(format!("{}.new", self.file.display()));
        fs::write(&fresh, format!("{offset}\n")).expect("the folder is writable");
        fs::rename(&fresh, &self.file).expect("the folder is writable");
    }

    /// Returns what programs need in their environment.
    pub fn environment(&self) -> [(&'static str, String); 4] {
        let library = LIBRARIES.iter().find(|file| Path::new(file).is_file());
        let library = library.expect("libfaketime is installed, see tests/install");
        [
            ("LD_PRELOAD", (*library).to_owned()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }
}

const LIBRARIES: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];
