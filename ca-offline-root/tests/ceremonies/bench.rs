//! A folder with ceremony files, a way to run the binary in it, and the OpenSSL command.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A temporary folder in which ceremonies are held.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Returns what was written to standard output, if the command succeeded.
    #[track_caller]
    pub(crate) fn expect_success(self) -> String {
        assert_eq!(self.code, 0, "{}\n{}", self.stderr, self.stdout);
        self.stdout
    }

    /// Returns what was written to standard error, if the command ended with `code`.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}\n{}", self.stderr, self.stdout);
        self.stderr
    }
}

impl Bench {
    /// Makes an empty folder.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            environment: Vec::new(),
        }
    }

    /// Makes a folder with a root, from the sample with a key file; its shares are in `shares/`.
    pub(crate) fn with_root() -> Self {
        let bench = Self::new();
        bench.sample("root.toml");
        bench.run("root.toml", &ROOT_ANSWERS).expect_success();
        bench
    }

    /// Makes a folder with a root whose passphrase is typed: quick ceremonies.
    pub(crate) fn with_typed_root() -> Self {
        let bench = Self::new();
        bench.write("root.toml", TYPED_ROOT);
        bench.run("root.toml", &TYPED_ROOT_ANSWERS).expect_success();
        bench
    }

    /// Sets a variable for every program that is run.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        String::from_utf8(std::fs::read(self.path(name)).unwrap()).unwrap()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// Copies a sample from `deploy/ceremonies` into the folder.
    pub(crate) fn sample(&self, name: &str) {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../deploy/ceremonies")
            .join(name);
        let file = Path::new(name).file_name().unwrap();
        std::fs::copy(source, self.folder.path().join(file)).unwrap();
    }

    /// Holds a ceremony; the machine that runs the tests is on a network on purpose.
    pub(crate) fn run(&self, ceremony: &str, answers: &[&str]) -> Outcome {
        self.run_with(ceremony, &["--network-is-up-on-purpose"], answers)
    }

    /// Rehearses a ceremony.
    pub(crate) fn rehearse(&self, ceremony: &str, answers: &[&str]) -> Outcome {
        self.run_with(
            ceremony,
            &["--network-is-up-on-purpose", "--rehearse"],
            answers,
        )
    }

    /// Holds a ceremony with the given options.
    pub(crate) fn run_with(&self, ceremony: &str, options: &[&str], answers: &[&str]) -> Outcome {
        let arguments = [&["run", ceremony], options].concat();
        let input: String = answers.iter().map(|answer| format!("{answer}\n")).collect();
        self.program(env!("CARGO_BIN_EXE_ca-offline-root"), &arguments, &input)
    }

    /// Runs the binary without answers.
    pub(crate) fn tool(&self, arguments: &[&str]) -> Outcome {
        self.program(env!("CARGO_BIN_EXE_ca-offline-root"), arguments, "")
    }

    /// Runs OpenSSL, which must succeed, and returns what it wrote.
    #[track_caller]
    pub(crate) fn openssl(&self, arguments: &[&str]) -> String {
        self.program("openssl", arguments, "").expect_success()
    }

    /// Makes a CA's key and request with OpenSSL.
    pub(crate) fn request(&self, name: &str, subject: &str) {
        self.request_with(
            name,
            subject,
            &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
        );
    }

    /// Makes a key of the given kind and a request with OpenSSL.
    pub(crate) fn request_with(&self, name: &str, subject: &str, key: &[&str]) {
        let (csr, private) = (format!("{name}.csr"), format!("{name}-private.pem"));
        let common = ["-subj", subject, "-keyout", &private, "-out", &csr];
        let arguments = [&["req", "-new", "-nodes", "-newkey"], key, &common].concat();
        self.openssl(&arguments);
    }

    /// Returns SHA-256 of a file's DER form, from OpenSSL; `kind` is `req` or `x509`.
    pub(crate) fn fingerprint(&self, kind: &str, name: &str) -> String {
        let der = format!("{name}.der");
        self.openssl(&[kind, "-in", name, "-outform", "DER", "-out", &der]);
        let line = self.openssl(&["dgst", "-sha256", "-r", &der]);
        line.split_whitespace().next().unwrap().to_owned()
    }

    /// Runs a program in the folder, with `input` on its standard input.
    pub(crate) fn program(&self, program: &str, arguments: &[&str], input: &str) -> Outcome {
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(self.folder.path())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} does not run: {error}"));
        // A program that ends early closes its end, which is no failure here.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let Output {
            status,
            stdout,
            stderr,
        } = child.wait_with_output().unwrap();
        Outcome {
            code: status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }
}

/// Operator, witnesses, confirmation, custodians: for the sample.
pub(crate) const ROOT_ANSWERS: [&str; 8] = [
    "Olga",
    "Wim, Wanda",
    "yes",
    "Ada",
    "Ben",
    "Cem",
    "Dov",
    "Eva",
];

/// Three of the custodians, for ceremonies with the sample's root.
pub(crate) const SHARE_ANSWERS: [&str; 6] = [
    "Eva",
    "shares/share-5-of-5.txt",
    "Ada",
    "shares/share-1-of-5.txt",
    "Cem",
    "shares/share-3-of-5.txt",
];

/// A root that one person can open.
pub(crate) const TYPED_ROOT: &str = r#"
kind = "root"
subject = "CN=Example Root CA 2026,O=Example"
key = { uri = "file:root.key" }
validity = { lifetime = "20y" }
output = { certificate = "root.pem", transcript = "root.transcript.json" }
"#;

/// The passphrase of that root.
pub(crate) const PASSPHRASE: &str = "correct horse battery staple";

/// Operator, no witnesses, confirmation, passphrase twice.
pub(crate) const TYPED_ROOT_ANSWERS: [&str; 5] = ["Olga", "", "yes", PASSPHRASE, PASSPHRASE];
