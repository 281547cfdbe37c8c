//! Ends a server and removes its folder when the test process has ended, however it ended.

use std::io::Write;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;

/// A shell that waits for its standard input to end.
#[derive(Debug)]
pub(super) struct Keeper {
    shell: Child,
    line: Mutex<Option<ChildStdin>>,
}

impl Keeper {
    pub(super) fn of(folder: &Path) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "keeper"])
            .arg(folder)
            .stdin(Stdio::piped())
            .spawn()
            .expect("there is a shell");
        let line = Mutex::new(shell.stdin.take());
        Self { shell, line }
    }

    /// Ends this process when the test process has ended.
    pub(super) fn watch(&self, process: u32) {
        self.say(&process.to_string());
    }

    /// Ends nobody: the process has ended, its number may be given to another.
    pub(super) fn forget(&self) {
        self.say("");
    }

    fn say(&self, text: &str) {
        let mut line = self.line.lock().unwrap();
        let line = line.as_mut().expect("open until dropped");
        writeln!(line, "{text}").expect("the keeper listens");
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.line.lock().map(|mut line| line.take()));
        // The shell reports nothing that a test could act on.
        let _ = self.shell.wait();
    }
}

const SCRIPT: &str = r#"
trap '' INT TERM HUP
while read -r line; do process="$line"; done
[ -n "$process" ] && kill -KILL "$process" 2>/dev/null
rm -rf "$1"
"#;
