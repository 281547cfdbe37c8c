//! What goes wrong beyond an answer: sessions that end, signatures that are none.

use std::sync::atomic::{AtomicU64, Ordering};

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_BYTE, CK_OBJECT_CLASS, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_SLOT_ID,
    CK_ULONG, CKA_CLASS, CKO_PRIVATE_KEY,
};

use crate::{real, script};

static SLOT: AtomicU64 = AtomicU64::new(0);

/// Notes in which slot the sessions are.
pub(crate) fn note_slot(slot: CK_SLOT_ID) {
    SLOT.store(slot, Ordering::SeqCst);
}

/// Ends what the caller takes for granted, as another user of the token would.
///
/// # Safety
///
/// The session is one of the real module's.
pub(crate) unsafe fn underneath(session: CK_SESSION_HANDLE) {
    let Some(what) = script::behind("C_Sign") else {
        return;
    };
    // SAFETY: none of these reads memory of the caller's. What they answer shows in the next call.
    unsafe {
        match what.as_str() {
            "logout" => real!(C_Logout(session)),
            "close-sessions" => real!(C_CloseAllSessions(SLOT.load(Ordering::SeqCst))),
            _ => real!(C_Finalize(std::ptr::null_mut())),
        }
    };
}

/// Returns the caller's key, or another one of the token if the script wants that.
///
/// # Safety
///
/// The session is one of the real module's.
pub(crate) unsafe fn key_to_sign_with(
    session: CK_SESSION_HANDLE,
    key: CK_OBJECT_HANDLE,
) -> CK_OBJECT_HANDLE {
    if script::value("signature").as_deref() != Some("other-key") {
        return key;
    }
    let mut class: CK_OBJECT_CLASS = CKO_PRIVATE_KEY;
    let mut template = CK_ATTRIBUTE {
        type_: CKA_CLASS,
        pValue: std::ptr::from_mut(&mut class).cast(),
        ulValueLen: size_of::<CK_OBJECT_CLASS>() as CK_ULONG,
    };
    let mut found: [CK_OBJECT_HANDLE; 8] = [0; 8];
    let mut count: CK_ULONG = 0;
    // SAFETY: template, places and count live until the calls return, and the sizes are theirs.
    unsafe {
        real!(C_FindObjectsInit(session, &mut template, 1));
        real!(C_FindObjects(session, found.as_mut_ptr(), 8, &mut count));
        real!(C_FindObjectsFinal(session));
    }
    let found = found.iter().take(count as usize);
    found.copied().find(|other| *other != key).unwrap_or(key)
}

/// Makes a good signature a wrong one.
///
/// # Safety
///
/// `length` can be written; unless null, so can that many octets at `signature`.
pub(crate) unsafe fn spoil(signature: *mut CK_BYTE, length: *mut CK_ULONG) {
    let Some(how) = script::value("signature") else {
        return;
    };
    if let Some(other) = how.strip_prefix("length ") {
        let other: CK_ULONG = other.trim().parse().unwrap_or_default();
        // SAFETY: the caller says where the length is; the octets stay as they are.
        unsafe { *length = other };
    } else if how == "garbage" && !signature.is_null() {
        // SAFETY: the real module has just written that many octets.
        let octets = unsafe { std::slice::from_raw_parts_mut(signature, *length as usize) };
        octets.iter_mut().for_each(|octet| *octet ^= 0x5a);
    }
}
