//! Where a key lies: `pkcs11:` URIs (RFC 7512) and `file:` paths.
//!
//! A URI never holds a secret: it names the file or the environment variable that does.

mod attributes;
mod token_uri;

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use self::attributes::Attributes;
use crate::{KeyError, SecretSource};

pub use self::token_uri::TokenUri;

/// Where a key lies and where the secret that opens it is read.
#[derive(Clone, Debug)]
pub enum KeyUri {
    /// `pkcs11:token=…;object=…?module-path=…&pin-source=…`.
    Token(TokenUri),
    /// `file:PATH[?passphrase-source=…]`.
    File(FileUri),
}

/// A PKCS#8 PEM file and, if it is encrypted, the source of its passphrase.
#[derive(Clone, Debug)]
pub struct FileUri {
    pub(crate) path: PathBuf,
    pub(crate) passphrase: Option<SecretSource>,
}

impl KeyUri {
    /// Reads a key URI; relative paths in it start at `base_dir`.
    pub fn parse(text: &str, base_dir: &Path) -> Result<Self, KeyError> {
        if text.len() > MAX_LENGTH_BYTES {
            return Err(KeyError::Uri(format!(
                "it is longer than {MAX_LENGTH_BYTES} bytes"
            )));
        }
        if text.chars().any(char::is_control) {
            return Err(KeyError::Uri("it holds a control character".into()));
        }
        if let Some(rest) = text.strip_prefix("pkcs11:") {
            return TokenUri::parse(rest, base_dir).map(Self::Token);
        }
        if let Some(rest) = text.strip_prefix("file:") {
            return FileUri::parse(rest, base_dir).map(Self::File);
        }
        Err(KeyError::Uri(
            "it begins with neither \"pkcs11:\" nor \"file:\"".into(),
        ))
    }

    /// Returns where the PIN or passphrase is read, if the URI says so.
    pub fn secret_source(&self) -> Option<&SecretSource> {
        match self {
            Self::Token(uri) => uri.pin_source.as_ref(),
            Self::File(uri) => uri.passphrase.as_ref(),
        }
    }

    /// Replaces the source of the PIN or passphrase by a secret that was typed in.
    #[must_use]
    pub fn with_secret(self, secret: SecretString) -> Self {
        let source = Some(SecretSource::Given(secret));
        match self {
            Self::Token(uri) => Self::Token(TokenUri {
                pin_source: source,
                ..uri
            }),
            Self::File(uri) => Self::File(FileUri {
                passphrase: source,
                ..uri
            }),
        }
    }
}

impl fmt::Display for KeyUri {
    /// Writes the place without the secret's source: for logs and transcripts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(uri) => uri.fmt(f),
            Self::File(uri) => write!(f, "file:{}", uri.path.display()),
        }
    }
}

impl FileUri {
    /// Returns the file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn parse(rest: &str, base_dir: &Path) -> Result<Self, KeyError> {
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut query = Attributes::split(query, '&')?;
        let passphrase = query
            .take_text("passphrase-source")?
            .map(|source| SecretSource::parse(&source, base_dir))
            .transpose()?;
        query.finish("passphrase-source")?;
        Ok(Self {
            path: base_dir.join(file_path(&attributes::decode_text("path", path)?)?),
            passphrase,
        })
    }
}

/// Returns the path in what follows `file:`, with or without an empty authority (RFC 8089 §2).
pub(crate) fn file_path(rest: &str) -> Result<PathBuf, KeyError> {
    let path = match rest.strip_prefix("//") {
        None => rest,
        Some(after) if after.starts_with('/') => after,
        Some(_) => return Err(KeyError::Uri("a file: path names a host".into())),
    };
    if path.is_empty() {
        return Err(KeyError::Uri("a file: path is empty".into()));
    }
    Ok(PathBuf::from(path))
}

const MAX_LENGTH_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<KeyUri, KeyError> {
        KeyUri::parse(text, Path::new("/etc/ca"))
    }

    fn refusal(text: &str) -> String {
        parse(text)
            .expect_err("the URI should be refused")
            .to_string()
    }

    fn token(text: &str) -> TokenUri {
        match parse(text).expect("the URI should be accepted") {
            KeyUri::Token(uri) => uri,
            KeyUri::File(_) => panic!("not a token URI"),
        }
    }

    fn file(text: &str) -> FileUri {
        match parse(text).expect("the URI should be accepted") {
            KeyUri::File(uri) => uri,
            KeyUri::Token(_) => panic!("not a file URI"),
        }
    }

    #[test]
    fn reads_every_attribute_of_a_token_uri() {
        let uri = token(
            "pkcs11:token=my%20ca;object=tls;id=%00%ffz;slot-id=7;serial=01;manufacturer=M;model=X\
             ;type=private?module-path=/usr/lib/p11.so&pin-source=env:CA_PIN",
        );

        assert_eq!(uri.token.as_deref(), Some("my ca"));
        assert_eq!(uri.object.as_deref(), Some("tls"));
        assert_eq!(uri.id.as_deref(), Some(&[0x00, 0xff, b'z'][..]));
        assert_eq!(uri.slot_id, Some(7));
        assert_eq!(uri.serial.as_deref(), Some("01"));
        assert_eq!(uri.manufacturer.as_deref(), Some("M"));
        assert_eq!(uri.model.as_deref(), Some("X"));
        assert_eq!(uri.module_path, Path::new("/usr/lib/p11.so"));
        assert!(
            matches!(uri.pin_source, Some(SecretSource::Environment(name)) if name == "CA_PIN")
        );
    }

    #[test]
    fn resolves_relative_paths_against_the_base_folder() {
        let token = token("pkcs11:token=ca;object=tls?module-path=p11.so&pin-source=file:pin");
        let relative = file("file:keys/tls.key?passphrase-source=file:pass");

        assert_eq!(token.module_path, Path::new("/etc/ca/p11.so"));
        assert!(matches!(
            token.pin_source,
            Some(SecretSource::File(path)) if path == Path::new("/etc/ca/pin")
        ));
        assert_eq!(relative.path, Path::new("/etc/ca/keys/tls.key"));
        assert_eq!(file("file:/a%3Fb").path, Path::new("/a?b"));
        assert_eq!(file("file:///a").path, Path::new("/a"));
    }

    #[test]
    fn refuses_a_pin_in_the_uri_without_repeating_it() {
        for text in [
            "pkcs11:token=ca;object=tls?module-path=/m.so&pin-value=987654",
            "pkcs11:token=ca;object=tls;pin-value=987654?module-path=/m.so",
            "file:tls.key?pin-value=987654",
            "pkcs11:token=ca;object=tls?module-path=/m.so&pin%2Dvalue=987654",
        ] {
            let message = refusal(text);

            assert!(!message.contains("987654"), "{message}");
        }
        assert!(
            refusal("pkcs11:token=ca;object=t?module-path=/m&pin-value=1").contains("pin-source")
        );
    }

    #[test]
    fn names_what_is_wrong_with_a_uri() {
        for (text, word) in [
            ("https://example", "pkcs11:"),
            ("file:", "empty"),
            ("file://host/key", "host"),
            ("file:a?passphrase-source=exec:rm", "passphrase"),
            ("file:a?passphrase-source=env:A-B", "variable"),
            ("file:a?passphrase-source=", "empty"),
            ("file:a%2", "percent"),
            ("file:a%zz", "percent"),
            ("file:a%00", "control"),
            ("file:a\nb", "control"),
            ("pkcs11:object=tls?module-path=/m.so", "token"),
            ("pkcs11:token=ca?module-path=/m.so", "object"),
            ("pkcs11:token=ca;object=tls", "module-path"),
            ("pkcs11:token=ca;token=b;object=t?module-path=/m", "twice"),
            (
                "pkcs11:token=ca;object=t;colour=red?module-path=/m",
                "colour",
            ),
            (
                "pkcs11:token=ca;object=t?module-path=/m&colour=red",
                "colour",
            ),
            (
                "pkcs11:token=ca;object=t;type=public?module-path=/m",
                "private",
            ),
            ("pkcs11:token=ca;object=%ff?module-path=/m", "UTF-8"),
            ("pkcs11:slot-id=x;object=t?module-path=/m", "slot-id"),
            ("pkcs11:token=;object=t?module-path=/m", "empty"),
            ("pkcs11:token=ca;object?module-path=/m", "value"),
        ] {
            let message = refusal(text);

            assert!(message.contains(word), "{text}: {message}");
        }
    }

    #[test]
    fn refuses_a_uri_that_is_too_long() {
        let message = refusal(&format!("file:{}", "a".repeat(MAX_LENGTH_BYTES)));

        assert!(message.contains("longer"), "{message}");
    }

    #[test]
    fn shows_the_place_but_not_the_source_of_the_secret() {
        let uri =
            parse("pkcs11:token=a%3Bb;object=tls?module-path=/m.so&pin-source=env:P").unwrap();
        let given = uri.clone().with_secret("4711".into());

        assert_eq!(uri.to_string(), "pkcs11:token=a%3Bb;object=tls");
        assert!(!format!("{given:?}").contains("4711"));
    }
}
