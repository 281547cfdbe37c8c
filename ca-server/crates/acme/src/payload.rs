//! Reading the JSON object inside a verified request.
//!
//! Liberal on purpose: unknown members are ignored and `null` means absent, because clients send
//! whole response objects back with their zero values.

use serde::de::DeserializeOwned;

use crate::Problem;

/// Reads the payload of a request as a JSON object.
pub(crate) fn read<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Problem> {
    // serde would take an array for a struct, its elements for the members.
    if first_octet(payload) != Some(b'{') {
        return Err(Problem::malformed("the payload is not a JSON object"));
    }
    // serde would not look at the octets of members that nobody reads.
    let text =
        std::str::from_utf8(payload).map_err(|_| Problem::malformed("the payload is not UTF-8"))?;
    serde_json::from_str(text).map_err(|reason| {
        let reason: String = reason.to_string().chars().take(LONGEST_REASON).collect();
        Problem::malformed(format!("the payload does not read: {reason}"))
    })
}

/// Turns the empty text, a zero value of several clients, into absence.
pub(crate) fn present(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn first_octet(payload: &[u8]) -> Option<u8> {
    payload
        .iter()
        .copied()
        .find(|octet| !octet.is_ascii_whitespace())
}

/// serde quotes what it did not expect; no client needs more of its own text back.
const LONGEST_REASON: usize = 200;

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Request {
        status: Option<String>,
    }

    #[test]
    fn ignores_unknown_members_and_takes_null_for_absent() {
        let request: Request =
            read(br#" {"status":null,"expires":"0001-01-01T00:00:00Z"}"#).unwrap();

        assert_eq!(request.status, None);
    }

    #[test]
    fn refuses_what_is_not_an_object_with_the_right_members() {
        let deep = "[".repeat(100_000);
        let long = format!(r#"{{"status":["{}"]}}"#, "x".repeat(10_000));
        for payload in [
            "",
            "[]",
            "[null]",
            "null",
            "1e999",
            "\"status\"",
            r#"{"status":1e999}"#,
            r#"{"status":{}}"#,
            r#"{"status":"a"} x"#,
            "{",
            "{\"status\":\"\u{0}\"}",
            &format!("{{\"status\":{deep}"),
            &long,
        ] {
            let problem = read::<Request>(payload.as_bytes()).unwrap_err();

            assert_eq!(problem.kind, crate::ProblemKind::Malformed);
            assert!(problem.detail.len() < 300, "{}", problem.detail);
        }
        assert!(read::<Request>(b"{\"status\":\"\xff\"}").is_err());
    }
}
