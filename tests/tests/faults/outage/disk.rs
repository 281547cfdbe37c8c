//! A small disk that can be full.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ca_tests::server::run;

/// A file system of its own, in memory.
pub(super) struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Mounts one of this many mebibytes; whoever runs the suites must be allowed to.
    pub(super) fn of_mebibytes(size: u32) -> Self {
        let folder = tempfile::Builder::new().prefix("ca-disk-").tempdir();
        let folder = folder.unwrap().keep();
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}m"), "tmpfs"])
            .arg(&folder));
        Self { folder }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Leaves no octet free.
    pub(super) fn fill(&self) {
        let file = format!("of={}", self.filler().display());
        // It ends with an error: the disk is full.
        let filling = Command::new("dd")
            .args(["if=/dev/zero", &file, "bs=4096"])
            .output();
        assert!(!filling.unwrap().status.success(), "the disk has no end");
    }

    /// Makes room again.
    pub(super) fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What still uses it keeps it until it ends.
        let unmounted = Command::new("umount")
            .arg("--lazy")
            .arg(&self.folder)
            .status();
        if unmounted.is_ok_and(|status| status.success()) {
            let _ = fs::remove_dir(&self.folder);
        }
    }
}
