//! A PostgreSQL cluster for tests: in a temporary folder, on a socket, gone with the process.

mod control;

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A running cluster.
///
/// A shell keeps it: when the pipe to the shell closes, because this value is dropped or the
/// process has ended in whatever way, the shell stops the cluster and removes its folder.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    keeper: Child,
    databases: AtomicUsize,
}

impl Cluster {
    /// Returns the cluster of this process, started at the first call.
    ///
    /// # Panics
    ///
    /// Panics if PostgreSQL is not installed or does not start: a suite that leaves out half of
    /// its databases must not look green.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| {
            Self::start()
                .expect("tests need PostgreSQL's initdb and pg_ctl: apt install postgresql")
        })
    }

    /// Starts a cluster.
    pub fn start() -> io::Result<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("ca-pg-").tempdir()?.keep();
        if is_root()? {
            run(Command::new("chown").arg("postgres").arg(&folder))?;
        }
        let data = folder.join("data");
        run(unprivileged(&programs.join("initdb"))?
            .arg("--pgdata")
            .arg(&data)
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--no-locale", "--no-sync"]))?;
        let keeper = keep(&programs, &folder)?;
        Ok(Self {
            programs,
            folder,
            keeper,
            databases: AtomicUsize::new(0),
        })
    }

    /// Creates an empty database and returns its URL.
    pub fn database(&self) -> io::Result<String> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        run(Command::new(self.programs.join("createdb"))
            .arg("--host")
            .arg(&self.folder)
            .args(["--username=postgres", &name]))?;
        let host = self.folder.display();
        Ok(format!("postgres://postgres@localhost/{name}?host={host}"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // The shell reports nothing that a test could act on.
        let _ = self.keeper.wait();
    }
}

/// Starts the cluster under a shell that stops it when its standard input ends.
fn keep(programs: &Path, folder: &Path) -> io::Result<Child> {
    let mut keeper = unprivileged(Path::new("sh"))?
        .args(["-c", KEEPER, "keeper"])
        .arg(programs.join("pg_ctl"))
        .arg(folder)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    if let Some(output) = keeper.stdout.take() {
        BufReader::new(output).read_line(&mut line)?;
    }
    if line.trim() == "ready" {
        return Ok(keeper);
    }
    let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
    Err(io::Error::other(format!(
        "the cluster did not start: {log}"
    )))
}

/// PostgreSQL refuses to run as root.
fn unprivileged(program: &Path) -> io::Result<Command> {
    if !is_root()? {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    Ok(command)
}

fn is_root() -> io::Result<bool> {
    let id = run(Command::new("id").arg("-u"))?;
    Ok(id.stdout.trim_ascii() == b"0")
}

/// Finds the folder of initdb: Debian keeps it out of the path.
fn programs() -> io::Result<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut folders: Vec<PathBuf> = debian.flatten().map(|one| one.path().join("bin")).collect();
    folders.sort();
    let path = env::var_os("PATH").unwrap_or_default();
    folders.extend(env::split_paths(&path));
    let mut having = folders
        .into_iter()
        .filter(|one| one.join("initdb").is_file());
    having
        .next()
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no initdb here"))
}

fn run(command: &mut Command) -> io::Result<Output> {
    let output = command.current_dir("/").stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{command:?}: {said}")))
}

// Nothing here survives a crash of the machine, nor has to: fsync is off.
const KEEPER: &str = r#"
"$1" --pgdata "$2/data" --log "$2/log" --wait --options "-k $2 -c listen_addresses= \
    -c max_connections=500 -c fsync=off" start >/dev/null && echo ready && cat >/dev/null
"$1" --pgdata "$2/data" --mode immediate --wait stop >/dev/null 2>&1
rm -rf "$2"
"#;
