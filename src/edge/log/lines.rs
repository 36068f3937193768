//! How a record looks: one line, in the shape that whoever reads stderr wants.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{
    DefaultFields, Format, FormatEvent, Full, Json, Writer, format,
};
use tracing_subscriber::registry::LookupSpan;

/// The shape of a record; shared with [`super::Log`], which may change it.
pub(super) struct Lines {
    /// Whether the journal reads, which adds the time and wants priorities.
    journal: bool,
    json: Arc<AtomicBool>,
    for_journal: Format<Full, ()>,
    for_people: Format<Full>,
    for_machines: Format<Json>,
}

impl Lines {
    pub(super) fn new(journal: bool, json: Arc<AtomicBool>) -> Self {
        let text = || format().with_ansi(false).with_target(false);
        // Spans are left out: their fields are kept in one format, which may have changed since.
        let object = format().json().flatten_event(true);
        Self {
            journal,
            json,
            for_journal: text().with_level(false).without_time(),
            for_people: text(),
            for_machines: object.with_current_span(false).with_span_list(false),
        }
    }
}

impl<S> FormatEvent<S, DefaultFields> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, DefaultFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        let into_line = Writer::new(&mut line);
        match (self.json.load(Ordering::Relaxed), self.journal) {
            (true, _) => self.for_machines.format_event(ctx, into_line, event)?,
            (false, true) => self.for_journal.format_event(ctx, into_line, event)?,
            (false, false) => self.for_people.format_event(ctx, into_line, event)?,
        }
        if self.journal {
            write!(writer, "<{}>", priority(*event.metadata().level()))?;
        }
        write_one_line(&mut writer, line.trim_end_matches('\n'))
    }
}

/// syslog's number for a level, sd-daemon(3).
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// A line break inside would let a text from outside forge a record, its priority included.
fn write_one_line(writer: &mut Writer<'_>, line: &str) -> fmt::Result {
    for c in line.chars() {
        match c {
            '\n' => writer.write_str("\\n")?,
            '\r' => writer.write_str("\\r")?,
            c => writer.write_char(c)?,
        }
    }
    writer.write_char('\n')
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use tracing_subscriber::fmt::MakeWriter;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no test panics inside").extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Kept {
        type Writer = Self;
        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// What `act` logs; it may change the shape on its way.
    fn logged(journal: bool, json: bool, act: impl FnOnce(&AtomicBool)) -> String {
        let (kept, json) = (Kept::default(), Arc::new(AtomicBool::new(json)));
        let layer = tracing_subscriber::fmt::layer()
            .event_format(Lines::new(journal, Arc::clone(&json)))
            .with_writer(kept.clone());
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || act(&json));
        let bytes = kept.0.lock().expect("no test panics inside").clone();
        String::from_utf8(bytes).expect("a log is text")
    }

    #[test]
    fn the_journal_gets_priorities_and_no_time() {
        let text = logged(true, false, |_| {
            tracing::error!("a");
            tracing::warn!(org = "acme", "b");
            tracing::info!("c");
            tracing::debug!("d");
        });
        assert_eq!(text, "<3>a\n<4>b org=\"acme\"\n<6>c\n<7>d\n");
    }

    #[test]
    fn a_person_gets_the_time_and_the_level() {
        let text = logged(false, false, |_| tracing::info!("hello"));
        let (time, rest) = text.split_once(' ').expect("a time, then the rest");
        assert!(humantime::parse_rfc3339(time).is_ok(), "{text}");
        assert_eq!(rest.trim_start(), "INFO hello\n");
    }

    #[test]
    fn a_machine_gets_one_object_a_line() {
        let text = logged(false, true, |_| {
            tracing::warn!(org = "acme", generation = 7, "two\nlines");
        });
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["message"], "two\nlines");
        assert_eq!(
            (&value["level"], &value["org"]),
            (&"WARN".into(), &"acme".into())
        );
        assert_eq!(
            (value["generation"].as_u64(), text.lines().count()),
            (Some(7), 1)
        );
    }

    #[test]
    fn the_journal_gets_the_priority_of_an_object_too() {
        let text = logged(true, true, |_| tracing::warn!("b"));
        assert!(text.starts_with("<4>{\""), "{text}");
    }

    /// S5
    #[test]
    fn s5_a_text_from_outside_cannot_forge_a_record() {
        let text = logged(true, false, |_| {
            tracing::info!("said\n<0>forged\r\x1b[2J");
        });
        assert_eq!(text, "<6>said\\n<0>forged\\r\\x1b[2J\n");
    }

    #[test]
    fn a_span_that_was_open_when_the_shape_changed_does_no_harm() {
        let text = logged(false, false, |json| {
            let _span = tracing::info_span!("reload", org = "acme").entered();
            json.store(true, Ordering::Relaxed);
            tracing::info!("after");
        });
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["message"], "after");
    }
}
