//! The slot that holds the token a URI names.
//!
//! Slot numbers change when tokens come and go, so the slot is looked up for every new session.

use cryptoki::context::Pkcs11;
use cryptoki::slot::{Slot, TokenInfo};

use super::fault::fault;
use crate::pool::Fault;
use crate::{KeyError, TokenUri};

/// Finds the one slot whose token is the URI's; `None` while there is none.
pub(super) fn find(module: &Pkcs11, uri: &TokenUri) -> Result<Option<(Slot, TokenInfo)>, Fault> {
    let mut found = Vec::new();
    for slot in module.get_slots_with_token().map_err(fault)? {
        // A reader that fails must not hide the token in the next one.
        let Ok(token) = module.get_token_info(slot) else {
            continue;
        };
        if token.token_initialized() && is_named(uri, slot.id(), &token) {
            found.push((slot, token));
        }
    }
    if found.len() > 1 {
        return Err(Fault::Broken(KeyError::Key(format!(
            "{} tokens are called that: add serial= to the URI",
            found.len()
        ))));
    }
    Ok(found.pop())
}

/// Curable: a token that was pulled out may come back in another slot.
pub(super) fn absent() -> Fault {
    Fault::Lost("no such token is present".into())
}

fn is_named(uri: &TokenUri, slot_id: u64, token: &TokenInfo) -> bool {
    let fits = |wanted: &Option<String>, found: &str| {
        wanted.as_deref().is_none_or(|wanted| wanted == found)
    };
    fits(&uri.token, token.label())
        && fits(&uri.serial, token.serial_number())
        && fits(&uri.manufacturer, token.manufacturer_id())
        && fits(&uri.model, token.model())
        && uri.slot_id.is_none_or(|wanted| wanted == slot_id)
}
