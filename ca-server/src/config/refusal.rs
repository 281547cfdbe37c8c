//! Why a configuration is refused.

use std::path::PathBuf;

use crate::nearest;

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
        let hint = nearest::known_name(error.message())
            .map(|known| format!("\ndid you mean {known:?}?"))
            .unwrap_or_default();
        Self::Syntax(format!("{}{hint}", text.trim_end()))
    }
}
