//! How an event looks: one line of JSON.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes an event with its fields, and the span that it is in.
///
/// The span's fields were written as JSON when it was opened and are put in as they are: reading
/// them again for each event, as the library's own format does, costs more than all else.
pub(super) struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let about = event.metadata();
        line.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut line)?;
        write!(line, "\",\"level\":\"{}\",\"fields\":", about.level())?;
        context.format_fields(line.by_ref(), event)?;
        // Names of modules and spans are identifiers of the source: nothing in them needs escaping.
        write!(line, ",\"target\":\"{}\"", about.target())?;
        if let Some(span) = context.lookup_current() {
            let extensions = span.extensions();
            let written = extensions.get::<FormattedFields<N>>();
            let fields = written.map_or("", |fields| fields.fields.as_str());
            let fields = fields.strip_prefix('{').unwrap_or(fields);
            let fields = fields.strip_suffix('}').unwrap_or(fields);
            let comma = if fields.is_empty() { "" } else { "," };
            let name = span.name();
            write!(line, ",\"span\":{{{fields}{comma}\"name\":\"{name}\"}}")?;
        }
        line.write_str("}\n")
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tracing_subscriber::fmt::format::JsonFields;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(log: impl FnOnce()) -> Vec<Value> {
        let page = Page::default();
        let copy = page.clone();
        let layer = tracing_subscriber::fmt::layer()
            .event_format(JsonLine)
            .fmt_fields(JsonFields::new())
            .with_writer(move || copy.clone());
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, log);
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn an_event_is_a_json_object_with_the_span_that_it_is_in() {
        let lines = written(|| {
            let span = tracing::info_span!("request", route = "/{a}\"", id = "\u{1}}}", n = 7);
            span.in_scope(|| tracing::warn!(status = 200, text = "\"\n{", "answered"));
        });

        let [line] = lines.as_slice() else {
            panic!("{lines:?}")
        };
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["target"], module_path!());
        let fields = json!({"message": "answered", "status": 200, "text": "\"\n{"});
        assert_eq!(line["fields"], fields);
        let span = json!({"name": "request", "route": "/{a}\"", "id": "\u{1}}}", "n": 7});
        assert_eq!(line["span"], span);
    }

    #[test]
    fn an_event_outside_of_spans_and_a_span_without_fields_are_whole() {
        let lines = written(|| {
            tracing::error!("alone");
            tracing::info_span!("bare").in_scope(|| tracing::info!("inside"));
        });

        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].get("span"), None);
        assert_eq!(lines[1]["span"], json!({"name": "bare"}));
        assert!(lines[1]["timestamp"].as_str().unwrap().ends_with('Z'));
    }
}
