//! Events as syslog messages (RFC 5424).
//!
//! The message's text is the JSON line that exports write, kept to ASCII: text outside of it would
//! need a byte order mark (RFC 5424 §6.4), which parsers of JSON stumble over. The structured
//! data uses only identifiers that the RFC itself registers: one of our own would need a private
//! enterprise number (RFC 5424 §7.2.2), and a borrowed number could mean something else elsewhere.

use super::query::RecordedEvent;

/// Who the messages are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Originator {
    /// HOSTNAME: the host by which clients know this CA, whichever of its servers sends.
    pub host: String,
    /// The program's version.
    pub version: String,
}

impl Originator {
    /// Writes an event as one message.
    ///
    /// `sequenceId` is the event's place in the chain, so a message that comes twice can be told:
    /// RFC 5424 §7.3.1 has it start at 1 and wrap after 2147483647. Details that would make the
    /// message longer than receivers must be expected to take are left out, and it says so.
    pub fn message(&self, event: &RecordedEvent) -> String {
        let header = self.header(event);
        let message = |event: &RecordedEvent| {
            let line = serde_json::to_string(event).expect("an event is JSON");
            format!("{header} {}", ascii(&line))
        };
        let whole = message(event);
        if whole.len() <= LONGEST {
            return whole;
        }
        let note = format!(r#"{{"left_out_octets":{}}}"#, event.details.get().len());
        message(&RecordedEvent {
            details: RecordedEvent::details_from(note),
            ..event.clone()
        })
    }

    fn header(&self, event: &RecordedEvent) -> String {
        let priority = FACILITY * 8 + severity(&event.kind);
        let host = printable(&self.host, 255);
        let kind = printable(&event.kind, 32);
        let sequence = event.position.map(|position| {
            let id = position.saturating_sub(1) % LARGEST_SEQUENCE_ID + 1;
            format!(r#"[meta sequenceId="{id}"]"#)
        });
        format!(
            r#"<{priority}>1 {at} {host} {PROGRAM} - {kind} {sequence}[origin software="{PROGRAM}" swVersion="{version}"]"#,
            at = event.at,
            sequence = sequence.unwrap_or_default(),
            version = value(&self.version),
        )
    }
}

/// What did not go as somebody wanted is worth a look (notice), the rest is the record.
fn severity(kind: &str) -> u8 {
    match kind.rsplit('.').next() {
        Some("refused" | "failed") => 5,
        Some(_) | None => 6,
    }
}

/// Writes a header field: at most so many printable characters, `-` for none (RFC 5424 §6.2).
fn printable(text: &str, longest: usize) -> String {
    let field: String = text
        .chars()
        .filter(char::is_ascii_graphic)
        .take(longest)
        .collect();
    match field.is_empty() {
        true => "-".to_owned(),
        false => field,
    }
}

/// Escapes a value of structured data (RFC 5424 §6.3.3).
fn value(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if matches!(character, '"' | '\\' | ']') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Writes JSON with what is not printable ASCII escaped; only strings can hold such characters.
fn ascii(json: &str) -> String {
    let mut written = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() && character != '\u{7f}' {
            written.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            written.push_str(&format!("\\u{unit:04x}"));
        }
    }
    written
}

const PROGRAM: &str = "ca-server";

/// Log audit (RFC 5424 §6.2.1).
const FACILITY: u8 = 13;

const LARGEST_SEQUENCE_ID: u64 = 2_147_483_647;

/// What receivers over TLS should take (RFC 5425 §4.3.1).
const LONGEST: usize = 8_192;

#[cfg(test)]
mod tests {
    use ca_pki::Timestamp;

    use super::*;

    fn event(position: u64, details: &str) -> RecordedEvent {
        RecordedEvent {
            sequence: 9,
            position: Some(position),
            hash: Some([0xab; 32]),
            at: Timestamp::from_unix_secs(1_800_000_000),
            kind: "certificate.issued".to_owned(),
            actor: "system".to_owned(),
            subject: "01ab".to_owned(),
            details: RecordedEvent::details_from(details.to_owned()),
        }
    }

    fn originator() -> Originator {
        Originator {
            host: "ca.example.internal".to_owned(),
            version: "0.1.0".to_owned(),
        }
    }

    #[test]
    fn writes_header_structured_data_and_the_line_of_exports() {
        let event = event(7, r#"{"a":1}"#);

        let message = originator().message(&event);

        let line = serde_json::to_string(&event).unwrap();
        let expected = format!(
            "<110>1 2027-01-15T08:00:00Z ca.example.internal ca-server - certificate.issued \
             [meta sequenceId=\"7\"][origin software=\"ca-server\" swVersion=\"0.1.0\"] {line}"
        );
        assert_eq!(message, expected);
    }

    #[test]
    fn a_refusal_stands_out() {
        for kind in ["certificate.refused", "login.failed"] {
            let mut event = event(1, "{}");
            event.kind = kind.to_owned();

            assert!(
                originator().message(&event).starts_with("<109>1 "),
                "{kind}"
            );
        }
    }

    #[test]
    fn sequence_ids_wrap_to_one() {
        for (position, id) in [(1, 1), (2_147_483_647, 2_147_483_647), (2_147_483_648, 1)] {
            let message = originator().message(&event(position, "{}"));

            assert!(
                message.contains(&format!("sequenceId=\"{id}\"")),
                "{message}"
            );
        }
    }

    #[test]
    fn is_printable_ascii_and_means_the_same() {
        let details = "{\"name\":\"Zoë \u{7f}\u{2028}😀\\n\\u0000\"}";

        let message = originator().message(&event(1, details));

        assert!(
            message
                .chars()
                .all(|one| one == ' ' || one.is_ascii_graphic())
        );
        let (_, line) = message.split_once("] {").unwrap();
        let read: serde_json::Value = serde_json::from_str(&format!("{{{line}")).unwrap();
        let written: serde_json::Value = serde_json::from_str(details).unwrap();
        assert_eq!(read["details"], written);
    }

    #[test]
    fn leaves_out_details_that_are_too_long() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(LONGEST));

        let message = originator().message(&event(1, &long));

        assert!(message.len() <= LONGEST);
        let note = format!("\"details\":{{\"left_out_octets\":{}}}", long.len());
        assert!(message.contains(&note), "{message}");
    }

    #[test]
    fn fields_hold_nothing_that_ends_them() {
        let odd = Originator {
            host: "ca example\n".to_owned(),
            version: "1\"]\\".to_owned(),
        };
        let mut event = event(1, "{}");
        event.kind = " ".to_owned();

        let message = odd.message(&event);

        assert!(message.contains(" caexample ca-server - - ["), "{message}");
        assert!(message.contains(r#"swVersion="1\"\]\\"] "#), "{message}");
    }
}
