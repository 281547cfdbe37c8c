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
    /// Wraps a parser's error; an unknown key gets the nearest known one. The place is named and
    /// nothing of what stands there shown: it may be the database's password, and the text goes
    /// into the audit log.
    pub(super) fn syntax(file: &str, error: &toml::de::Error) -> Self {
        let message = without_values(error.message().trim_end());
        let place = error.span().map(|span| place(file, span.start));
        let hint = nearest::known_name(&message)
            .filter(|_| !message.contains(LEFT_OUT))
            .map(|known| format!("\ndid you mean {known:?}?"))
            .unwrap_or_default();
        Self::Syntax(format!("{}{message}{hint}", place.unwrap_or_default()))
    }
}

fn place(file: &str, offset: usize) -> String {
    let before = file.get(..offset).unwrap_or(file);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.chars().count() - before.get(..start).map_or(0, |it| it.chars().count());
    let key = file.get(start..).and_then(key_of).unwrap_or_default();
    format!("line {line}, column {}{key}: ", column + 1)
}

/// Names the key that the first line sets, if it looks like one.
fn key_of(text: &str) -> Option<String> {
    let (key, _) = text.lines().next()?.split_once('=')?;
    let key = key.trim();
    is_name(key).then(|| format!(" ({key})"))
}

/// Leaves out what a message repeats of the file, but for mistyped names.
fn without_values(message: &str) -> String {
    for what in ["unknown field `", "unknown variant `"] {
        if let Some(rest) = message.strip_prefix(what) {
            return with_name(what, rest);
        }
    }
    let mut kept = String::with_capacity(message.len());
    let mut characters = message.chars();
    while let Some(character) = characters.next() {
        kept.push(character);
        if character == '"' {
            skip_string(&mut characters);
            kept.push_str(LEFT_OUT);
            kept.push('"');
        }
    }
    kept
}

/// Keeps the name if it looks like one. What is known comes behind, in words of this program.
fn with_name(what: &str, rest: &str) -> String {
    let ends = ["`, expected ", "`, there are no "].map(|end| rest.rfind(end));
    let Some((name, known)) = ends.iter().flatten().max().map(|at| rest.split_at(*at)) else {
        return format!("{what}{LEFT_OUT}`");
    };
    let shown = if is_name(name) { name } else { LEFT_OUT };
    format!("{what}{shown}{known}")
}

fn is_name(text: &str) -> bool {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_".contains(&octet);
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(is_plain)
}

/// Goes behind the end of a string as `Debug` writes it.
fn skip_string(characters: &mut std::str::Chars<'_>) {
    while let Some(character) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '"' => return,
            _ => {}
        }
    }
}

const LEFT_OUT: &str = "…";
const LONGEST_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::config::Config;

    fn refusal(text: &str) -> String {
        let refused = Config::parse(text, PathBuf::from("/etc/ca")).unwrap_err();
        refused.to_string()
    }

    #[test]
    fn shows_nothing_of_what_stands_where_the_fault_is() {
        const URL: &str = "postgres://ca:hunter2@db/ca";
        for text in [
            format!("[database]\nurl = \"{URL}\nretention = \"1h\""),
            format!("[database]\nurl = \"{URL}\" x"),
            format!("[database]\nurl = {URL}"),
            format!("[database]\nulr = \"{URL}\""),
            format!("[database]\nurl = [\"{URL}\"]"),
            format!("[database]\nretention = \"{URL}\""),
            format!("[database]\n\"{URL}\" = \"url\""),
            format!("[database]\n\"a`, {URL}\\\"`\" = \"url\""),
            format!("[database]\nurl = \"{URL}\"\nurl = \"{URL}\""),
            format!("database = \"{URL}\""),
            format!("database = \"a\\\"{URL}\""),
            format!("[server]\nexternal_url = \"/{URL}\""),
            format!("[listen]\npublic = \"{URL}\""),
            format!("[audit.syslog]\naddress = \"a:1\"\nca = \"a\"\nconfirmation = \"{URL}\""),
        ] {
            let refused = refusal(&text);

            assert!(!refused.contains("hunter2"), "{text}: {refused}");
            assert!(refused.contains("line "), "{refused}");
        }
    }

    #[test]
    fn says_where_and_what() {
        for (text, expected) in [
            (
                "[server]\n[database]\n  ulr = \"sqlite://ca.db\"",
                "line 3, column 3 (ulr): unknown field `ulr`, expected `url` or `retention`\n\
                 did you mean \"url\"?",
            ),
            (
                "# ä\n[database]\nurl = 5",
                "line 3, column 7 (url): invalid type: integer `5`, expected a string",
            ),
        ] {
            assert_eq!(refusal(text), expected);
        }
    }
}
