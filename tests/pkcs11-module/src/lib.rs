//! A PKCS#11 module with a real one behind it, which does as a control file says.
//!
//! It passes each call on to SoftHSM, or to what `CA_TEST_PKCS11_MODULE` names. The file that
//! `CA_TEST_PKCS11_CONTROL` names is read at each call, so a suite changes what happens while the
//! server runs; `script` says what may be in it. Without such a file every call is passed on.

#![expect(non_snake_case, reason = "these are PKCS#11's own names")]

mod fault;
mod pin;
mod script;

use std::path::PathBuf;
use std::sync::OnceLock;

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_BBOOL, CK_BYTE, CK_FLAGS, CK_FUNCTION_LIST, CK_MECHANISM, CK_NOTIFY,
    CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CK_SLOT_ID, CK_TOKEN_INFO, CK_ULONG, CK_USER_TYPE,
    CK_UTF8CHAR, CKR_DEVICE_REMOVED, CKR_GENERAL_ERROR, CKR_OK, CKR_TOKEN_NOT_PRESENT,
};
use libloading::{Library, Symbol};

/// The real module's functions, and ours in front of them.
struct Module {
    real: CK_FUNCTION_LIST,
    ours: CK_FUNCTION_LIST,
    /// Unloading it would take the functions away.
    _library: Library,
}

/// Where every program begins with a module.
///
/// # Safety
///
/// `list` points to where a pointer may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetFunctionList(list: *mut *mut CK_FUNCTION_LIST) -> CK_RV {
    let Some(module) = module() else {
        return CKR_GENERAL_ERROR;
    };
    // SAFETY: the caller says where to write; who gets the list does not write through it.
    unsafe { *list = std::ptr::from_ref(&module.ours).cast_mut() };
    CKR_OK
}

/// Calls the real module.
macro_rules! real {
    ($name:ident($($argument:expr),*)) => {
        match crate::module().and_then(|module| module.real.$name) {
            Some(function) => function($($argument),*),
            None => cryptoki_sys::CKR_FUNCTION_NOT_SUPPORTED,
        }
    };
}
pub(crate) use real;

/// Calls that are passed on unless the script fails them first.
macro_rules! passed_on {
    ($($name:ident($($argument:ident: $kind:ty),*);)+) => {
        $(
            unsafe extern "C" fn $name($($argument: $kind),*) -> CK_RV {
                match script::before(stringify!($name)) {
                    Some(refusal) => refusal,
                    // SAFETY: the arguments are the caller's, for this very function.
                    None => unsafe { real!($name($($argument),*)) },
                }
            }
        )+
    };
}

passed_on! {
    C_Initialize(arguments: *mut std::ffi::c_void);
    C_Finalize(reserved: *mut std::ffi::c_void);
    C_CloseSession(session: CK_SESSION_HANDLE);
    C_FindObjectsInit(session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG);
    C_FindObjects(
        session: CK_SESSION_HANDLE, found: *mut CK_OBJECT_HANDLE, most: CK_ULONG,
        count: *mut CK_ULONG);
    C_FindObjectsFinal(session: CK_SESSION_HANDLE);
    C_GetAttributeValue(
        session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE,
        count: CK_ULONG);
}

unsafe extern "C" fn C_GetSlotList(
    present: CK_BBOOL,
    slots: *mut CK_SLOT_ID,
    count: *mut CK_ULONG,
) -> CK_RV {
    if let Some(refusal) = script::before("C_GetSlotList") {
        return refusal;
    }
    if script::token_is_gone() {
        // SAFETY: the caller says where the count is.
        unsafe { *count = 0 };
        return CKR_OK;
    }
    // SAFETY: the arguments are the caller's.
    unsafe { real!(C_GetSlotList(present, slots, count)) }
}

unsafe extern "C" fn C_GetTokenInfo(slot: CK_SLOT_ID, info: *mut CK_TOKEN_INFO) -> CK_RV {
    if let Some(refusal) = script::before("C_GetTokenInfo") {
        return refusal;
    }
    // SAFETY: the arguments are the caller's.
    let result = unsafe { real!(C_GetTokenInfo(slot, info)) };
    if result == CKR_OK {
        // SAFETY: the real module has written there.
        unsafe { (*info).flags |= pin::flags() };
    }
    result
}

unsafe extern "C" fn C_OpenSession(
    slot: CK_SLOT_ID,
    flags: CK_FLAGS,
    application: *mut std::ffi::c_void,
    notify: CK_NOTIFY,
    session: *mut CK_SESSION_HANDLE,
) -> CK_RV {
    if let Some(refusal) = script::before("C_OpenSession") {
        return refusal;
    }
    if script::token_is_gone() {
        return CKR_TOKEN_NOT_PRESENT;
    }
    fault::note_slot(slot);
    // SAFETY: the arguments are the caller's.
    unsafe { real!(C_OpenSession(slot, flags, application, notify, session)) }
}

unsafe extern "C" fn C_Login(
    session: CK_SESSION_HANDLE,
    user: CK_USER_TYPE,
    text: *mut CK_UTF8CHAR,
    length: CK_ULONG,
) -> CK_RV {
    if let Some(refusal) = script::before("C_Login").or_else(pin::refusal) {
        return refusal;
    }
    // SAFETY: the arguments are the caller's.
    let result = unsafe { real!(C_Login(session, user, text, length)) };
    pin::note(result);
    result
}

unsafe extern "C" fn C_SignInit(
    session: CK_SESSION_HANDLE,
    mechanism: *mut CK_MECHANISM,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    if let Some(refusal) = script::before("C_SignInit") {
        return refusal;
    }
    if script::token_is_gone() {
        return CKR_DEVICE_REMOVED;
    }
    // SAFETY: the session is the caller's.
    let key = unsafe { fault::key_to_sign_with(session, key) };
    // SAFETY: the arguments are the caller's.
    unsafe { real!(C_SignInit(session, mechanism, key)) }
}

/// Asked for the length alone, it is passed on: a script is about the signature.
unsafe extern "C" fn C_Sign(
    session: CK_SESSION_HANDLE,
    input: *mut CK_BYTE,
    input_length: CK_ULONG,
    signature: *mut CK_BYTE,
    length: *mut CK_ULONG,
) -> CK_RV {
    if !signature.is_null() {
        // SAFETY: the session is the caller's.
        unsafe { fault::underneath(session) };
        if let Some(refusal) = script::before("C_Sign") {
            return refusal;
        }
        if script::token_is_gone() {
            return CKR_DEVICE_REMOVED;
        }
    }
    // SAFETY: the arguments are the caller's.
    let result = unsafe { real!(C_Sign(session, input, input_length, signature, length)) };
    if result == CKR_OK {
        // SAFETY: the real module has written both, as far as there was a place for them.
        unsafe { fault::spoil(signature, length) };
    }
    result
}

/// Loads the real module once; `None` where there is none.
fn module() -> Option<&'static Module> {
    static MODULE: OnceLock<Option<Module>> = OnceLock::new();
    MODULE.get_or_init(load).as_ref()
}

fn load() -> Option<Module> {
    type GetFunctionList = unsafe extern "C" fn(*mut *mut CK_FUNCTION_LIST) -> CK_RV;

    let path = std::env::var_os("CA_TEST_PKCS11_MODULE");
    let path = path.map_or_else(|| PathBuf::from(SOFTHSM), PathBuf::from);
    // SAFETY: it is a PKCS#11 module, whose loading runs no more than its own set-up.
    let library = unsafe { Library::new(path) }.ok()?;
    let mut list = std::ptr::null_mut();
    // SAFETY: PKCS#11 gives the symbol this type.
    let get: Symbol<'_, GetFunctionList> = unsafe { library.get(b"C_GetFunctionList\0") }.ok()?;
    // SAFETY: `list` is a place for the pointer.
    if unsafe { get(&mut list) } != CKR_OK || list.is_null() {
        return None;
    }
    // SAFETY: the module gave a list that lives as long as it is loaded.
    let real = unsafe { *list };
    let ours = CK_FUNCTION_LIST {
        C_Initialize: Some(C_Initialize),
        C_Finalize: Some(C_Finalize),
        C_GetFunctionList: Some(C_GetFunctionList),
        C_GetSlotList: Some(C_GetSlotList),
        C_GetTokenInfo: Some(C_GetTokenInfo),
        C_OpenSession: Some(C_OpenSession),
        C_CloseSession: Some(C_CloseSession),
        C_Login: Some(C_Login),
        C_FindObjectsInit: Some(C_FindObjectsInit),
        C_FindObjects: Some(C_FindObjects),
        C_FindObjectsFinal: Some(C_FindObjectsFinal),
        C_GetAttributeValue: Some(C_GetAttributeValue),
        C_SignInit: Some(C_SignInit),
        C_Sign: Some(C_Sign),
        ..real
    };
    Some(Module {
        real,
        ours,
        _library: library,
    })
}

const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";
