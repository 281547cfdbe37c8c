//! Rehearsals: everything as on the day, with a throw-away key, and marked as such everywhere.

use ca_pki::certificate::{CertificateError, name_from_text, name_to_text};

/// Whether a ceremony counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// With the real key.
    Real,
    /// With a throw-away key: nobody may trust what comes out.
    Rehearsal,
}

impl Mode {
    /// Returns the Name that a certificate gets: marked in a rehearsal.
    pub(crate) fn name(self, name_der: Vec<u8>) -> Result<Vec<u8>, CertificateError> {
        match self {
            Self::Real => Ok(name_der),
            Self::Rehearsal => marked(&name_der),
        }
    }
}

/// Puts `REHEARSAL ` in front of the common name, or adds one.
fn marked(name_der: &[u8]) -> Result<Vec<u8>, CertificateError> {
    let text = name_to_text(name_der);
    let (before, common_name) = match text.strip_prefix("CN=") {
        Some(rest) => ("", rest),
        // A comma in a value is written with a backslash, so this one ends an attribute.
        None => match text.split_once(",CN=") {
            Some((before, rest)) => (before, rest),
            None => return name_from_text("CN=REHEARSAL"),
        },
    };
    let comma = if before.is_empty() { "" } else { "," };
    let whole = format!("{before}{comma}CN={MARK} {common_name}");
    // A common name at its upper bound, or attributes that cannot be written, leave only the mark.
    name_from_text(&whole).or_else(|_| name_from_text("CN=REHEARSAL"))
}

/// The word that stands in every artefact of a rehearsal.
pub(crate) const MARK: &str = "REHEARSAL";

#[cfg(test)]
mod tests {
    use super::*;

    fn name_in(mode: Mode, text: &str) -> String {
        name_to_text(&mode.name(name_from_text(text).unwrap()).unwrap())
    }

    #[test]
    fn marks_the_common_name_in_a_rehearsal_only() {
        for (text, marked) in [
            (
                "CN=Example Root,O=Example",
                "CN=REHEARSAL Example Root,O=Example",
            ),
            (
                r"O=a\,b,CN=Example Root",
                r"O=a\,b,CN=REHEARSAL Example Root",
            ),
            ("O=Example", "CN=REHEARSAL"),
        ] {
            assert_eq!(name_in(Mode::Rehearsal, text), marked);
            assert_eq!(name_in(Mode::Real, text), text);
        }
    }

    #[test]
    fn marks_a_name_that_has_no_room_left() {
        let text = format!("CN={}", "a".repeat(64));

        assert_eq!(name_in(Mode::Rehearsal, &text), "CN=REHEARSAL");
    }
}
