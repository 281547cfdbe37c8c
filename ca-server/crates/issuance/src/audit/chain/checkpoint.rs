//! Checkpoints: signed statements about a chain's end, stored beside it or kept elsewhere.

use std::fmt;

use ca_pki::{Timestamp, hex};
use serde::{Deserialize, Serialize};

use super::{Judgement, Link, Seal, SealError};

/// A signed statement: the chain up to `position` ends with `link`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last position that it covers.
    pub position: u64,
    /// The link there.
    pub link: Link,
    /// When it was signed.
    pub at: Timestamp,
    /// Which key signed: [`Seal::key`].
    pub key: String,
    /// The seal's signature over [`Checkpoint::signed_octets`].
    pub signature: Vec<u8>,
}

impl Checkpoint {
    /// Signs the end of a chain.
    pub fn sign(
        position: u64,
        link: Link,
        at: Timestamp,
        seal: &dyn Seal,
    ) -> Result<Self, SealError> {
        let mut checkpoint = Self {
            position,
            link,
            at,
            key: String::new(),
            signature: Vec::new(),
        };
        checkpoint.signature = seal.sign(&checkpoint.signed_octets())?;
        checkpoint.key = seal.key();
        Ok(checkpoint)
    }

    /// Returns the octets that the signature covers.
    pub fn signed_octets(&self) -> Vec<u8> {
        let mut octets = CHECKPOINT_DOMAIN.to_vec();
        octets.extend_from_slice(&self.position.to_be_bytes());
        octets.extend_from_slice(&self.link);
        octets.extend_from_slice(&self.at.unix_secs().to_be_bytes());
        octets
    }

    /// Judges the signature.
    pub fn judge(&self, seal: &dyn Seal) -> Judgement {
        seal.judge(&self.key, &self.signed_octets(), &self.signature)
    }

    /// Reads a checkpoint from a line that [`Checkpoint`]'s `Display` wrote, or from the line of a
    /// JSON log that tells of one.
    pub fn parse(unverified: &str) -> Result<Self, NotACheckpoint> {
        let line: Line = serde_json::from_str(unverified).map_err(|_| NotACheckpoint)?;
        let written = match line {
            Line::Checkpoint(written) | Line::Logged { fields: written } => written,
        };
        Ok(Self {
            position: written.position,
            link: <[u8; 32]>::try_from(hex::parse(&written.link).ok_or(NotACheckpoint)?)
                .map_err(|_| NotACheckpoint)?,
            at: Timestamp::parse_rfc3339(&written.at).ok_or(NotACheckpoint)?,
            key: written.key,
            signature: hex::parse(&written.signature).ok_or(NotACheckpoint)?,
        })
    }
}

impl fmt::Display for Checkpoint {
    /// Writes one line of JSON, to be kept outside of the database.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = Written {
            position: self.position,
            link: hex::lower(&self.link),
            at: self.at.to_string(),
            key: self.key.clone(),
            signature: hex::lower(&self.signature),
        };
        let line = serde_json::to_string(&written).map_err(|_| fmt::Error)?;
        f.write_str(&line)
    }
}

/// The text is not a checkpoint as it is printed or logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint: it is one line of JSON with position, link, at, key and signature")]
pub struct NotACheckpoint;

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Checkpoint(Written),
    Logged { fields: Written },
}

/// Members have the names of the log's fields.
#[derive(Serialize, Deserialize)]
struct Written {
    position: u64,
    link: String,
    at: String,
    key: String,
    signature: String,
}

const CHECKPOINT_DOMAIN: &[u8] = b"ca-audit-checkpoint-v1";

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            position: 7,
            link: [0xab; 32],
            at: Timestamp::from_unix_secs(1_800_000_000),
            key: "0123456789abcdef".to_owned(),
            signature: vec![1, 2, 255],
        }
    }

    #[test]
    fn reads_back_from_its_line() {
        let line = checkpoint().to_string();

        assert!(!line.contains('\n'));
        assert_eq!(Checkpoint::parse(&line), Ok(checkpoint()));
    }

    #[test]
    fn reads_back_from_a_line_of_the_log() {
        let fields = checkpoint().to_string();
        let line = format!(
            r#"{{"timestamp":"x","level":"INFO","fields":{{"message":"sealed",{},"target":"t"}}"#,
            &fields[1..]
        );

        assert_eq!(Checkpoint::parse(&line), Ok(checkpoint()));
    }

    #[test]
    fn refuses_what_is_damaged() {
        let line = checkpoint().to_string();
        let shorter = line.replacen("ab", "", 1);
        let no_hex = line.replacen("ab", "zz", 1);

        for text in ["", "{}", "7", &line[..40], &shorter, &no_hex] {
            assert_eq!(Checkpoint::parse(text), Err(NotACheckpoint), "{text}");
        }
    }
}
