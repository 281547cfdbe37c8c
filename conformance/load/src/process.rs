//! What /proc says of the server, and of us.

use std::fmt;
use std::fs;

use serde_json::{Value, json};

use crate::error::Error;

/// A process on this machine, watched from some moment on.
pub(crate) struct Watched {
    pid: u32,
    ticks: u64,
}

/// What a process used.
pub(crate) struct Used {
    cpu_secs: f64,
    operations: u64,
    peak_kib: u64,
    resident_kib: u64,
}

impl Watched {
    /// Begins to watch.
    pub(crate) fn begin(pid: u32) -> Result<Self, Error> {
        Ok(Self {
            pid,
            ticks: ticks(&pid.to_string())?,
        })
    }

    /// Returns what was used since the beginning, over this many operations.
    pub(crate) fn since(&self, operations: u64) -> Used {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        Used {
            cpu_secs: self.cpu_secs(),
            operations,
            peak_kib: field(&status, "VmHWM:"),
            resident_kib: field(&status, "VmRSS:"),
        }
    }

    /// Begins to watch this program: near one core, the figures are its own.
    pub(crate) fn ourselves() -> Result<Self, Error> {
        Self::begin(std::process::id())
    }

    /// Returns the CPU time since the beginning.
    pub(crate) fn cpu_secs(&self) -> f64 {
        let now = ticks(&self.pid.to_string()).unwrap_or(self.ticks);
        now.saturating_sub(self.ticks) as f64 / TICKS_PER_SEC
    }
}

impl Used {
    /// Returns it for programs.
    pub(crate) fn json(&self) -> Value {
        json!({"cpu_secs": self.cpu_secs, "cpu_ms_each": self.cpu_ms_each(),
               "peak_kib": self.peak_kib, "resident_kib": self.resident_kib})
    }

    fn cpu_ms_each(&self) -> f64 {
        1_000.0 * self.cpu_secs / self.operations.max(1) as f64
    }
}

impl fmt::Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self.cpu_ms_each();
        write!(
            f,
            "server         {:.2} s of CPU, {each:.3} ms each; peak {} MiB, now {} MiB",
            self.cpu_secs,
            self.peak_kib / 1_024,
            self.resident_kib / 1_024
        )
    }
}

/// Reads user and system time in clock ticks (proc(5): fields 14 and 15 of stat).
fn ticks(process: &str) -> Result<u64, Error> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields = after_name.split_ascii_whitespace().skip(11).take(2);
    Ok(fields.filter_map(|field| field.parse::<u64>().ok()).sum())
}

fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_ascii_whitespace().next());
    number
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}

/// USER_HZ, which Linux fixes at 100 towards programs.
const TICKS_PER_SEC: f64 = 100.0;
