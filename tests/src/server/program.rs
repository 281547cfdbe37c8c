//! The programs under test, and running others.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Returns a command for `ca-server`, as the workspace's last build made it.
pub fn ca_server() -> Command {
    program("ca-server")
}

/// Returns a command for `ca-offline-root`.
pub fn offline_root() -> Command {
    program("ca-offline-root")
}

/// Runs a command that must succeed and returns what it wrote to standard output.
///
/// # Panics
///
/// Panics if it fails, with what it wrote.
pub fn run(command: &mut Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?} cannot run: {error}; see tests/install"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

fn program(name: &str) -> Command {
    Command::new(built(name))
}

/// Returns what the workspace's last build made: tests are in `target/<profile>/deps`, the rest is
/// one folder up.
pub(crate) fn built(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a running program has a path");
    let folder = own
        .parent()
        .and_then(|deps| deps.parent())
        .expect("a test is two folders below target");
    let file = folder.join(name);
    assert!(
        file.is_file(),
        "{} is missing: run `cargo build --workspace` first",
        file.display()
    );
    file
}
