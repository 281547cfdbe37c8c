//! Byte values out of the attributes that a token answers with.

use cryptoki::object::{Attribute, AttributeType};

/// Picks a value that is there and not empty: some modules answer what they lack with nothing.
pub(super) fn bytes(attributes: &[Attribute], wanted: AttributeType) -> Option<&[u8]> {
    let attribute = attributes
        .iter()
        .find(|attribute| attribute.attribute_type() == wanted)?;
    let (Attribute::Id(value)
    | Attribute::EcParams(value)
    | Attribute::EcPoint(value)
    | Attribute::Modulus(value)
    | Attribute::PublicExponent(value)
    | Attribute::PublicKeyInfo(value)
    | Attribute::Value(value)) = attribute
    else {
        return None;
    };
    Some(value)
        .filter(|value| !value.is_empty())
        .map(Vec::as_slice)
}
