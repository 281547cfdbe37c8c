//! Reading the log: filters, pages, and events as they were written.

use std::fmt;
use std::str::FromStr;

use ca_pki::{Timestamp, hex};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::chain::Link;
use crate::ledger::NotACursor;

/// Which events are asked for; everything that is set must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery {
    /// What happened.
    pub kind: Option<KindFilter>,
    /// Who: an actor's text form, also where it acted `via` something.
    pub actor: Option<String>,
    /// To what, exactly.
    pub subject: Option<String>,
    /// At this moment or later.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// Which way to read.
    pub order: EventOrder,
    /// Where the page before ended.
    pub cursor: Option<EventCursor>,
    /// How many events a page holds at most.
    pub limit: u32,
}

/// A kind of event, or a family of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KindFilter {
    /// `certificate.issued`
    Exactly(String),
    /// `certificate.`: every kind that begins so.
    Family(String),
}

/// Which way a log is read. Ties of the same second are read in the order of writing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventOrder {
    /// Newest first, as people look for things.
    #[default]
    NewestFirst,
    /// Oldest first, as exports write them.
    OldestFirst,
}

/// A place between two events. Events that are written later do not move it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventCursor {
    /// The moment of the last event that was read.
    pub at: Timestamp,
    /// Its number.
    pub sequence: u64,
}

/// A part of the log.
#[derive(Clone, Debug)]
pub struct EventPage {
    /// The events, in the order asked for.
    pub events: Vec<RecordedEvent>,
    /// Where the next page begins, if there may be one.
    pub next: Option<EventCursor>,
}

/// An event as the store holds it. As JSON it is the line that exports write.
#[derive(Clone, Debug, Serialize)]
pub struct RecordedEvent {
    /// Its number in the order of writing.
    pub sequence: u64,
    /// Its place in the chain, once sealed.
    pub position: Option<u64>,
    /// Its link in the chain, once sealed.
    #[serde(serialize_with = "as_hex")]
    pub hash: Option<Link>,
    /// When it happened.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    /// [`super::EventKind::name`].
    pub kind: String,
    /// The actor's text form.
    pub actor: String,
    /// What it happened to.
    pub subject: String,
    /// The details octet for octet as stored, so that whoever has the line can compute its link.
    /// Text that is no JSON (somebody changed the row) stands here as a JSON string.
    pub details: Box<RawValue>,
}

impl Default for EventQuery {
    /// Asks for the newest events of every kind.
    fn default() -> Self {
        Self {
            kind: None,
            actor: None,
            subject: None,
            since: None,
            until: None,
            order: EventOrder::default(),
            cursor: None,
            limit: PAGE,
        }
    }
}

impl EventQuery {
    /// Returns whether an event is among those asked for; where the page begins is not asked.
    pub fn covers(&self, event: &RecordedEvent) -> bool {
        self.kind
            .as_ref()
            .is_none_or(|kind| kind.covers(&event.kind))
            && self
                .actor
                .as_ref()
                .is_none_or(|actor| is_or_acts_via(&event.actor, actor))
            && self
                .subject
                .as_ref()
                .is_none_or(|subject| *subject == event.subject)
            && self.since.is_none_or(|since| since <= event.at)
            && self.until.is_none_or(|until| event.at < until)
    }
}

impl KindFilter {
    /// Reads `certificate.issued` or, ending with a dot, `certificate.`.
    pub fn parse(text: &str) -> Self {
        match text.ends_with('.') {
            true => Self::Family(text.to_owned()),
            false => Self::Exactly(text.to_owned()),
        }
    }

    fn covers(&self, kind: &str) -> bool {
        match self {
            Self::Exactly(name) => kind == name,
            Self::Family(beginning) => kind.starts_with(beginning),
        }
    }
}

impl RecordedEvent {
    /// Returns the cursor of a page that ends with this event.
    pub fn cursor(&self) -> EventCursor {
        EventCursor {
            at: self.at,
            sequence: self.sequence,
        }
    }

    /// Wraps details as stored.
    pub fn details_from(stored: String) -> Box<RawValue> {
        RawValue::from_string(stored.clone()).unwrap_or_else(|_not_json| {
            serde_json::value::to_raw_value(&stored).expect("a string is JSON")
        })
    }
}

impl fmt::Display for EventCursor {
    /// Writes what [`EventCursor::from_str`] reads; callers are to take it as it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at.unix_secs(), self.sequence)
    }
}

impl FromStr for EventCursor {
    type Err = NotACursor;

    fn from_str(unverified: &str) -> Result<Self, NotACursor> {
        let (at, sequence) = unverified.split_once('.').ok_or(NotACursor)?;
        Ok(Self {
            at: Timestamp::from_unix_secs(at.parse().map_err(|_| NotACursor)?),
            sequence: sequence.parse().map_err(|_| NotACursor)?,
        })
    }
}

/// What stands between an actor and the credential or account that it used.
pub const VIA: &str = " via ";

fn is_or_acts_via(actor: &str, asked: &str) -> bool {
    let rest = actor.strip_prefix(asked);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(VIA))
}

fn as_text<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

fn as_hex<S: Serializer>(link: &Option<Link>, serializer: S) -> Result<S::Ok, S::Error> {
    match link {
        Some(link) => serializer.serialize_str(&hex::lower(link)),
        None => serializer.serialize_none(),
    }
}

const PAGE: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> RecordedEvent {
        RecordedEvent {
            sequence: 7,
            position: Some(5),
            hash: Some([0xab; 32]),
            at: Timestamp::from_unix_secs(1_800_000_000),
            kind: "certificate.issued".to_owned(),
            actor: "oidc:gitlab:42 via acme:default:x".to_owned(),
            subject: "01ab".to_owned(),
            details: RecordedEvent::details_from(r#"{"b":1, "a":2}"#.to_owned()),
        }
    }

    #[test]
    fn finds_an_actor_also_where_it_acted_via_something() {
        let found = |actor: &str| {
            let query = EventQuery {
                actor: Some(actor.to_owned()),
                ..EventQuery::default()
            };
            query.covers(&event())
        };

        assert!(found("oidc:gitlab:42"));
        assert!(found("oidc:gitlab:42 via acme:default:x"));
        assert!(!found("oidc:gitlab:4"));
        assert!(!found("acme:default:x"));
    }

    #[test]
    fn finds_a_kind_and_a_family_of_kinds() {
        let found = |kind: &str| KindFilter::parse(kind).covers("certificate.issued");

        assert!(found("certificate.issued"));
        assert!(found("certificate."));
        assert!(!found("certificate"));
        assert!(!found("certificate.issue"));
        assert!(!found("order."));
    }

    #[test]
    fn until_is_not_included() {
        let query = |since, until| EventQuery {
            since: Some(Timestamp::from_unix_secs(since)),
            until: Some(Timestamp::from_unix_secs(until)),
            ..EventQuery::default()
        };

        assert!(query(1_800_000_000, 1_800_000_001).covers(&event()));
        assert!(!query(1_799_999_999, 1_800_000_000).covers(&event()));
        assert!(!query(1_800_000_001, 1_800_000_002).covers(&event()));
    }

    #[test]
    fn a_cursor_reads_back() {
        let cursor = event().cursor();

        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", ".", "1", "1.", "a.1", "1.-1", "1.1.1"] {
            assert_eq!(text.parse::<EventCursor>(), Err(NotACursor), "{text}");
        }
    }

    #[test]
    fn writes_details_as_they_were_stored() {
        let line = serde_json::to_string(&event()).unwrap();

        assert!(line.contains(r#""details":{"b":1, "a":2}"#), "{line}");
        assert!(line.contains(r#""at":"2027-01-15T08:00:00Z""#), "{line}");
        assert!(line.contains(r#""hash":"abab"#), "{line}");
    }

    #[test]
    fn writes_details_that_are_no_json_as_a_string() {
        let details = RecordedEvent::details_from("{\"a\":".to_owned());

        assert_eq!(details.get(), r#""{\"a\":""#);
    }
}
