//! Where PINs and passphrases come from: a file or the environment, never an argument.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::KeyError;
use crate::uri::file_path;

/// Where a PIN or passphrase is read, each time that it is needed.
///
/// Reading again at every use lets an operator replace the secret without a restart.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// The content of a file, less one line ending: `file:PATH`.
    File(PathBuf),
    /// An environment variable: `env:NAME`.
    Environment(String),
    /// Typed in or put together by the caller; it has no form in a URI.
    Given(SecretString),
}

impl SecretSource {
    /// Reads `file:PATH` or `env:NAME`; a relative path starts at `base_dir`.
    pub fn parse(text: &str, base_dir: &Path) -> Result<Self, KeyError> {
        if let Some(rest) = text.strip_prefix("file:") {
            return Ok(Self::File(base_dir.join(file_path(rest)?)));
        }
        let Some(name) = text.strip_prefix("env:") else {
            return Err(KeyError::Uri(
                "the source of a PIN or passphrase is file:PATH or env:NAME".into(),
            ));
        };
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(fits) {
            return Err(KeyError::Uri(
                "the name of an environment variable is letters, digits and underscores".into(),
            ));
        }
        Ok(Self::Environment(name.into()))
    }

    /// Returns the secret as it is now.
    pub fn read(&self) -> Result<SecretString, KeyError> {
        match self {
            Self::File(path) => read_file(path),
            Self::Environment(name) => read_environment(name),
            Self::Given(secret) => Ok(secret.clone()),
        }
    }
}

fn read_file(path: &Path) -> Result<SecretString, KeyError> {
    let failed = |error: std::io::Error| {
        KeyError::Secret(format!("{} cannot be read: {error}", path.display()))
    };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o007 != 0 {
        // A warning only: orchestrators mount secrets readable for all inside one container.
        tracing::warn!(path = %path.display(), "the secret's file is readable by every user");
    }

    let mut text = Zeroizing::new(String::with_capacity(MAX_LENGTH_BYTES + 1));
    file.take(MAX_LENGTH_BYTES as u64 + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    checked(&text, &path.display().to_string())
}

fn read_environment(name: &str) -> Result<SecretString, KeyError> {
    let text = std::env::var(name).map(Zeroizing::new).map_err(|_| {
        KeyError::Secret(format!(
            "the environment variable {name} is not set to text"
        ))
    })?;
    checked(&text, name)
}

/// Takes one line ending off, which editors and `echo` add.
fn checked(text: &str, place: &str) -> Result<SecretString, KeyError> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(KeyError::Secret(format!("{place} is empty")));
    }
    if line.len() > MAX_LENGTH_BYTES {
        return Err(KeyError::Secret(format!(
            "{place} is longer than {MAX_LENGTH_BYTES} bytes"
        )));
    }
    Ok(line.into())
}

const MAX_LENGTH_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn file_with(content: &[u8]) -> (tempfile::TempDir, SecretSource) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        std::fs::write(&path, content).unwrap();
        (folder, SecretSource::File(path))
    }

    #[test]
    fn reads_a_file_without_its_line_ending() {
        for content in ["12 34", "12 34\n", "12 34\r\n"] {
            let (_folder, source) = file_with(content.as_bytes());

            let secret = source.read().unwrap();

            assert_eq!(secret.expose_secret(), "12 34");
        }
    }

    #[test]
    fn refuses_a_secret_that_is_empty_too_long_or_not_text() {
        for content in [&b""[..], b"\n", &[b'1'; MAX_LENGTH_BYTES + 1], b"\xff"] {
            let (_folder, source) = file_with(content);

            assert!(matches!(source.read(), Err(KeyError::Secret(_))));
        }
    }

    #[test]
    fn names_the_file_or_variable_that_is_missing() {
        for (source, word) in [
            ("file:/nonexistent/pin", "/nonexistent/pin"),
            ("env:CA_NO_SUCH", "CA_NO_SUCH"),
        ] {
            let source = SecretSource::parse(source, Path::new("/")).unwrap();

            let message = source.read().unwrap_err().to_string();

            assert!(message.contains(word), "{message}");
        }
    }

    #[test]
    fn does_not_show_a_given_secret() {
        let source = SecretSource::Given("4711".into());

        assert!(!format!("{source:?}").contains("4711"));
    }
}
