//! A token that counts wrong PINs, across processes, and locks itself: SoftHSM does not.

use std::fs;

use cryptoki_sys::{
    CK_FLAGS, CK_RV, CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED, CKR_OK,
    CKR_PIN_INCORRECT, CKR_PIN_LOCKED,
};

use crate::script;

/// Refuses every PIN once it is locked.
pub(crate) fn refusal() -> Option<CK_RV> {
    (wrong() >= granted()?).then_some(CKR_PIN_LOCKED)
}

/// Counts what a login came to.
pub(crate) fn note(result: CK_RV) {
    let count = match result {
        CKR_PIN_INCORRECT => wrong() + 1,
        CKR_OK => 0,
        _ => return,
    };
    if let Some(file) = script::file(".wrong-pins") {
        // A suite reads it, and sees that nothing was counted.
        let _ = fs::write(file, count.to_string());
    }
}

/// Tells of the count as a token does.
pub(crate) fn flags() -> CK_FLAGS {
    let Some(granted) = granted() else { return 0 };
    match granted.saturating_sub(wrong()) {
        0 => CKF_USER_PIN_LOCKED,
        1 => CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY,
        _ if wrong() > 0 => CKF_USER_PIN_COUNT_LOW,
        _ => 0,
    }
}

fn granted() -> Option<u64> {
    script::value("pin tries")?.parse().ok()
}

fn wrong() -> u64 {
    let text = script::file(".wrong-pins").and_then(|file| fs::read_to_string(file).ok());
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}
