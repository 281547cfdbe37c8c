//! openssl, a judge that shares no code with the program.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::NamedTempFile;

/// Runs openssl and returns its standard output.
///
/// # Panics
///
/// Panics if it fails, with what it said.
pub fn run(arguments: &[&str]) -> String {
    crate::server::run(Command::new("openssl").args(arguments))
}

/// Runs openssl with something on its standard input, however it ends.
pub fn run_with(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl is installed, see tests/install");
    let mut pipe = child.stdin.take().expect("piped");
    // openssl may have seen enough before the end.
    let _ = pipe.write_all(input);
    drop(pipe);
    child.wait_with_output().expect("openssl ends")
}

/// Returns the text form of the first certificate in a PEM chain.
pub fn certificate_text(pem: &str) -> String {
    let output = run_with(
        &["x509", "-noout", "-text", "-certopt", "ext_parse"],
        pem.as_bytes(),
    );
    assert!(output.status.success(), "openssl does not read {pem}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns a field of the first certificate, as `openssl x509` shows it: `serial`, `enddate`.
pub fn certificate_field(pem: &str, field: &str) -> String {
    let output = run_with(&["x509", "-noout", &format!("-{field}")], pem.as_bytes());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = text
        .split_once('=')
        .map_or(text.as_str(), |(_, value)| value);
    value.trim().to_owned()
}

/// Verifies a chain, strictly, up to the root.
///
/// # Panics
///
/// Panics if openssl does not accept it.
pub fn verify_chain(root: &Path, chain_pem: &str) {
    let file = file_with(chain_pem.as_bytes());
    let path = file.path().display().to_string();
    let root = root.display().to_string();
    run(&[
        "verify",
        "-x509_strict",
        "-CAfile",
        &root,
        "-untrusted",
        &path,
        &path,
    ]);
}

/// Makes a file for programs that read only files.
pub fn file_with(octets: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(octets).expect("a temporary file");
    file
}
