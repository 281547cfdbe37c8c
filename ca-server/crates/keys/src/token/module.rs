//! PKCS#11 modules, each loaded once in a process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

use super::fault::fault;
use crate::KeyError;
use crate::pool::Fault;

/// Loads a module, or finds it loaded.
///
/// C_Initialize is a fact about the process, whoever calls it, and several modules do not survive
/// being unloaded. So this is the one thing in this room that lives as long as the process.
pub(super) fn load(path: &Path) -> Result<Pkcs11, KeyError> {
    static LOADED: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

    let refused = |text: String| KeyError::Uri(format!("module-path {}: {text}", path.display()));
    let path = path
        .canonicalize()
        .map_err(|error| refused(error.to_string()))?;
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = loaded.get(&path) {
        return Ok(module.clone());
    }
    let module = Pkcs11::new(&path).map_err(|error| refused(error.to_string()))?;
    loaded.insert(path, module.clone());
    Ok(module)
}

/// Makes sure that the module is initialized: at first, and after someone finalized it.
pub(super) fn initialize(module: &Pkcs11) -> Result<(), Fault> {
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        Err(error) => Err(fault(error)),
    }
}
