//! PEM (RFC 7468), strict about labels, lenient about text between blocks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Why text is not the PEM that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// No block with the label.
    #[error("no PEM block {0:?} found")]
    Missing(&'static str),
    /// A block that does not end, or whose base64 does not decode.
    #[error("the PEM block is damaged")]
    Damaged,
}

/// Encodes DER under `label`, lines of 64 characters, newline at the end.
pub fn encode(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut text =
        String::with_capacity(encoded.len() + encoded.len() / LINE + 2 * label.len() + 40);
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// Decodes every block with `label` in `text`, in order; blocks with other labels are passed over.
pub fn decode_all(label: &'static str, text: &str) -> Result<Vec<Vec<u8>>, PemError> {
    let begin = format!("-----BEGIN {label}-----");
    let end = format!("-----END {label}-----");
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while lines.any(|line| line == begin) {
        blocks.push(decode_block(&mut lines, &end)?);
    }
    if blocks.is_empty() {
        Err(PemError::Missing(label))
    } else {
        Ok(blocks)
    }
}

/// Takes the lines of one block, up to and with its end.
fn decode_block<'a>(
    lines: &mut impl Iterator<Item = &'a str>,
    end: &str,
) -> Result<Vec<u8>, PemError> {
    let mut encoded = String::new();
    for line in lines {
        if line == end {
            return STANDARD.decode(encoded).map_err(|_| PemError::Damaged);
        }
        encoded.push_str(line);
    }
    Err(PemError::Damaged)
}

const LINE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_writes() {
        for length in [0, 1, 47, 48, 49, 96, 1000] {
            let der = vec![0xa5; length];

            let text = encode("CERTIFICATE", &der);

            assert!(text.lines().all(|line| line.len() <= 64), "{text}");
            assert_eq!(decode_all("CERTIFICATE", &text), Ok(vec![der]));
        }
    }

    #[test]
    fn passes_over_text_and_other_labels() {
        let text = format!(
            "subject=CN = a\r\n{}\n# a comment\n{}",
            encode("X509 CRL", &[1]),
            encode("CERTIFICATE", &[2]).replace('\n', "\r\n")
        );

        assert_eq!(decode_all("CERTIFICATE", &text), Ok(vec![vec![2]]));
    }

    #[test]
    fn tells_missing_from_damaged() {
        let cut = encode("CERTIFICATE", &[1; 80]).replace("-----END CERTIFICATE-----", "");

        assert_eq!(
            decode_all("CERTIFICATE", ""),
            Err(PemError::Missing("CERTIFICATE"))
        );
        assert_eq!(decode_all("CERTIFICATE", &cut), Err(PemError::Damaged));
        assert_eq!(
            decode_all(
                "CERTIFICATE",
                "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"
            ),
            Err(PemError::Damaged)
        );
    }
}
