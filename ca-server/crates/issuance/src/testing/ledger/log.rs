//! Pages of a log in memory.

use crate::audit::Event;
use crate::audit::query::{EventOrder, EventPage, EventQuery, RecordedEvent};

/// Returns a page of events that were never sealed.
pub(super) fn page(events: &[Event], query: &EventQuery) -> EventPage {
    let mut found: Vec<RecordedEvent> = (1..)
        .zip(events)
        .map(|(sequence, event)| recorded(sequence, event))
        .filter(|event| query.covers(event))
        .collect();
    found.sort_by_key(RecordedEvent::cursor);
    match query.order {
        EventOrder::OldestFirst => found.retain(|one| Some(one.cursor()) > query.cursor),
        EventOrder::NewestFirst => {
            found.retain(|one| query.cursor.is_none_or(|after| one.cursor() < after));
            found.reverse();
        }
    }
    let limit = query.limit as usize;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(RecordedEvent::cursor);
    EventPage {
        events: found,
        next,
    }
}

fn recorded(sequence: u64, event: &Event) -> RecordedEvent {
    RecordedEvent {
        sequence,
        position: None,
        hash: None,
        at: event.at,
        kind: event.kind.name().to_owned(),
        actor: event.actor.to_string(),
        subject: event.subject.clone(),
        details: RecordedEvent::details_from(event.details.to_string()),
    }
}
