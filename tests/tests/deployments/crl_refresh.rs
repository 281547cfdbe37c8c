//! The timer's script that keeps a copy of the CRLs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ca_tests::{TestCa, relying_party};

#[tokio::test]
async fn new_crls_reload_once() {
    let (folder, served) = served().await;
    let refresh = |command: &[&str]| refresh(folder.path(), &served, command);

    let first = refresh(RELOAD);
    let second = refresh(RELOAD);

    assert!(first.status.success(), "{first:?}");
    assert!(second.status.success(), "{second:?}");
    assert_eq!(reloads(folder.path()), 1);
    assert_eq!(copy(folder.path()), fs::read(&served).unwrap());
}

#[tokio::test]
async fn a_reload_that_failed_is_tried_again() {
    let (folder, served) = served().await;
    let refresh = |command: &[&str]| refresh(folder.path(), &served, command);

    let failed = refresh(&["false"]);
    let failed_again = refresh(&["false"]);
    let reloaded = refresh(RELOAD);
    let idle = refresh(RELOAD);

    assert!(!failed.status.success(), "{failed:?}");
    assert!(!failed_again.status.success(), "{failed_again:?}");
    assert!(reloaded.status.success(), "{reloaded:?}");
    assert!(idle.status.success(), "{idle:?}");
    assert_eq!(reloads(folder.path()), 1);
    let left: Vec<PathBuf> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("crl.pem."))
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

#[tokio::test]
async fn what_is_no_crl_replaces_nothing() {
    let (folder, served) = served().await;
    refresh(folder.path(), &served, RELOAD);
    let before = copy(folder.path());
    fs::write(&served, "a proxy's page").unwrap();

    let refused = refresh(folder.path(), &served, RELOAD);

    assert!(!refused.status.success(), "{refused:?}");
    assert_eq!(copy(folder.path()), before);
    assert_eq!(reloads(folder.path()), 1);
}

/// Puts a CA's CRLs into a file: published anew they would be others between two runs.
async fn served() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let ca = TestCa::quickstart();
    let crls = relying_party::fetch(&ca.plain_url("pki", "/crl/all.pem")).await;
    let served = folder.path().join("all.pem");
    fs::write(&served, crls).unwrap();
    (folder, served)
}

fn refresh(folder: &Path, served: &Path, command: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/renewal/crl-refresh");
    let output = Command::new(script)
        .arg(format!("file://{}", served.display()))
        .arg("crl.pem")
        .args(command)
        .current_dir(folder)
        .output();
    output.unwrap()
}

fn copy(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("crl.pem")).unwrap()
}

fn reloads(folder: &Path) -> usize {
    let log = fs::read_to_string(folder.join("reloads"));
    log.unwrap_or_default().lines().count()
}

const RELOAD: &[&str] = &["sh", "-c", "echo reloaded >> reloads"];
