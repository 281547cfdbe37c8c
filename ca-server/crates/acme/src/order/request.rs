//! What a client asks for with newOrder (RFC 8555 §7.4).

use ca_pki::Timestamp;
use serde::Deserialize;

use crate::Problem;
use crate::identifier::{self, Names, UnverifiedIdentifier};
use crate::payload;
use crate::renewal_info::RenewalId;

/// A newOrder payload that reads; nothing in it is judged yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OrderRequest {
    /// The identifiers.
    pub(crate) names: Names,
    /// The profile asked for.
    pub(crate) profile: Option<String>,
    /// notBefore as asked for.
    pub(crate) not_before: Option<Timestamp>,
    /// notAfter as asked for.
    pub(crate) not_after: Option<Timestamp>,
    /// The certificate to replace (RFC 9773 §5).
    pub(crate) replaces: Option<RenewalId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UnverifiedOrder {
    identifiers: Option<Vec<UnverifiedIdentifier>>,
    profile: Option<String>,
    not_before: Option<String>,
    not_after: Option<String>,
    replaces: Option<String>,
}

impl OrderRequest {
    /// Reads the payload.
    pub(crate) fn parse(unverified_payload: &[u8]) -> Result<Self, Problem> {
        let unverified: UnverifiedOrder = payload::read(unverified_payload)?;
        Ok(Self {
            names: identifier::parse_list(&unverified.identifiers.unwrap_or_default())?,
            profile: payload::present(unverified.profile),
            not_before: moment("notBefore", unverified.not_before)?,
            not_after: moment("notAfter", unverified.not_after)?,
            replaces: payload::present(unverified.replaces)
                .map(|text| RenewalId::parse(&text))
                .transpose()?,
        })
    }

    /// Refuses a window that no policy could grant.
    pub(crate) fn check_window(&self, now: Timestamp) -> Result<(), Problem> {
        let Some(not_after) = self.not_after else {
            return Ok(());
        };
        if not_after <= now {
            return Err(Problem::malformed("notAfter is in the past"));
        }
        if self.not_before.is_some_and(|start| not_after <= start) {
            return Err(Problem::malformed("notAfter is not later than notBefore"));
        }
        Ok(())
    }
}

/// Parses a moment; Go's zero time stands for none (Caddy sends it).
fn moment(member: &str, text: Option<String>) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = payload::present(text) else {
        return Ok(None);
    };
    match Timestamp::parse_rfc3339(&text) {
        Some(YEAR_ONE) => Ok(None),
        Some(moment) => Ok(Some(moment)),
        None => Err(Problem::malformed(format!(
            "{member} is not a moment in the form of RFC 3339, such as 2030-01-31T12:00:00Z"
        ))),
    }
}

/// 0001-01-01T00:00:00Z.
const YEAR_ONE: Timestamp = Timestamp::from_unix_secs(-62_135_596_800);

#[cfg(test)]
mod tests {
    use ca_pki::Identifier;

    use super::*;
    use crate::ProblemKind;

    fn parse(payload: &str) -> Result<OrderRequest, Problem> {
        OrderRequest::parse(payload.as_bytes())
    }

    fn refused(payload: &str) -> Problem {
        match parse(payload) {
            Ok(request) => identifier::refusal(request.names.unreadable).unwrap(),
            Err(problem) => problem,
        }
    }

    #[test]
    fn merges_identifiers_that_differ_in_case_only() {
        let request = parse(
            r#"{"identifiers":[{"type":"dns","value":"B.example"},{"type":"dns","value":"a.example"},
                {"type":"dns","value":"b.example"},{"type":"ip","value":"10.0.0.1"}]}"#,
        )
        .unwrap();

        let names = request.names.identifiers.iter();
        let names: Vec<String> = names.map(Identifier::value).collect();
        assert_eq!(names, ["a.example", "b.example", "10.0.0.1"]);
    }

    #[test]
    fn takes_zero_values_for_absent_members() {
        let request = parse(
            r#"{"status":"","expires":"0001-01-01T00:00:00Z","notBefore":"0001-01-01T00:00:00Z",
                "notAfter":"","profile":"","replaces":"","authorizations":null,"finalize":"",
                "identifiers":[{"type":"dns","value":"a.example"}]}"#,
        )
        .unwrap();

        assert_eq!(
            (request.not_before, request.not_after),
            (None, None),
            "no window was asked for"
        );
        assert_eq!((request.profile, request.replaces), (None, None));
    }

    #[test]
    fn refuses_orders_that_do_not_read() {
        let cases = [
            (r"{}", ProblemKind::Malformed),
            (r#"{"identifiers":null}"#, ProblemKind::Malformed),
            (r#"{"identifiers":[]}"#, ProblemKind::Malformed),
            (r#"{"identifiers":{}}"#, ProblemKind::Malformed),
            (r#"{"identifiers":["a.example"]}"#, ProblemKind::Malformed),
            (
                r#"{"identifiers":[["dns","a.example"]]}"#,
                ProblemKind::Malformed,
            ),
            (
                r#"{"identifiers":[{"type":"dns","type":"ip","value":"a.example"}]}"#,
                ProblemKind::Malformed,
            ),
            (
                r#"{"identifiers":[{"type":"dns"}]}"#,
                ProblemKind::Malformed,
            ),
            (
                r#"{"identifiers":[{"type":"dns","value":7}]}"#,
                ProblemKind::Malformed,
            ),
            (
                r#"{"identifiers":[{"type":"dns","value":""}]}"#,
                ProblemKind::Malformed,
            ),
            (
                r#"{"identifiers":[{"type":"dns","value":"a..b"}]}"#,
                ProblemKind::Malformed,
            ),
            (
                r#"{"identifiers":[{"type":"ip","value":"*.10.0.0.1"}]}"#,
                ProblemKind::Malformed,
            ),
            (
                r#"{"identifiers":[{"type":"email","value":"a@b.example"}]}"#,
                ProblemKind::UnsupportedIdentifier,
            ),
            (
                r#"{"identifiers":[{"type":"DNS","value":"a.example"}]}"#,
                ProblemKind::UnsupportedIdentifier,
            ),
        ];

        for (payload, kind) in cases {
            assert_eq!(refused(payload).kind, kind, "{payload}");
        }
    }

    #[test]
    fn tells_the_sender_of_an_address_as_a_name_to_use_type_ip() {
        let problem = refused(r#"{"identifiers":[{"type":"dns","value":"10.0.0.1"}]}"#);

        assert_eq!(problem.kind, ProblemKind::Malformed);
        assert!(problem.detail.contains("ip"), "{}", problem.detail);
    }

    #[test]
    fn lists_every_identifier_that_does_not_read() {
        let problem = refused(
            r#"{"identifiers":[{"type":"dns","value":"a_b"},{"type":"dns","value":"a.example"},
                {"type":"uri","value":"spiffe://x"}]}"#,
        );

        let kinds: Vec<ProblemKind> = problem.subproblems.iter().map(|one| one.kind).collect();
        assert_eq!(problem.kind, ProblemKind::Compound);
        assert_eq!(
            kinds,
            [ProblemKind::Malformed, ProblemKind::UnsupportedIdentifier]
        );
    }

    #[test]
    fn refuses_more_identifiers_than_a_certificate_may_hold() {
        let list = |count: usize| {
            let names: Vec<String> = (0..count)
                .map(|n| format!(r#"{{"type":"dns","value":"n{n}.example"}}"#))
                .collect();
            format!(r#"{{"identifiers":[{}]}}"#, names.join(","))
        };

        assert_eq!(parse(&list(100)).unwrap().names.identifiers.len(), 100);
        assert_eq!(refused(&list(101)).kind, ProblemKind::Malformed);
    }

    #[test]
    fn refuses_moments_and_windows_that_make_no_sense() {
        let now = Timestamp::from_unix_secs(1_800_000_000);
        let name = r#""identifiers":[{"type":"dns","value":"a.example"}]"#;
        let window = |start: &str, end: &str| {
            let payload = format!(r#"{{"notBefore":"{start}","notAfter":"{end}",{name}}}"#);
            parse(&payload)?.check_window(now)
        };

        for (start, end, accepted) in [
            ("", "2027-02-01T00:00:00Z", true),
            ("2027-01-31T00:00:00+02:00", "2027-02-01T00:00:00.5Z", true),
            ("", "2020-01-01T00:00:00Z", false),
            ("2027-02-02T00:00:00Z", "2027-02-01T00:00:00Z", false),
            ("2027-02-01T00:00:00Z", "2027-02-01T00:00:00Z", false),
            ("yesterday", "", false),
            ("", "2027-02-30T00:00:00Z", false),
            ("1700000000", "", false),
        ] {
            assert_eq!(window(start, end).is_ok(), accepted, "{start} {end}");
        }
    }
}
