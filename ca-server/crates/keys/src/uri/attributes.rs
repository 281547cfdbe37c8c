//! `name=value` lists with percent-encoding, as RFC 7512 §2.3 builds URIs from them.

use crate::KeyError;

/// The pairs of a list that nobody has taken yet.
pub(super) struct Attributes<'a> {
    pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> Attributes<'a> {
    /// Splits `text` at `separator`; every name may occur once and must have a value.
    pub(super) fn split(text: &'a str, separator: char) -> Result<Self, KeyError> {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for part in text.split(separator).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            if name == "pin-value" {
                return Err(KeyError::Uri(
                    "pin-value is refused, a PIN does not belong in a configuration: use \
                     pin-source=file:PATH or pin-source=env:NAME"
                        .into(),
                ));
            }
            if value.is_empty() {
                return Err(KeyError::Uri(format!(
                    "{name:?} is empty: give it a value or leave it out"
                )));
            }
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(KeyError::Uri(format!("{name:?} is given twice")));
            }
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    /// Takes an attribute whose value is text.
    pub(super) fn take_text(&mut self, name: &str) -> Result<Option<String>, KeyError> {
        self.take(name)
            .map(|value| decode_text(name, value))
            .transpose()
    }

    /// Takes an attribute whose value is any bytes.
    pub(super) fn take_bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, KeyError> {
        self.take(name).map(|value| decode(name, value)).transpose()
    }

    /// Refuses what is left: nobody knows it.
    pub(super) fn finish(self, known: &str) -> Result<(), KeyError> {
        let Some((name, _)) = self.pairs.first() else {
            return Ok(());
        };
        Err(KeyError::Uri(format!(
            "{name:?} is not known here; known: {known}"
        )))
    }

    fn take(&mut self, name: &str) -> Option<&'a str> {
        let place = self.pairs.iter().position(|(other, _)| *other == name)?;
        Some(self.pairs.swap_remove(place).1)
    }
}

/// Decodes a value that is text; control characters have no place in names and paths.
pub(super) fn decode_text(name: &str, value: &str) -> Result<String, KeyError> {
    let text = String::from_utf8(decode(name, value)?)
        .map_err(|_| KeyError::Uri(format!("{name:?} is not UTF-8")))?;
    if text.chars().any(char::is_control) {
        return Err(KeyError::Uri(format!("{name:?} holds a control character")));
    }
    Ok(text)
}

fn decode(name: &str, value: &str) -> Result<Vec<u8>, KeyError> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (Some(high), Some(low)) = (rest.next().and_then(nibble), rest.next().and_then(nibble))
        else {
            return Err(KeyError::Uri(format!(
                "{name:?} has a percent sign without two hex digits"
            )));
        };
        bytes.push(high << 4 | low);
    }
    Ok(bytes)
}

/// Encodes text so that it is one value again.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}
