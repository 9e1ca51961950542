//! Capture: log records as values, for whoever shows them while the node runs.
//!
//! # Invariants
//!
//! - Logging never waits for a reader; a slow one loses the oldest of [`LOG_RECORDS_KEPT`].
//! - A record is at most [`LOG_MESSAGE_MAX_CHARS`] long: messages may quote what a peer sent.

use core::fmt::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::sync::broadcast;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

/// Records kept for a reader that falls behind.
pub const LOG_RECORDS_KEPT: usize = 1024;

/// Characters of a record's message, fields included.
pub const LOG_MESSAGE_MAX_CHARS: usize = 1024;

/// The span field that names the node an event belongs to.
pub(crate) const INSTANCE_FIELD: &str = "instance";

/// One log line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogRecord {
    /// Milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// `ERROR` to `TRACE`.
    pub level: &'static str,
    /// The module that logged.
    pub target: String,
    /// The message and its fields.
    pub message: String,
    /// The node it belongs to, if it was logged within one.
    pub instance: Option<String>,
}

/// Sends records to a broadcast channel while somebody listens.
pub(super) struct CaptureLayer {
    records: broadcast::Sender<LogRecord>,
}

impl CaptureLayer {
    pub(super) fn new() -> (Self, broadcast::Sender<LogRecord>) {
        let records = broadcast::Sender::new(LOG_RECORDS_KEPT);
        (Self { records: records.clone() }, records)
    }
}

/// Kept with a span that names an instance.
struct InstanceName(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for CaptureLayer {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, ctx: Context<'_, S>) {
        let mut visitor = InstanceVisitor(None);
        attributes.record(&mut visitor);
        if let (Some(name), Some(span)) = (visitor.0, ctx.span(id)) {
            span.extensions_mut().insert(InstanceName(name));
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        if self.records.receiver_count() == 0 {
            return;
        }
        let mut message = MessageVisitor::default();
        event.record(&mut message);
        let mut scope = ctx.event_scope(event).into_iter().flatten();
        let instance =
            scope.find_map(|span| span.extensions().get::<InstanceName>().map(|n| n.0.clone()));
        let metadata = event.metadata();
        // Nobody listening is not an error.
        let _ = self.records.send(LogRecord {
            time_ms: unix_millis(),
            level: metadata.level().as_str(),
            target: metadata.target().to_owned(),
            message: message.finish(),
            instance,
        });
    }
}

fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

struct InstanceVisitor(Option<String>);

impl Visit for InstanceVisitor {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == INSTANCE_FIELD {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == INSTANCE_FIELD {
            self.0 = Some(format!("{value:?}"));
        }
    }
}

#[derive(Default)]
struct MessageVisitor {
    message: Bounded,
    fields: Bounded,
}

impl MessageVisitor {
    fn finish(self) -> String {
        let mut out = self.message;
        // A full buffer refuses; what fits is what is shown.
        let _ = out.write_str(&self.fields.text);
        out.text
    }
}

impl Visit for MessageVisitor {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            let _ = self.message.write_str(value);
        } else {
            let _ = write!(self.fields, " {}={value}", field.name());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
        } else {
            let _ = write!(self.fields, " {}={value:?}", field.name());
        }
    }
}

/// Text that stops growing at [`LOG_MESSAGE_MAX_CHARS`]; a formatter that meets the end stops.
#[derive(Default)]
struct Bounded {
    text: String,
    chars: usize,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.chars >= LOG_MESSAGE_MAX_CHARS {
                return Err(fmt::Error);
            }
            self.text.push(c);
            self.chars += 1;
        }
        Ok(())
    }
}
