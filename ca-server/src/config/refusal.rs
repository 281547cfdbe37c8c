//! Why a configuration is refused.

use std::path::PathBuf;

/// Why a configuration is refused: the operator corrects the file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or not to be read.
    #[error("cannot read {}", .file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// More than 1 MiB.
    #[error("{} is larger than 1 MiB: that is not a configuration", .file.display())]
    TooLarge {
        /// Which file.
        file: PathBuf,
    },
    /// Not TOML, an unknown key, or a value of the wrong type; the text says where.
    #[error("{0}")]
    Syntax(String),
    /// Values that contradict each other or cannot work, all of them.
    #[error("the configuration cannot work:\n  - {}", .0.join("\n  - "))]
    Faults(Vec<String>),
}

impl ConfigError {
    /// Wraps a parser's error; an unknown key gets the nearest known one.
    pub(super) fn syntax(error: &toml::de::Error) -> Self {
        let text = error.to_string();
        let hint = nearest(error.message()).unwrap_or_default();
        Self::Syntax(format!("{}{hint}", text.trim_end()))
    }
}

/// Reads serde's message ("unknown field `a`, expected one of `b`, `c`") and finds the nearest.
fn nearest(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    if !message.starts_with("unknown field") && !message.starts_with("unknown variant") {
        return None;
    }
    let unknown = quoted.next()?;
    let known = quoted.min_by_key(|known| strsim::damerau_levenshtein(unknown, known))?;
    Some(format!("\ndid you mean {known:?}?"))
}
