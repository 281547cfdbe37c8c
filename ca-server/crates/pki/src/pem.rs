//! PEM (RFC 7468), strict about labels, lenient about text between blocks.

use std::sync::Arc;

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
    let mut text = String::with_capacity(encoded_bytes(label, der.len()));
    text.push_str(&begin(label));
    push_lines(&mut text, der);
    text.push_str(&end(label));
    text
}

/// Returns how many octets [`encode`] makes of so many.
pub fn encoded_bytes(label: &str, der_bytes: usize) -> usize {
    let encoded = der_bytes.div_ceil(3) * 4;
    begin(label).len() + encoded + encoded.div_ceil(LINE) + end(label).len()
}

/// Encodes DER that is in pieces as [`encode`] does, bit by bit: a text of many megabytes is
/// never there as a whole.
pub fn encode_piecewise(
    label: &'static str,
    pieces: Vec<Arc<Vec<u8>>>,
) -> impl Iterator<Item = String> + Send {
    let mut rest = pieces.into_iter();
    let mut piece: Option<(Arc<Vec<u8>>, usize)> = None;
    let lines = std::iter::from_fn(move || {
        let mut octets = Vec::with_capacity(PORTION);
        while octets.len() < PORTION {
            let Some((taken_from, start)) = piece.take().or_else(|| Some((rest.next()?, 0))) else {
                break;
            };
            let end = taken_from.len().min(start + PORTION - octets.len());
            octets.extend_from_slice(taken_from.get(start..end).unwrap_or_default());
            piece = Some((taken_from, end)).filter(|(from, end)| *end < from.len());
        }
        let mut text = String::with_capacity(octets.len() * 7 / 5 + LINE);
        push_lines(&mut text, &octets);
        Some(text).filter(|text| !text.is_empty())
    });
    std::iter::once(begin(label))
        .chain(lines)
        .chain(std::iter::once(end(label)))
}

fn begin(label: &str) -> String {
    format!("-----BEGIN {label}-----\n")
}

fn end(label: &str) -> String {
    format!("-----END {label}-----\n")
}

fn push_lines(text: &mut String, der: &[u8]) {
    let encoded = STANDARD.encode(der);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
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
/// How many octets [`encode_piecewise`] encodes at a time: whole lines.
const PORTION: usize = 1_024 * LINE / 4 * 3;

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
    fn writes_the_same_piece_by_piece() {
        for cuts in [
            &[][..],
            &[1],
            &[PORTION],
            &[7, PORTION - 7, 3],
            &[1, 2 * PORTION, 0, 100],
        ] {
            let pieces: Vec<_> = cuts
                .iter()
                .map(|length| Arc::new(vec![0xa5; *length]))
                .collect();
            let whole: Vec<u8> = pieces.iter().flat_map(|piece| piece.to_vec()).collect();

            let text: String = encode_piecewise("X509 CRL", pieces).collect();

            assert_eq!(text, encode("X509 CRL", &whole), "{cuts:?}");
            assert_eq!(text.len(), encoded_bytes("X509 CRL", whole.len()));
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
