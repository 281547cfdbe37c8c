//! NameConstraints in DER.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{NameConstraints, Subtrees};
use crate::asn1;
use crate::general_name::{DNS_NAME, IP_ADDRESS, RFC822_NAME, URI};
use crate::tlv::{self, Cursor, NotDer, Tlv};

impl NameConstraints {
    /// Writes the extension's value; `None` if there is nothing to write, which DER cannot say.
    pub(in crate::certificate) fn write(&self) -> Option<Vec<u8>> {
        let permitted = write_subtrees(&self.permitted);
        let excluded = write_subtrees(&self.excluded);
        if permitted.is_empty() && excluded.is_empty() {
            return None;
        }
        let field = |number, trees: Vec<u8>| match trees.as_slice() {
            [] => Vec::new(),
            [..] => asn1::constructed(number, &[&trees]),
        };
        Some(asn1::sequence(&[&field(0, permitted), &field(1, excluded)]))
    }

    /// Reads the extension's value; `Ok(None)` if it constrains types that are not judged here.
    pub(in crate::certificate) fn read(value: &[u8]) -> Result<Option<Self>, NotDer> {
        let mut parts = Cursor::only(value, tlv::SEQUENCE)?.inside();
        let permitted = parts.optional(tlv::context(0))?;
        let excluded = parts.optional(tlv::context(1))?;
        parts.finish()?;
        if permitted.is_none() && excluded.is_none() {
            return Err(NotDer);
        }
        let permitted = permitted.map_or(Ok(Some(Subtrees::default())), read_subtrees)?;
        let excluded = excluded.map_or(Ok(Some(Subtrees::default())), read_subtrees)?;
        Ok(permitted.zip(excluded).map(|(permitted, excluded)| Self {
            permitted,
            excluded,
        }))
    }
}

fn write_subtrees(trees: &Subtrees) -> Vec<u8> {
    let texts = |number, list: &[String]| -> Vec<u8> {
        let written = list
            .iter()
            .map(|text| asn1::primitive(number, text.as_bytes()));
        written.flat_map(|base| asn1::sequence(&[&base])).collect()
    };
    let networks = trees
        .ip
        .iter()
        .map(|network| asn1::primitive(IP_ADDRESS, &octets(network)));
    let networks: Vec<u8> = networks.flat_map(|base| asn1::sequence(&[&base])).collect();
    [
        texts(DNS_NAME, &trees.dns),
        networks,
        texts(RFC822_NAME, &trees.email),
        texts(URI, &trees.uri),
    ]
    .concat()
}

/// Returns address and mask, both cut to the prefix.
fn octets((address, length): &(IpAddr, u8)) -> Vec<u8> {
    match address {
        IpAddr::V4(four) => {
            let shift = 32_u32.saturating_sub(u32::from(*length));
            let mask = u32::MAX.checked_shl(shift).unwrap_or_default();
            [(four.to_bits() & mask).to_be_bytes(), mask.to_be_bytes()].concat()
        }
        IpAddr::V6(six) => {
            let shift = 128_u32.saturating_sub(u32::from(*length));
            let mask = u128::MAX.checked_shl(shift).unwrap_or_default();
            [(six.to_bits() & mask).to_be_bytes(), mask.to_be_bytes()].concat()
        }
    }
}

fn read_subtrees(field: Tlv<'_>) -> Result<Option<Subtrees>, NotDer> {
    let mut trees = Subtrees::default();
    let mut list = field.inside();
    if list.is_empty() {
        return Err(NotDer);
    }
    while !list.is_empty() {
        let mut parts = list.read(tlv::SEQUENCE)?.inside();
        let base = parts.any()?;
        // Minimum and maximum have no meaning here and are not written (RFC 5280 §4.2.1.10).
        if !parts.is_empty() || !take_subtree(&mut trees, base)? {
            return Ok(None);
        }
    }
    Ok(Some(trees))
}

/// Returns whether the subtree is of a type that is judged here.
fn take_subtree(trees: &mut Subtrees, base: Tlv<'_>) -> Result<bool, NotDer> {
    let text = || {
        let text = std::str::from_utf8(base.value)
            .ok()
            .filter(|text| text.is_ascii());
        text.map(str::to_owned).ok_or(NotDer)
    };
    match base.tag.checked_sub(asn1::CONTEXT_PRIMITIVE) {
        Some(RFC822_NAME) => trees.email.push(text()?),
        Some(DNS_NAME) => trees.dns.push(text()?),
        Some(URI) => trees.uri.push(text()?),
        Some(IP_ADDRESS) => trees.ip.push(network(base.value)?),
        Some(_) => return Ok(false),
        None => return Err(NotDer),
    }
    Ok(true)
}

/// Reads address and mask; a mask with holes is refused.
fn network(octets: &[u8]) -> Result<(IpAddr, u8), NotDer> {
    let (address, mask) = octets.split_at_checked(octets.len() / 2).ok_or(NotDer)?;
    if let (Ok(address), Ok(mask)) = (<[u8; 4]>::try_from(address), <[u8; 4]>::try_from(mask)) {
        let mask = u32::from_be_bytes(mask);
        let length = mask.leading_ones() as u8;
        let is_whole = mask.leading_ones() + mask.trailing_zeros() == 32;
        return is_whole
            .then(|| (Ipv4Addr::from(address).into(), length))
            .ok_or(NotDer);
    }
    let address = <[u8; 16]>::try_from(address).map_err(|_| NotDer)?;
    let mask = u128::from_be_bytes(<[u8; 16]>::try_from(mask).map_err(|_| NotDer)?);
    let is_whole = mask.leading_ones() + mask.trailing_zeros() == 128;
    let length = mask.leading_ones() as u8;
    is_whole
        .then(|| (Ipv6Addr::from(address).into(), length))
        .ok_or(NotDer)
}
