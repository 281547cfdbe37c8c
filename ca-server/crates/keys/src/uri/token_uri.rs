//! The `pkcs11:` scheme: a token, an object in it, the module that talks to it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::attributes::{self, Attributes};
use crate::{KeyError, SecretSource};

/// A key in a PKCS#11 token (RFC 7512).
#[derive(Clone, Debug)]
pub struct TokenUri {
    pub(crate) token: Option<String>,
    pub(crate) serial: Option<String>,
    pub(crate) manufacturer: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) slot_id: Option<u64>,
    pub(crate) object: Option<String>,
    pub(crate) id: Option<Vec<u8>>,
    pub(crate) module_path: PathBuf,
    pub(crate) pin_source: Option<SecretSource>,
}

impl TokenUri {
    /// Returns the shared library that talks to the token.
    pub fn module_path(&self) -> &Path {
        &self.module_path
    }

    pub(super) fn parse(rest: &str, base_dir: &Path) -> Result<Self, KeyError> {
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut path = Attributes::split(path, ';')?;
        let mut query = Attributes::split(query, '&')?;
        let module_path = query.take_text("module-path")?.ok_or_else(|| {
            KeyError::Uri("module-path is missing: name the token's shared library".into())
        })?;
        let uri = Self {
            token: path.take_text("token")?,
            serial: path.take_text("serial")?,
            manufacturer: path.take_text("manufacturer")?,
            model: path.take_text("model")?,
            slot_id: path.take_text("slot-id")?.map(slot_id).transpose()?,
            object: path.take_text("object")?,
            id: path.take_bytes("id")?,
            module_path: base_dir.join(module_path),
            pin_source: query
                .take_text("pin-source")?
                .map(|source| SecretSource::parse(&source, base_dir))
                .transpose()?,
        };
        refuse_other_types(&mut path)?;
        path.finish("token, serial, manufacturer, model, slot-id, object, id, type")?;
        query.finish("module-path, pin-source")?;
        uri.require_one_key()
    }

    /// Refuses a URI that would pick whatever token or key comes first.
    fn require_one_key(self) -> Result<Self, KeyError> {
        if self.token.is_none() && self.serial.is_none() && self.slot_id.is_none() {
            return Err(KeyError::Uri(
                "it names no token: give token=, serial= or slot-id=".into(),
            ));
        }
        if self.object.is_none() && self.id.is_none() {
            return Err(KeyError::Uri("it names no key: give object= or id=".into()));
        }
        Ok(self)
    }
}

impl fmt::Display for TokenUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id: Option<String> = self
            .id
            .as_ref()
            .map(|id| id.iter().map(|byte| format!("%{byte:02X}")).collect());
        let parts = [
            ("token", self.token.as_deref().map(attributes::encode)),
            ("serial", self.serial.as_deref().map(attributes::encode)),
            ("slot-id", self.slot_id.map(|slot| slot.to_string())),
            ("object", self.object.as_deref().map(attributes::encode)),
            ("id", id),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", value?)))
            .collect();
        write!(f, "pkcs11:{}", parts.join(";"))
    }
}

fn slot_id(text: String) -> Result<u64, KeyError> {
    text.parse()
        .map_err(|_| KeyError::Uri("slot-id is not a number".into()))
}

/// Accepts `type=private`, which listing tools print, and no other type.
fn refuse_other_types(path: &mut Attributes<'_>) -> Result<(), KeyError> {
    match path.take_text("type")?.as_deref() {
        None | Some("private") => Ok(()),
        Some(_) => Err(KeyError::Uri("only type=private can sign".into())),
    }
}
