//! A SoftHSM token in a folder of its own.

mod control;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::{built, run};

pub use control::Control;

/// A token; whoever uses it needs [`Token::environment`].
#[derive(Clone, Debug)]
pub struct Token {
    folder: PathBuf,
    module: Module,
}

/// What stands between a token and whoever uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Module {
    /// SoftHSM itself.
    Real,
    /// A module before it that does as its [`Control`] says.
    Faulty,
}

impl Token {
    /// Finds the token in a folder.
    pub fn in_folder(folder: &Path, module: Module) -> Self {
        Self {
            folder: folder.to_owned(),
            module,
        }
    }

    /// Makes a token in a new folder.
    pub fn create(folder: &Path, module: Module) -> Self {
        let tokens = folder.join("tokens");
        fs::create_dir_all(&tokens).expect("the folder is writable");
        let token = Self::in_folder(folder, module);
        let text = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        fs::write(token.configuration(), text).expect("the folder is writable");
        fs::write(token.pin_file(), PIN).expect("the folder is writable");
        fs::set_permissions(token.pin_file(), Permissions::from_mode(0o600)).expect("it is ours");
        run(Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", LABEL])
            .args(["--pin", PIN, "--so-pin", "87654321"])
            .envs(token.environment()));
        token
    }

    /// Returns the environment variables that lead SoftHSM, and the module before it, here.
    pub fn environment(&self) -> Vec<(String, String)> {
        let configuration = self.configuration().display().to_string();
        let control = Control::in_folder(&self.folder);
        vec![
            ("SOFTHSM2_CONF".to_owned(), configuration),
            (Control::VARIABLE.to_owned(), control.file()),
        ]
    }

    /// Returns the URI of a key; its PIN is read from a file.
    pub fn uri(&self, object: &str) -> String {
        let module = match self.module {
            Module::Real => SOFTHSM.to_owned(),
            Module::Faulty => built("libca_pkcs11_module.so").display().to_string(),
        };
        let pin = self.pin_file();
        format!(
            "pkcs11:token={LABEL};object={object}?module-path={module}&pin-source=file:{}",
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
const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";
