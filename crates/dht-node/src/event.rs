//! What a node tells whoever listens.

use std::{num::NonZeroUsize, sync::Arc};

use quintet_actor::bus::EventBus;
use quintet_dht_protocol::dht::Event;

/// Events kept for a slow subscriber of a bus the node made itself.
const CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

/// A fact, and the node it is about: many nodes may share one bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DhtEvent {
    /// The instance's name.
    pub node: Arc<str>,
    /// What happened.
    pub event: Event,
}

/// Makes a bus for one node.
pub(crate) fn bus() -> EventBus<DhtEvent> {
    EventBus::new("dht", CAPACITY)
}
