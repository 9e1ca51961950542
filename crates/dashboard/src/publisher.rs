//! The application's end of the feed.

use std::sync::Arc;

use crate::hub::{Hub, unix_millis};
use crate::model::{Event, LogLine, NodeEntry, NodeId, Throughput};

/// Pushes what the application sees to every open page. Cheap to clone, usable from any thread.
///
/// No method waits or fails: what does not fit into a frame's bounds is dropped and counted, and the page says so.
#[derive(Debug, Clone)]
pub struct Publisher {
    hub: Arc<Hub>,
}

impl Publisher {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }

    /// Shows a node, or replaces its entry. An entry equal to the last one costs no bandwidth.
    pub fn node(&self, entry: NodeEntry) {
        self.hub.publish(|pending| pending.set_node(entry));
    }

    /// Takes a node off the page.
    pub fn remove_node(&self, id: NodeId) {
        self.hub.publish(|pending| pending.remove_node(id));
    }

    /// Tells that something happened, now.
    pub fn event(&self, event: Event) {
        let time = unix_millis();
        self.hub.publish(|pending| pending.push_event(time, event));
    }

    /// Shows a log line.
    pub fn log(&self, line: LogLine) {
        self.hub.publish(|pending| pending.push_log(line));
    }

    /// Adds a point to a kind's charts; one a second is what they are drawn for.
    pub fn throughput(&self, sample: Throughput) {
        self.hub.publish(|pending| pending.push_sample(sample));
    }
}
