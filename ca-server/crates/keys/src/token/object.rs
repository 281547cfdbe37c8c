//! The private key object that a URI names, and whether it may be used here.

use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use super::attribute::bytes;
use super::fault::fault;
use crate::KeyError;
use crate::pool::Fault;

/// How a key is looked up: by what the URI says, later by the CKA_ID that was found.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) label: Option<String>,
    pub(super) id: Option<Vec<u8>>,
}

/// A private key object and the name that it shares with its public half.
#[derive(Debug)]
pub(super) struct PrivateKey {
    pub(super) handle: ObjectHandle,
    pub(super) wanted: Wanted,
}

impl Wanted {
    /// Returns the template that finds objects of a class by this name.
    pub(super) fn template(&self, class: ObjectClass) -> Vec<Attribute> {
        let label = self.label.clone().map(String::into_bytes);
        let mut template = vec![Attribute::Class(class)];
        template.extend(label.map(Attribute::Label));
        template.extend(self.id.clone().map(Attribute::Id));
        template
    }
}

/// Finds exactly one private key, and refuses one that is not fit to be a CA's.
pub(super) fn find_private(session: &Session, wanted: &Wanted) -> Result<PrivateKey, Fault> {
    let found = session
        .find_objects(&wanted.template(ObjectClass::PRIVATE_KEY))
        .map_err(fault)?;
    let refused = |text: &str| Fault::Broken(KeyError::Key(text.into()));
    let handle = match found.as_slice() {
        [handle] => *handle,
        [] => return Err(refused("the token holds no private key of that name")),
        [_, _, ..] => {
            return Err(refused(
                "the token holds several private keys of that name: add id= to the URI",
            ));
        }
    };

    let attributes = session
        .get_attributes(
            handle,
            &[
                AttributeType::Id,
                AttributeType::Sign,
                AttributeType::Sensitive,
                AttributeType::Extractable,
                AttributeType::AlwaysAuthenticate,
            ],
        )
        .map_err(fault)?;
    if let Some(text) = unfitness(&attributes) {
        return Err(refused(text));
    }
    Ok(PrivateKey {
        handle,
        wanted: named_by_id(wanted, &attributes),
    })
}

/// Says why a key must not be used, if so. What a token does not state counts against it.
fn unfitness(attributes: &[Attribute]) -> Option<&'static str> {
    if !attributes.contains(&Attribute::Extractable(false)) {
        return Some(
            "the token lets the key be extracted (CKA_EXTRACTABLE): make a new one in the token \
             with `issuer request`",
        );
    }
    if !attributes.contains(&Attribute::Sensitive(true)) {
        return Some(
            "the token shows the key in clear (CKA_SENSITIVE is not set): make a new one in the \
             token with `issuer request`",
        );
    }
    if !attributes.contains(&Attribute::Sign(true)) {
        return Some("the token does not let the key sign (CKA_SIGN)");
    }
    if attributes.contains(&Attribute::AlwaysAuthenticate(true)) {
        return Some(
            "the token asks for the PIN at every signature (CKA_ALWAYS_AUTHENTICATE), which an \
             unattended server cannot serve",
        );
    }
    None
}

/// Narrows a name by the CKA_ID, which is how a key and its public half are paired.
fn named_by_id(wanted: &Wanted, attributes: &[Attribute]) -> Wanted {
    match bytes(attributes, AttributeType::Id) {
        Some(id) => Wanted {
            label: None,
            id: Some(id.to_vec()),
        },
        None => wanted.clone(),
    }
}
