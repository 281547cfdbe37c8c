//! What befalls a cluster.

use std::fs;
use std::io;
use std::process::Command;

use super::{Cluster, run, unprivileged};

impl Cluster {
    /// Ends the cluster in a mode of pg_ctl (`fast`, `immediate`).
    pub fn stop(&self, mode: &str) -> io::Result<()> {
        self.control(&["--mode", mode, "stop"])
    }

    /// Starts the cluster again, as it was.
    pub fn start_again(&self) -> io::Result<()> {
        let folder = self.folder.display();
        let options = format!("-k {folder} {SETTINGS}");
        let log = self.folder.join("log").display().to_string();
        self.control(&["--log", &log, "--options", &options, "start"])
    }

    /// Sends a signal (`STOP`, `CONT`) to the processes that serve connections.
    pub fn signal_backends(&self, name: &str) -> io::Result<()> {
        let file = fs::read_to_string(self.folder.join("data").join("postmaster.pid"))?;
        let postmaster = file.lines().next().unwrap_or_default();
        let listed = run(Command::new("ps").args(["-o", "pid=", "--ppid", postmaster]))?;
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        run(Command::new("kill")
            .args(["-s", name])
            .args(listed.split_whitespace()))?;
        Ok(())
    }

    /// Runs statements in the cluster's own database, each by itself.
    pub fn execute(&self, statements: &[&str]) -> io::Result<()> {
        let mut command = Command::new(self.programs.join("psql"));
        command
            .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"])
            .arg("--host")
            .arg(&self.folder)
            .args(["--username=postgres", "postgres"]);
        for statement in statements {
            command.args(["--command", statement]);
        }
        run(&mut command)?;
        Ok(())
    }

    fn control(&self, arguments: &[&str]) -> io::Result<()> {
        let mut command = unprivileged(&self.programs.join("pg_ctl"))?;
        command
            .arg("--pgdata")
            .arg(self.folder.join("data"))
            .args(["--wait", "--silent"])
            .args(arguments);
        run(&mut command)?;
        Ok(())
    }
}

/// As the keeper starts it.
const SETTINGS: &str = "-c listen_addresses= -c max_connections=500 -c fsync=off";
