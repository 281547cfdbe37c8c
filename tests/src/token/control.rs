//! Telling the faulty module what to do, while a server uses it.

use std::fs;
use std::path::{Path, PathBuf};

/// The file that the module reads at each call; `tests/pkcs11-module` says what may be in it.
#[derive(Clone, Debug)]
pub struct Control {
    file: PathBuf,
}

impl Control {
    /// The environment variable that names the file.
    pub const VARIABLE: &str = "CA_TEST_PKCS11_CONTROL";

    /// Finds the control of the token in a folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            file: folder.join("control"),
        }
    }

    /// Returns the file's name.
    pub fn file(&self) -> String {
        self.file.display().to_string()
    }

    /// Replaces every rule.
    pub fn set(&self, rules: &[&str]) {
        let fresh = self.file.with_extension("new");
        fs::write(&fresh, rules.join("\n")).expect("the folder is writable");
        fs::rename(&fresh, &self.file).expect("the folder is writable");
    }

    /// Lets every call through again.
    pub fn clear(&self) {
        self.set(&[]);
    }

    /// Counts the calls of a function so far.
    pub fn calls(&self, function: &str) -> usize {
        let noted = self.beside(".calls");
        noted.lines().filter(|line| *line == function).count()
    }

    /// Returns how many wrong PINs were offered in a row.
    pub fn wrong_pins(&self) -> u64 {
        self.beside(".wrong-pins").trim().parse().unwrap_or(0)
    }

    fn beside(&self, ending: &str) -> String {
        let mut file = self.file.clone().into_os_string();
        file.push(ending);
        // Nothing was noted before the first call.
        fs::read_to_string(file).unwrap_or_default()
    }
}
