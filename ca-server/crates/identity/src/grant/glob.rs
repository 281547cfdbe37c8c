//! Globs over the text of claims.

use std::fmt;
use std::str::FromStr;

/// Text with globs: `*` is any run without `/`, `**` any run, both possibly empty.
///
/// Nothing else is special, case matters, and there is no escape: a `*` in a claim is matched by
/// a glob only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Vec<Piece>);

/// Text that is not a glob.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a glob: 1 to 1024 octets, * is any run without a slash, ** any run")]
pub struct NotAGlob(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Exactly(char),
    RunWithoutSlash,
    Run,
}

impl Glob {
    /// Returns whether the whole of `text` matches.
    ///
    /// Every prefix of the glob that matches what was read so far is kept at once, so that the
    /// work is at most (octets of the glob) x (octets of the text), whatever either says.
    pub fn matches(&self, text: &str) -> bool {
        let mut reached = vec![false; self.0.len() + 1];
        if let Some(start) = reached.first_mut() {
            *start = true;
        }
        self.pass_empty_runs(&mut reached);
        for character in text.chars() {
            reached = self.step(&reached, character);
        }
        reached.last().copied().unwrap_or(false)
    }

    /// Returns whether it holds any text at all: one without matches (nearly) everything.
    pub fn has_text(&self) -> bool {
        self.0.iter().any(|it| matches!(it, Piece::Exactly(_)))
    }

    fn step(&self, reached: &[bool], character: char) -> Vec<bool> {
        let mut next = vec![false; reached.len()];
        for (at, (piece, _)) in self.0.iter().zip(reached).enumerate().filter(|it| *it.1.1) {
            let target = match piece {
                Piece::Exactly(expected) => (*expected == character).then_some(at + 1),
                Piece::RunWithoutSlash => (character != '/').then_some(at),
                Piece::Run => Some(at),
            };
            if let Some(place) = target.and_then(|target| next.get_mut(target)) {
                *place = true;
            }
        }
        self.pass_empty_runs(&mut next);
        next
    }

    /// A run may be empty: whoever stands before it stands behind it too.
    fn pass_empty_runs(&self, reached: &mut [bool]) {
        for (at, piece) in self.0.iter().enumerate() {
            let may_be_empty = !matches!(piece, Piece::Exactly(_));
            if may_be_empty
                && reached.get(at) == Some(&true)
                && let Some(behind) = reached.get_mut(at + 1)
            {
                *behind = true;
            }
        }
    }
}

impl FromStr for Glob {
    type Err = NotAGlob;

    fn from_str(text: &str) -> Result<Self, NotAGlob> {
        if text.is_empty() || text.len() > LONGEST_BYTES || text.contains("***") {
            return Err(NotAGlob(text.chars().take(255).collect()));
        }
        let mut pieces: Vec<Piece> = Vec::new();
        for character in text.chars() {
            match (character, pieces.last_mut()) {
                ('*', Some(last @ Piece::RunWithoutSlash)) => *last = Piece::Run,
                ('*', _) => pieces.push(Piece::RunWithoutSlash),
                _ => pieces.push(Piece::Exactly(character)),
            }
        }
        Ok(Self(pieces))
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Exactly(character) => write!(f, "{character}")?,
                Piece::RunWithoutSlash => f.write_str("*")?,
                Piece::Run => f.write_str("**")?,
            }
        }
        Ok(())
    }
}

const LONGEST_BYTES: usize = 1_024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(glob: &str, text: &str) -> bool {
        glob.parse::<Glob>().unwrap().matches(text)
    }

    /// The obvious matcher, exponential in the worst case.
    fn obviously_matches(glob: &[char], text: &[char]) -> bool {
        match (glob, text) {
            ([], []) => true,
            ([], _) => false,
            (['*', '*', rest @ ..], _) => {
                (0..=text.len()).any(|taken| obviously_matches(rest, &text[taken..]))
            }
            (['*', rest @ ..], _) => (0..=text.len())
                .take_while(|taken| !text[..*taken].contains(&'/'))
                .any(|taken| obviously_matches(rest, &text[taken..])),
            ([one, rest @ ..], [first, more @ ..]) => one == first && obviously_matches(rest, more),
            (_, []) => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_obvious_matcher(
            glob in "(\\*{0,2}[ab/]){0,4}\\*{0,2}",
            text in "[ab/]{0,10}",
        ) {
            prop_assume!(!glob.is_empty());
            let characters = |text: &str| text.chars().collect::<Vec<char>>();

            let judged = matches(&glob, &text);

            prop_assert_eq!(judged, obviously_matches(&characters(&glob), &characters(&text)));
        }

        #[test]
        fn shows_what_it_was_read_from(glob in "[a-z/*]{1,20}") {
            if let Ok(parsed) = glob.parse::<Glob>() {
                prop_assert_eq!(parsed.to_string(), glob);
            }
        }
    }

    #[test]
    fn a_star_stops_at_a_slash_and_two_do_not() {
        let cases = [
            ("main", "main", true),
            ("main", "Main", false),
            ("main", "main2", false),
            ("release/*", "release/1.2", true),
            ("release/*", "release/1/2", false),
            ("release/**", "release/1/2", true),
            (
                "repo:acme/*:ref:refs/heads/*",
                "repo:acme/web:ref:refs/heads/x",
                true,
            ),
            (
                "repo:acme/*:ref:refs/heads/*",
                "repo:acme/web:ref:refs/heads/x/y",
                false,
            ),
            (
                "repo:acme/*:ref:refs/heads/*",
                "repo:acme-evil/web:ref:refs/heads/x",
                false,
            ),
            ("*", "", true),
            ("v*", "v", true),
        ];

        for (glob, text, expected) in cases {
            assert_eq!(matches(glob, text), expected, "{glob} {text}");
        }
    }

    #[test]
    fn a_glob_made_to_backtrack_ends_at_once() {
        let glob = "**a".repeat(300);
        let text = "a".repeat(8_000) + "b";

        assert!(!matches(&glob, &text));
    }

    #[test]
    fn refuses_what_is_empty_too_long_or_has_three_stars() {
        for text in ["", "***", "a***b", &"a".repeat(1_025)] {
            assert!(text.parse::<Glob>().is_err(), "{text:?}");
        }
    }
}
