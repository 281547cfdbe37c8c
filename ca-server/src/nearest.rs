//! The name that was probably meant.

/// Reads serde's message ("unknown field `a`, expected one of `b`, `c`") and returns the known
/// name that is nearest; `None` if it speaks of something else.
pub(crate) fn known_name(message: &str) -> Option<&str> {
    let (_, names) = message
        .split_once("unknown field ")
        .or_else(|| message.split_once("unknown variant "))?;
    let mut quoted = names.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    quoted.min_by_key(|known| strsim::damerau_levenshtein(unknown, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_nearest_of_what_is_known() {
        let message = "unknown field `lifetim`, expected one of `csr`, `profile`, `lifetime`";

        assert_eq!(known_name(message), Some("lifetime"));
    }

    #[test]
    fn is_silent_about_everything_else() {
        for message in [
            "invalid type: string \"`a`\", expected u16",
            "unknown field",
        ] {
            assert_eq!(known_name(message), None);
        }
    }
}
