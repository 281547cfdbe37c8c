//! Serial numbers: positive, at most 20 octets, top bit clear (RFC 5280 §4.1.2.2).

use std::fmt;

use crate::Timestamp;

/// A certificate's serial number, without leading zero octets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(Vec<u8>);

/// Why octets or text are not a serial number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a serial number is 1 to 20 octets in hex, positive")]
pub struct NotASerial;

impl Serial {
    /// How many random octets [`Serial::new`] takes: 96 bits, so that they alone cannot be guessed.
    pub const RANDOM_BYTES: usize = 12;

    /// Makes a serial that begins with the time, so that rows are appended in order of issuance.
    ///
    /// Layout of the 17 octets: 0x01, 4 octets of Unix time (wraps in 2106), 12 random octets.
    /// The constant first octet keeps the number positive and its length fixed; 128 bits follow.
    pub fn new(now: Timestamp, random: [u8; Self::RANDOM_BYTES]) -> Self {
        let secs = (now.unix_secs() as u64 & 0xffff_ffff) as u32;
        let mut octets = Vec::with_capacity(5 + Self::RANDOM_BYTES);
        octets.push(0x01);
        octets.extend_from_slice(&secs.to_be_bytes());
        octets.extend_from_slice(&random);
        Self(octets)
    }

    /// Takes the content octets of a DER INTEGER (or an unsigned big-endian number).
    pub fn from_be_bytes(octets: &[u8]) -> Result<Self, NotASerial> {
        let start = octets
            .iter()
            .position(|octet| *octet != 0)
            .ok_or(NotASerial)?;
        let significant = octets.get(start..).unwrap_or_default();
        if significant.len() > 20 {
            return Err(NotASerial);
        }
        Ok(Self(significant.to_vec()))
    }

    /// Parses hex in either case, colons allowed.
    pub fn parse_hex(text: &str) -> Result<Self, NotASerial> {
        let digits: String = text.chars().filter(|c| *c != ':').collect();
        if digits.is_empty() || digits.len() > 42 || !digits.bytes().all(|b| b.is_ascii_hexdigit())
        {
            return Err(NotASerial);
        }
        let padded = if digits.len() % 2 == 1 {
            format!("0{digits}")
        } else {
            digits
        };
        let octets: Option<Vec<u8>> = (0..padded.len() / 2)
            .map(|at| u8::from_str_radix(padded.get(at * 2..at * 2 + 2)?, 16).ok())
            .collect();
        Self::from_be_bytes(&octets.ok_or(NotASerial)?)
    }

    /// Returns the number, big-endian, without leading zeros.
    pub fn as_be_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Serial {
    /// Writes lower-case hex, two digits an octet.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_by_time_and_reads_back() {
        let early = Serial::new(Timestamp::from_unix_secs(1_000), [0xff; 12]);
        let late = Serial::new(Timestamp::from_unix_secs(1_001), [0x00; 12]);

        assert!(early < late);
        assert_eq!(Serial::parse_hex(&late.to_string()), Ok(late));
    }

    #[test]
    fn refuses_zero_and_more_than_twenty_octets() {
        assert_eq!(Serial::parse_hex("00"), Err(NotASerial));
        assert_eq!(Serial::parse_hex(&"7f".repeat(21)), Err(NotASerial));
    }
}
