//! SHA-256 of things, as people read and type it.

use aws_lc_rs::digest::{SHA256, digest};
use ca_pki::hex;

/// Returns SHA-256 in lower-case hex.
pub(crate) fn sha256_hex(octets: &[u8]) -> String {
    hex::lower(digest(&SHA256, octets).as_ref())
}

/// Returns octets in hex, in groups of four digits that the eye can keep apart.
pub(crate) fn grouped(octets: &[u8]) -> String {
    let groups: Vec<String> = octets.chunks(2).map(hex::lower).collect();
    groups.join(" ")
}

/// Returns whether `typed` is the whole fingerprint; blanks, colons, hyphens and case do not count.
pub(crate) fn matches(typed: &str, fingerprint: &[u8; 32]) -> bool {
    let digits: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != ':' && *c != '-')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    digits == hex::lower(fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_every_usual_way_to_write_a_fingerprint() {
        let fingerprint = [0xab; 32];
        for typed in [
            hex::lower(&fingerprint),
            grouped(&fingerprint),
            ["AB"; 32].join(":"),
        ] {
            assert!(matches(&typed, &fingerprint), "{typed}");
        }
    }

    #[test]
    fn refuses_a_part_and_a_wrong_digit() {
        let fingerprint = [0xab; 32];
        let whole = hex::lower(&fingerprint);

        assert!(!matches(&whole[..62], &fingerprint));
        assert!(!matches(&whole.replacen('a', "c", 1), &fingerprint));
        assert!(!matches("", &fingerprint));
    }
}
