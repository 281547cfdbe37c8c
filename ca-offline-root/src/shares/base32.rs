//! Crockford's base32: no U, and O, I and L are read as the digits that they look like.

use zeroize::Zeroizing;

use super::ShareError;

/// Encodes octets whose number of bits is a multiple of twenty, in groups of four characters.
pub(super) fn encode(octets: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(octets.len() * 2));
    let mut held = 0_u32;
    let mut held_bits = 0;
    let mut written = 0;
    for octet in octets {
        held = (held << 8) | u32::from(*octet);
        held_bits += 8;
        while held_bits >= 5 {
            held_bits -= 5;
            if written != 0 && written % 4 == 0 {
                text.push('-');
            }
            let symbol = (held >> held_bits) & 0x1f;
            text.extend(ALPHABET.chars().nth(symbol as usize));
            written += 1;
        }
        held &= (1 << held_bits) - 1;
    }
    text
}

/// Decodes text; blanks, line ends and hyphens do not count.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, ShareError> {
    // Room for all at once: a growing buffer would leave copies of the secret behind.
    let mut octets = Vec::with_capacity(text.len());
    let mut held = 0_u32;
    let mut held_bits = 0;
    for character in symbols(text) {
        held = (held << 5) | value(character).ok_or(ShareError::Character(character))?;
        held_bits += 5;
        if held_bits >= 8 {
            held_bits -= 8;
            octets.extend(u8::try_from(held >> held_bits));
            held &= (1 << held_bits) - 1;
        }
    }
    Ok(octets)
}

/// Returns how many characters of `text` count.
pub(super) fn count(text: &str) -> usize {
    symbols(text).count()
}

fn symbols(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| !c.is_whitespace() && *c != '-')
}

fn value(character: char) -> Option<u32> {
    let character = match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    ALPHABET
        .chars()
        .zip(0..)
        .find_map(|(symbol, value)| (symbol == character).then_some(value))
}

const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_in_groups_and_decodes_again() {
        let octets = [0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf];

        let text = encode(&octets);

        assert_eq!(*text, "0123-4567-89AB-CDEF");
        assert_eq!(decode(&text), Ok(octets.to_vec()));
    }
}
