//! What was published since the last frame: bounded buffers between the application and the feed.
//!
//! # Invariants
//!
//! - Nothing here grows past the bounds below, whatever is published; what does not fit is counted in [`Dropped`].
//! - The steps of lookups are the first to go: a flood of them leaves room for starts, ends and stored records.
//! - Several entries of one node within a frame collapse into the last.

use std::collections::BTreeMap;

use crate::frame::{Dropped, Stamped};
use crate::model::{
    BitcoinNode, DagBlock, Event, LogLine, LuxNode, NodeEntry, NodeId, Panel, RollupNode,
    Throughput, drawable,
};

/// Nodes shown at once, across kinds.
pub(crate) const NODES_MAX: usize = 512;
/// Buckets shown of one node: one for each bit of a key.
pub const BUCKETS_MAX: usize = 160;
/// Neighbours shown of one node.
pub const NEIGHBOURS_MAX: usize = 256;
/// Blocks shown of one chain.
pub const BLOCKS_MAX: usize = 64;
/// Slots shown of one chain.
pub const SLOTS_MAX: usize = 64;
/// Validators shown of one chain.
pub const VALIDATORS_MAX: usize = 128;
/// Bands of fees shown of one pool.
pub const FEE_BANDS_MAX: usize = 32;
/// Connections shown of one node.
pub const PEERS_MAX: usize = 64;
/// Parents shown of one block of a DAG, and blues and reds that it merges.
pub const DAG_LINKS_MAX: usize = 64;
/// Blocks that leave or join a DAG's selected chain at once.
pub const DAG_CHAIN_MOVES_MAX: usize = 512;
/// Events in one frame.
pub const EVENTS_PER_FRAME_MAX: usize = 1_024;
/// Events in one frame after which lookup steps are left out.
pub const STEPS_PER_FRAME_MAX: usize = 512;
/// Log lines in one frame.
pub const LOGS_PER_FRAME_MAX: usize = 256;
/// Throughput samples in one frame; room for a past of some minutes that is published at once.
const SAMPLES_PER_FRAME_MAX: usize = 512;
/// Bytes of a log line's message.
pub const LOG_MESSAGE_BYTES_MAX: usize = 2_048;
/// Bytes of a node's id, name or endpoint, and of a log line's target.
pub const NAME_BYTES_MAX: usize = 128;

/// What happened to a node's entry since the last frame.
#[derive(Debug)]
pub(crate) enum NodeChange {
    /// It is new, or differs.
    Set(Box<NodeEntry>),
    /// It is gone.
    Removed,
}

/// What was published since the last frame.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) nodes: BTreeMap<NodeId, NodeChange>,
    pub(crate) events: Vec<Stamped>,
    pub(crate) logs: Vec<LogLine>,
    pub(crate) samples: Vec<Throughput>,
    pub(crate) dropped: Dropped,
}

impl Pending {
    /// Notes that a node looks like this now.
    pub(crate) fn set_node(&mut self, mut entry: NodeEntry) {
        clamp_node(&mut entry);
        let change = NodeChange::Set(Box::new(entry.clone()));
        self.change_node(entry.id, change);
    }

    /// Notes that a node is gone.
    pub(crate) fn remove_node(&mut self, mut id: NodeId) {
        clamp(&mut id.0, NAME_BYTES_MAX);
        self.change_node(id, NodeChange::Removed);
    }

    fn change_node(&mut self, id: NodeId, change: NodeChange) {
        if self.nodes.len() < NODES_MAX || self.nodes.contains_key(&id) {
            self.nodes.insert(id, change);
        } else {
            self.dropped.nodes += 1;
        }
    }

    /// Notes an event.
    pub(crate) fn push_event(&mut self, time: u64, mut event: Event) {
        let bound = match event {
            Event::LookupStepped { .. } => STEPS_PER_FRAME_MAX,
            Event::NodeStarted { ref mut node }
            | Event::NodeStopped { ref mut node }
            | Event::LookupStarted { ref mut node, .. }
            | Event::RecordStored { ref mut node, .. } => {
                clamp(&mut node.0, NAME_BYTES_MAX);
                EVENTS_PER_FRAME_MAX
            }
            Event::DagBlockAdded { ref mut block } => {
                clamp_dag_block(block);
                EVENTS_PER_FRAME_MAX
            }
            Event::SelectedChainMoved { ref mut left, ref mut joined } => {
                left.truncate(DAG_CHAIN_MOVES_MAX);
                joined.truncate(DAG_CHAIN_MOVES_MAX);
                EVENTS_PER_FRAME_MAX
            }
            Event::LookupFinished { .. } => EVENTS_PER_FRAME_MAX,
        };
        if self.events.len() < bound {
            self.events.push(Stamped { time, event });
        } else {
            self.dropped.events += 1;
        }
    }

    /// Notes a log line.
    pub(crate) fn push_log(&mut self, mut line: LogLine) {
        if self.logs.len() >= LOGS_PER_FRAME_MAX {
            self.dropped.logs += 1;
            return;
        }
        clamp(&mut line.message, LOG_MESSAGE_BYTES_MAX);
        clamp(&mut line.target, NAME_BYTES_MAX);
        if let Some(node) = &mut line.node {
            clamp(&mut node.0, NAME_BYTES_MAX);
        }
        self.logs.push(line);
    }

    /// Notes a point of a kind's charts.
    pub(crate) fn push_sample(&mut self, sample: Throughput) {
        if self.samples.len() < SAMPLES_PER_FRAME_MAX {
            self.samples.push(Throughput { figures: sample.figures.drawable(), ..sample });
        } else {
            self.dropped.samples += 1;
        }
    }
}

/// Cuts everything of variable length in an entry to its bound.
fn clamp_node(entry: &mut NodeEntry) {
    clamp(&mut entry.id.0, NAME_BYTES_MAX);
    clamp(&mut entry.name, NAME_BYTES_MAX);
    clamp(&mut entry.endpoint, NAME_BYTES_MAX);
    entry.rates = entry.rates.drawable();
    match &mut entry.panel {
        Panel::Dht(dht) => {
            dht.buckets.truncate(BUCKETS_MAX);
            dht.neighbours.truncate(NEIGHBOURS_MAX);
        }
        Panel::Bitcoin(bitcoin) => clamp_bitcoin(bitcoin),
        Panel::Kaspa(kaspa) => {
            clamp(&mut kaspa.network, NAME_BYTES_MAX);
            kaspa.pool.clamp(FEE_BANDS_MAX);
        }
        Panel::Lux(lux) => clamp_lux(lux),
        Panel::Rollup(rollup) => clamp_rollup(rollup),
    }
}

fn clamp_bitcoin(bitcoin: &mut BitcoinNode) {
    clamp(&mut bitcoin.chain, NAME_BYTES_MAX);
    clamp(&mut bitcoin.best, NAME_BYTES_MAX);
    bitcoin.blocks.truncate(BLOCKS_MAX);
    for block in &mut bitcoin.blocks {
        clamp(&mut block.hash, NAME_BYTES_MAX);
    }
    bitcoin.pool.clamp(FEE_BANDS_MAX);
    bitcoin.connections.truncate(PEERS_MAX);
    for peer in &mut bitcoin.connections {
        clamp(&mut peer.address, NAME_BYTES_MAX);
        clamp(&mut peer.agent, NAME_BYTES_MAX);
        peer.ping_ms = peer.ping_ms.map(drawable);
    }
}

fn clamp_dag_block(block: &mut DagBlock) {
    block.parents.truncate(DAG_LINKS_MAX);
    block.blues.truncate(DAG_LINKS_MAX);
    block.reds.truncate(DAG_LINKS_MAX);
}

fn clamp_lux(lux: &mut LuxNode) {
    lux.blocks.truncate(BLOCKS_MAX);
    for block in &mut lux.blocks {
        clamp(&mut block.hash, NAME_BYTES_MAX);
        clamp(&mut block.proposer, NAME_BYTES_MAX);
    }
    let Some(consensus) = &mut lux.consensus else { return };
    consensus.slots.truncate(SLOTS_MAX);
    consensus.validators.truncate(VALIDATORS_MAX);
    for validator in &mut consensus.validators {
        clamp(&mut validator.address, NAME_BYTES_MAX);
    }
    for point in [&mut consensus.head, &mut consensus.justified, &mut consensus.finalised] {
        clamp(&mut point.hash, NAME_BYTES_MAX);
    }
}

fn clamp_rollup(rollup: &mut RollupNode) {
    rollup.blocks.truncate(BLOCKS_MAX);
    for block in &mut rollup.blocks {
        clamp(&mut block.hash, NAME_BYTES_MAX);
    }
    for head in [&mut rollup.unsafe_l2, &mut rollup.safe_l2, &mut rollup.finalized_l2] {
        clamp(&mut head.hash, NAME_BYTES_MAX);
    }
    let RollupNode { current_l1, head_l1, safe_l1, finalized_l1, .. } = rollup;
    for point in [current_l1, head_l1, safe_l1, finalized_l1] {
        clamp(&mut point.hash, NAME_BYTES_MAX);
    }
}

/// Cuts text to at most `bytes_max` bytes, at a character's edge, and marks the cut.
fn clamp(text: &mut String, bytes_max: usize) {
    const MARK: char = '…';
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max - MARK.len_utf8()));
        text.push(MARK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DhtKey, LogLevel, LookupId, StepOutcome};

    fn line(message: String) -> LogLine {
        LogLine { time: 0, level: LogLevel::Info, node: None, target: String::new(), message }
    }

    fn step() -> Event {
        let key = DhtKey([0; 20]);
        let outcome = StepOutcome::Answered;
        Event::LookupStepped { lookup: LookupId(1), from: key, to: key, distance_bits: 0, outcome }
    }

    #[test]
    fn cuts_long_text_at_the_edge_of_a_character() {
        let mut pending = Pending::default();
        pending.push_log(line("é".repeat(LOG_MESSAGE_BYTES_MAX)));
        let message = &pending.logs[0].message;
        assert!(message.len() <= LOG_MESSAGE_BYTES_MAX);
        assert!(message.ends_with("é…"), "{}", &message[message.len() - 6..]);
    }

    #[test]
    fn leaves_text_at_its_bound_alone() {
        let mut pending = Pending::default();
        pending.push_log(line("a".repeat(LOG_MESSAGE_BYTES_MAX)));
        assert_eq!(pending.logs[0].message, "a".repeat(LOG_MESSAGE_BYTES_MAX));
    }

    #[test]
    fn a_flood_of_steps_leaves_room_for_the_end_of_a_lookup() {
        let mut pending = Pending::default();
        for _ in 0..10 * EVENTS_PER_FRAME_MAX {
            pending.push_event(0, step());
        }
        let end = Event::LookupFinished { lookup: LookupId(1), found: true, hops: 1, ms: 1 };
        pending.push_event(0, end.clone());
        assert_eq!(pending.events.len(), STEPS_PER_FRAME_MAX + 1);
        assert_eq!(pending.events.last().unwrap().event, end);
        assert_eq!(
            pending.dropped.events,
            (10 * EVENTS_PER_FRAME_MAX - STEPS_PER_FRAME_MAX) as u64
        );
    }

    #[test]
    fn a_flood_of_logs_is_counted_and_not_kept() {
        let mut pending = Pending::default();
        for _ in 0..LOGS_PER_FRAME_MAX + 7 {
            pending.push_log(line("x".into()));
        }
        assert_eq!((pending.logs.len(), pending.dropped.logs), (LOGS_PER_FRAME_MAX, 7));
    }

    #[test]
    fn removals_of_unknown_nodes_are_bounded_too() {
        let mut pending = Pending::default();
        for number in 0..NODES_MAX + 3 {
            pending.remove_node(NodeId::new(format!("n{number}")));
        }
        assert_eq!((pending.nodes.len(), pending.dropped.nodes), (NODES_MAX, 3));
    }
}
