//! Octets as people and programs read them.

/// Writes octets in lower-case hex.
pub fn lower(octets: &[u8]) -> String {
    let halves = octets.iter().flat_map(|octet| [octet >> 4, octet & 0x0f]);
    let mut text = String::with_capacity(2 * octets.len());
    text.extend(halves.filter_map(|half| char::from_digit(half.into(), 16)));
    text
}

/// Reads octets from hex of either case; `None` if it is anything else.
pub fn parse(unverified: &str) -> Option<Vec<u8>> {
    let digits: Vec<char> = unverified.chars().collect();
    let pairs = digits.chunks(2).map(|pair| {
        let &[high, low] = pair else { return None };
        u8::try_from(high.to_digit(16)? * 16 + low.to_digit(16)?).ok()
    });
    pairs.collect()
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
    fn reads_what_it_writes() {
        assert_eq!(parse("000aFf"), Some(vec![0x00, 0x0a, 0xff]));
        assert_eq!(parse(""), Some(Vec::new()));
        for text in ["0", "0g", "+1", "é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn writes_two_digits_for_each_octet() {
        assert_eq!(lower(&[0x00, 0x0a, 0xff]), "000aff");
        assert_eq!(with_colons(&[0x00, 0x0a, 0xff]), "00:0A:FF");
        assert_eq!(with_colons(&[]), "");
    }
}
