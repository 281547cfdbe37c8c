//! A SoftHSM token in a folder of its own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::run;

/// A token; whoever uses it needs [`Token::environment`].
#[derive(Clone, Debug)]
pub struct Token {
    folder: PathBuf,
}

impl Token {
    /// Makes a token in a new folder.
    pub fn create(folder: &Path) -> Self {
        let tokens = folder.join("tokens");
        fs::create_dir_all(&tokens).expect("the folder is writable");
        let token = Self {
            folder: folder.to_owned(),
        };
        let text = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        fs::write(token.configuration(), text).expect("the folder is writable");
        fs::write(token.pin_file(), PIN).expect("the folder is writable");
        fs::set_permissions(token.pin_file(), Permissions::from_mode(0o600)).expect("it is ours");
        let (name, value) = token.environment();
        run(Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", LABEL])
            .args(["--pin", PIN, "--so-pin", "87654321"])
            .env(name, value));
        token
    }

    /// Returns the environment variable that leads SoftHSM here.
    pub fn environment(&self) -> (String, String) {
        let file = self.configuration().display().to_string();
        ("SOFTHSM2_CONF".to_owned(), file)
    }

    /// Returns the URI of a key; its PIN is read from a file.
    pub fn uri(&self, object: &str) -> String {
        let pin = self.pin_file();
        format!(
            "pkcs11:token={LABEL};object={object}?module-path={MODULE}&pin-source=file:{}",
            pin.display()
        )
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    fn pin_file(&self) -> PathBuf {
        self.folder.join("pin")
    }
}

const LABEL: &str = "ca";
const PIN: &str = "2711-1984";
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
