//! SQLite's file locked by another process, its disk full, its disk failing.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use tokio::time::sleep;

use super::disk::Disk;
use super::{Need, a_while, outlives};
use crate::database::Kind;
use crate::hurried;

#[test]
fn outlives_a_file_that_another_process_has_locked() {
    let ca = hurried().start();
    let url = ca.database_url();
    // Longer than the writer waits, where the suites are long.
    let span = a_while();

    outlives(Kind::Sqlite, ca, Need::Partial, async || {
        let mut single = ConnectOptions::new(url);
        single.max_connections(1);
        let other = Database::connect(single).await.unwrap();
        let wait = "PRAGMA busy_timeout = 20000; BEGIN EXCLUSIVE";
        other.execute_unprepared(wait).await.unwrap();
        sleep(span).await;
        other.execute_unprepared("ROLLBACK").await.unwrap();
        other.close().await.unwrap();
    });
}

#[test]
fn outlives_a_disk_that_is_full() {
    // With room for the write-ahead log at its longest: else it is full again by itself.
    let disk = Disk::of_mebibytes(96);
    let url = Kind::Sqlite.url(disk.folder());
    let ca = hurried().set("database.url", url).start();

    outlives(Kind::Sqlite, ca, Need::Partial, async || {
        disk.fill();
        sleep(a_while()).await;
        disk.free();
    });
}

#[test]
fn outlives_a_disk_that_syncs_nothing() {
    with_failing("fdatasync,fsync", "EIO");
}

#[test]
fn outlives_a_file_system_that_became_read_only() {
    with_failing("pwrite64,write,ftruncate,fdatasync,fsync", "EROFS");
}

/// System calls of every thread fail.
fn with_failing(calls: &str, error: &str) {
    let ca = hurried().start();
    let process = ca.process_id();

    outlives(Kind::Sqlite, ca, Need::Partial, async || {
        let tracer = Tracer::attach(process, calls, error);
        sleep(a_while()).await;
        drop(tracer);
    });
}

/// Something that lets system calls fail until it is dropped.
struct Tracer(Child);

impl Tracer {
    fn attach(process: u32, calls: &str, error: &str) -> Self {
        // Sockets and pipes are written to by the same calls: only files of the database fail.
        let mut command = Command::new("strace");
        command
            .args(["-f", "-qq", "-o", "/dev/null", "-e"])
            .arg(format!("trace={calls}"))
            .args(["-e", &format!("inject={calls}:error={error}")]);
        for file in databases_of(process) {
            command.args(["-P", &file]);
        }
        let tracer = command
            .args(["-p", &process.to_string()])
            .stdin(Stdio::null())
            .spawn()
            .expect("strace is installed, see tests/install");
        let deadline = Instant::now() + ATTACHED;
        while !is_traced(process) {
            assert!(Instant::now() < deadline, "strace does not attach");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self(tracer)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // Asked to end, it lets go of the server; killed, it might take it along.
        let pid = self.0.id().to_string();
        let asked = Command::new("kill").args(["-s", "INT", &pid]).status();
        if asked.is_ok() {
            let _ = self.0.wait();
        }
    }
}

/// Tells whether each thread of a process has a tracer.
fn is_traced(process: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let files = threads.map(|thread| thread.unwrap().path().join("status"));
    // A thread that has ended needs none.
    let mut states = files.filter_map(|file| std::fs::read_to_string(file).ok());
    states.all(|state| !state.contains("TracerPid:\t0\n"))
}

/// Lists the files of a process that belong to its database.
fn databases_of(process: u32) -> Vec<String> {
    let open = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let open = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let open = open.map(|path| path.display().to_string());
    let mut files: Vec<String> = open.filter(|path| path.contains("ca.db")).collect();
    files.sort();
    files.dedup();
    assert!(!files.is_empty(), "it has no database open");
    files
}

/// How long strace may take to attach to every thread.
const ATTACHED: Duration = Duration::from_secs(30);
