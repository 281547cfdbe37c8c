//! DER as tag, length and value: a strict cursor over input and writers into one buffer.
//!
//! Used where structures come by the million (CRL entries) or must be echoed byte for byte (OCSP):
//! both need the spans of the input, not a copy of them.

pub(crate) mod algorithm;
mod time;

pub(crate) use time::{MAX_TIME_BYTES, push_generalized_time, push_time, read_time};

/// Input that is not the DER that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotDer;

/// One element: its tag, its content, and the whole of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tlv<'a> {
    pub(crate) tag: u8,
    pub(crate) value: &'a [u8],
    pub(crate) der: &'a [u8],
}

/// Reads elements one after the other. Lengths must be definite and minimal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    /// Starts at the first octet of `input`.
    #[cfg(test)]
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    /// Reads the only element of `input`: nothing may follow.
    pub(crate) fn only(input: &'a [u8], tag: u8) -> Result<Tlv<'a>, NotDer> {
        let mut cursor = Self(input);
        let tlv = cursor.read(tag)?;
        cursor.finish()?;
        Ok(tlv)
    }

    /// Returns whether everything was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the next element's tag without reading it.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// Reads the next element, whatever it is. Tags above 30 do not occur in what is read here.
    pub(crate) fn any(&mut self) -> Result<Tlv<'a>, NotDer> {
        let (&tag, after_tag) = self.0.split_first().ok_or(NotDer)?;
        if tag & 0x1f == 0x1f {
            return Err(NotDer);
        }
        let (length, content) = read_length(after_tag)?;
        let (value, rest) = content.split_at_checked(length).ok_or(NotDer)?;
        let (der, _) = self
            .0
            .split_at_checked(self.0.len() - rest.len())
            .ok_or(NotDer)?;
        self.0 = rest;
        Ok(Tlv { tag, value, der })
    }

    /// Reads the next element, which must have `tag`.
    pub(crate) fn read(&mut self, tag: u8) -> Result<Tlv<'a>, NotDer> {
        let tlv = self.any()?;
        if tlv.tag == tag { Ok(tlv) } else { Err(NotDer) }
    }

    /// Reads the next element if it has `tag`.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Tlv<'a>>, NotDer> {
        if self.peek() == Some(tag) {
            self.any().map(Some)
        } else {
            Ok(None)
        }
    }

    /// Ends the reading: nothing may be left.
    pub(crate) fn finish(self) -> Result<(), NotDer> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(NotDer)
        }
    }
}

impl<'a> Tlv<'a> {
    /// Reads inside this element.
    pub(crate) fn inside(&self) -> Cursor<'a> {
        Cursor(self.value)
    }

    /// Returns the content of an INTEGER, refused if it has needless leading octets.
    pub(crate) fn integer(&self) -> Result<&'a [u8], NotDer> {
        match self.value {
            [] | [0x00, 0x00..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => Err(NotDer),
            octets => Ok(octets),
        }
    }

    /// Returns the octets of a BIT STRING without unused bits.
    pub(crate) fn whole_octets(&self) -> Result<&'a [u8], NotDer> {
        match self.value.split_first() {
            Some((0, octets)) => Ok(octets),
            Some(_) | None => Err(NotDer),
        }
    }
}

/// Writes one element around `parts`.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + MAX_HEADER_BYTES);
    push_header(&mut out, tag, length);
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// Appends a tag and a length.
pub(crate) fn push_header(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    if length < 0x80 {
        out.push(length as u8);
        return;
    }
    let octets = length.to_be_bytes();
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let significant = octets.get(zeros..).unwrap_or_default();
    out.push(0x80 | significant.len() as u8);
    out.extend_from_slice(significant);
}

/// Appends an INTEGER with the unsigned big-endian `number`, which has no leading zeros.
pub(crate) fn push_unsigned(out: &mut Vec<u8>, number: &[u8]) {
    let pad = number.first().is_none_or(|first| first & 0x80 != 0);
    push_header(out, INTEGER, number.len() + usize::from(pad));
    if pad {
        out.push(0);
    }
    out.extend_from_slice(number);
}

fn read_length(input: &[u8]) -> Result<(usize, &[u8]), NotDer> {
    let (&first, rest) = input.split_first().ok_or(NotDer)?;
    if first < 0x80 {
        return Ok((usize::from(first), rest));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return Err(NotDer); // indefinite, or longer than anything that is read here
    }
    let (octets, rest) = rest.split_at_checked(count).ok_or(NotDer)?;
    if octets.first() == Some(&0) {
        return Err(NotDer);
    }
    let length = octets
        .iter()
        .fold(0_usize, |sum, octet| (sum << 8) | usize::from(*octet));
    if length < 0x80 {
        Err(NotDer)
    } else {
        Ok((length, rest))
    }
}

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;

/// A tag, a length octet and eight octets of length.
const MAX_HEADER_BYTES: usize = 10;

/// Returns the constructed context-specific tag `[number]`.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_lengths_that_it_reads_back() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let content = vec![7_u8; length];

            let der = element(OCTET_STRING, &[&content]);

            let read = Cursor::only(&der, OCTET_STRING).expect("what was written is read");
            assert_eq!(read.value, content);
            assert_eq!(read.der, der);
        }
    }

    #[test]
    fn refuses_lengths_that_der_forbids() {
        for input in [
            &[0x04, 0x80, 0x00, 0x00][..],               // indefinite
            &[0x04, 0x81, 0x01, 0x00],                   // long form for a short length
            &[0x04, 0x82, 0x00, 0x80],                   // leading zero
            &[0x04, 0x02, 0x00],                         // cut off
            &[0x04, 0x85, 0x01, 0x00, 0x00, 0x00, 0x00], // more than 4 GiB
            &[0x1f, 0x81, 0x01, 0x00],                   // a tag of several octets
            &[],
        ] {
            assert!(Cursor::new(input).any().is_err(), "{input:02x?}");
        }
    }
}
