//! PKCS#11 modules, each loaded once in a process.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

use super::fault::fault;
use super::login::Refused;
use super::slot;
use crate::KeyError;
use crate::pool::Fault;

/// A loaded module, shared by all keys in it.
#[derive(Clone, Debug)]
pub(super) struct Module {
    functions: Pkcs11,
    /// How often it was initialized anew. Written only while no call is in the module.
    generation: Arc<RwLock<u64>>,
    /// Held while a key looks for its token: SoftHSM lists slots without a lock of its own.
    looking: Arc<Mutex<()>>,
    refused: Refused,
}

/// Leave to call the module: it is not initialized anew meanwhile.
pub(super) struct Entered<'a> {
    functions: &'a Pkcs11,
    generation: RwLockReadGuard<'a, u64>,
}

impl Module {
    /// Lets a thread call the module.
    pub(super) fn enter(&self) -> Entered<'_> {
        Entered {
            functions: &self.functions,
            generation: self
                .generation
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Lets one thread at a time look for a token.
    pub(super) fn look(&self) -> MutexGuard<'_, ()> {
        self.looking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the PINs that are not to be tried again.
    pub(super) fn refused(&self) -> Refused {
        self.refused.clone()
    }

    /// Initializes the module anew, unless somebody did since `generation` or is inside of it now.
    ///
    /// Several modules look for their tokens only once: one that was away stays away for them. Each
    /// session of the process ends; those of other keys are replaced as lost ones are.
    pub(super) fn renew(&self, generation: u64) -> Result<(), Fault> {
        let Ok(mut current) = self.generation.try_write() else {
            return Err(slot::absent());
        };
        if *current != generation {
            return Ok(());
        }
        *current += 1;
        match self.functions.clone().finalize() {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiNotInitialized, _)) => {}
            Err(error) => return Err(fault(error)),
        }
        initialize(&self.functions)
    }
}

impl Entered<'_> {
    /// Returns how often the module was initialized anew: handles of other times are void.
    pub(super) fn generation(&self) -> u64 {
        *self.generation
    }
}

impl Deref for Entered<'_> {
    type Target = Pkcs11;

    fn deref(&self) -> &Pkcs11 {
        self.functions
    }
}

/// Loads a module, or finds it loaded.
///
/// C_Initialize is a fact about the process, whoever calls it, and several modules do not survive
/// being unloaded. So this is the one thing in this room that lives as long as the process.
pub(super) fn load(path: &Path) -> Result<Module, KeyError> {
    static LOADED: Mutex<BTreeMap<PathBuf, Module>> = Mutex::new(BTreeMap::new());

    let refused = |text: String| KeyError::Uri(format!("module-path {}: {text}", path.display()));
    let path = path
        .canonicalize()
        .map_err(|error| refused(error.to_string()))?;
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = loaded.get(&path) {
        return Ok(module.clone());
    }
    let module = Module {
        functions: Pkcs11::new(&path).map_err(|error| refused(error.to_string()))?,
        generation: Arc::default(),
        looking: Arc::default(),
        refused: Refused::default(),
    };
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
