//! A SoftHSM token for one test, in a folder and a process of its own.
//!
//! SoftHSM reads `SOFTHSM2_CONF` from the process' environment and keeps one login for all
//! sessions of a process. So a test with a token runs itself once more, as a child with the token
//! in its environment, where nothing else uses the module.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ca_keys::{KeyUri, SignerOptions, TokenKey, TokenUri};
use ca_pki::KeyAlgorithm;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};

/// The token that the child process finds.
pub(crate) struct Token {
    folder: PathBuf,
}

/// Runs `test` in a process that has a fresh token; `name` is the test's own path.
///
/// A machine without SoftHSM fails the test: a skipped one would look like a passed one.
pub(crate) fn with_token(name: &str, test: impl FnOnce(&Token)) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        test(&Token {
            folder: folder.into(),
        });
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("softhsm2.conf");
    let tokens = folder.path().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        tokens.display()
    );
    std::fs::write(&configuration, text).unwrap();
    std::fs::write(folder.path().join("pin"), format!("{PIN}\n")).unwrap();
    run(Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", LABEL, "--pin", PIN])
        .args(["--so-pin", "12345678"])
        .env("SOFTHSM2_CONF", &configuration));
    let output = run(Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env("SOFTHSM2_CONF", &configuration)
        .env(PIN_VARIABLE, PIN)
        .env(FOLDER, folder.path()));
    // A name with a typing error would run no test at all.
    assert!(output.contains("1 passed"), "no test {name}:\n{output}");
}

fn run(command: &mut Command) -> String {
    let program = command.get_program().to_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program:?} cannot run: {error}; install softhsm2"));
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(
        output.status.success(),
        "{program:?}: {}\n{text}",
        output.status
    );
    text
}

impl Token {
    /// Returns the URI of the key `object`.
    pub(crate) fn uri(&self, object: &str) -> TokenUri {
        self.uri_at(&format!("token={LABEL};object={object}"))
    }

    /// Returns a URI with this path; its PIN is in the file `pin` of the token's folder.
    pub(crate) fn uri_at(&self, path: &str) -> TokenUri {
        let text = format!("pkcs11:{path}?module-path={MODULE}&pin-source=file:pin");
        match KeyUri::parse(&text, &self.folder).unwrap() {
            KeyUri::Token(uri) => uri,
            KeyUri::File(_) => panic!("{text} is no token URI"),
        }
    }

    /// Makes a P-256 key and opens it.
    pub(crate) fn key(&self, options: &SignerOptions) -> TokenKey {
        TokenKey::generate(&self.uri("ca"), KeyAlgorithm::EcP256, options).unwrap()
    }

    /// Returns the folder of the token, in which `pin` holds its PIN.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns another door to the module that the keys of this process use.
    pub(crate) fn module(&self) -> Pkcs11 {
        Pkcs11::new(MODULE).unwrap()
    }

    /// Opens a logged-in session of somebody else in this process.
    pub(crate) fn session(&self) -> Session {
        let module = self.module();
        // The keys of this process may have done this already, and logged in too.
        drop(module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)));
        let slot = *module
            .get_slots_with_initialized_token()
            .unwrap()
            .first()
            .unwrap();
        let session = module.open_rw_session(slot).unwrap();
        drop(session.login(UserType::User, Some(&PIN.into())));
        session
    }
}

/// Finds the private keys in a token.
pub(crate) fn private_keys(session: &Session) -> Vec<ObjectHandle> {
    session
        .find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)])
        .unwrap()
}

/// The environment variable that holds the PIN, for tests that do not read it from the file.
pub(crate) const PIN_VARIABLE: &str = "CA_KEYS_TEST_PIN";
const PIN: &str = "4711-0815";
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const LABEL: &str = "test-ca";
const FOLDER: &str = "CA_KEYS_TEST_TOKEN";
