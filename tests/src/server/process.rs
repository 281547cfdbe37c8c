//! One run of a server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Log;

/// A running server.
#[derive(Debug)]
pub(super) struct Process(Child);

impl Process {
    pub(super) fn spawn(command: &mut Command, log: &Log) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        log.follow(child.stderr.take().expect("piped"));
        Self(child)
    }

    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Asks `/readyz` until it says yes. `Err` is the exit code of a server that ended.
    pub(super) fn wait_until_ready(
        &mut self,
        ops: impl Fn() -> Option<String>,
        log: &Log,
    ) -> Result<(), i32> {
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait().expect("a child can be asked") {
                log.wait_for_end();
                return Err(code(status));
            }
            if ops().is_some_and(|address| is_ready(&address)) {
                return Ok(());
            }
            thread::sleep(BETWEEN_QUESTIONS);
        }
        panic!("the server is not ready in {DEADLINE:?}:\n{}", log.text());
    }

    /// Waits for the end and returns the exit code.
    pub(super) fn wait(mut self, log: &Log) -> i32 {
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait().expect("a child can be asked") {
                log.wait_for_end();
                return code(status);
            }
            thread::sleep(BETWEEN_QUESTIONS);
        }
        self.kill();
        panic!("the server does not stop in {DEADLINE:?}:\n{}", log.text());
    }

    /// Sends SIGKILL.
    pub(super) fn kill(mut self) {
        self.0.kill().expect("the server is ours");
        self.0.wait().expect("the server is ours");
    }

    pub(super) fn signal(&self, name: &str) {
        let status = Command::new("sh")
            .args(["-c", r#"kill -s "$1" "$2""#, "signal", name])
            .arg(self.0.id().to_string())
            .status()
            .expect("there is a shell");
        assert!(status.success(), "no signal {name}");
    }
}

fn is_ready(address: &str) -> bool {
    ask(address).is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

fn ask(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// A server that a signal ended has no exit code.
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}

const DEADLINE: Duration = Duration::from_secs(60);
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(10);
