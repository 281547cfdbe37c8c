//! Octets as people and programs read them.

/// Writes octets in lower-case hex.
pub fn lower(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Writes octets in upper-case hex with colons between, as openssl prints fingerprints.
pub fn with_colons(octets: &[u8]) -> String {
    let pairs: Vec<String> = octets.iter().map(|octet| format!("{octet:02X}")).collect();
    pairs.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_two_digits_for_each_octet() {
        assert_eq!(lower(&[0x00, 0x0a, 0xff]), "000aff");
        assert_eq!(with_colons(&[0x00, 0x0a, 0xff]), "00:0A:FF");
        assert_eq!(with_colons(&[]), "");
    }
}
