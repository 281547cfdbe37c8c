//! Turns the TOML reader's errors into advice.

/// Returns what is wrong, on which line, and the nearest known word if one was mistyped.
pub(super) fn explain(text: &str, error: &toml::de::Error) -> String {
    let advice = advice(error.message());
    match error.span() {
        Some(span) => format!("line {}: {advice}", line_of(text, span.start)),
        None => advice,
    }
}

/// Serde lists the unknown word, then all that are known, each between backticks.
fn advice(message: &str) -> String {
    let (what, known) = if message.starts_with("unknown field") {
        ("key", quoted(message))
    } else if message.starts_with("unknown variant") {
        ("value", quoted(message))
    } else {
        return message.trim_end().to_owned();
    };
    let Some((unknown, known)) = known.split_first() else {
        return message.to_owned();
    };
    match nearest(unknown, known) {
        Some(near) => format!("unknown {what} {unknown:?}; did you mean {near:?}?"),
        None => format!(
            "unknown {what} {unknown:?}; known here: {}",
            known.join(", ")
        ),
    }
}

fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

fn nearest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|word| (strsim::damerau_levenshtein(unknown, word), *word))
        .filter(|(distance, word)| distance * 2 <= word.len().max(2))
        .min()
        .map(|(_, word)| word)
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    before.filter(|byte| **byte == b'\n').count() + 1
}
