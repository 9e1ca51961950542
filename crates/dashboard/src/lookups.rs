//! The lookups a page that opens now should see: those under way and the latest that ended.
//!
//! # Invariants
//!
//! - At most [`RUNNING_MAX`] lookups are under way and [`FINISHED_MAX`] are kept after their end; the oldest go first.
//! - An end without a start is ignored: the feed may have dropped the start.

use std::collections::VecDeque;

use serde::Serialize;

use crate::frame::Stamped;
use crate::model::{DhtKey, Event, LookupId, LookupKind, NodeId};

/// Lookups under way at once; one whose end was lost is pushed out by newer ones.
const RUNNING_MAX: usize = 128;
/// Lookups kept after their end.
const FINISHED_MAX: usize = 64;

/// One lookup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LookupRecord {
    /// The lookup.
    pub lookup: LookupId,
    /// The node that looks.
    pub node: NodeId,
    /// The key it looks for.
    pub target: DhtKey,
    /// What it is after.
    pub kind: LookupKind,
    /// When it began: milliseconds since the Unix epoch.
    pub time: u64,
    /// How it ended; absent while it runs.
    pub result: Option<LookupResult>,
}

/// How a lookup ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LookupResult {
    /// Whether it got what it was after.
    pub found: bool,
    /// The length of the longest chain of referrals it followed.
    pub hops: u16,
    /// How long it took, in milliseconds.
    pub ms: u32,
}

/// The lookups under way and the latest that ended, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    running: VecDeque<LookupRecord>,
    finished: VecDeque<LookupRecord>,
}

impl Lookups {
    /// Takes in an event; those that do not concern lookups change nothing.
    pub(crate) fn apply(&mut self, stamped: &Stamped) {
        match &stamped.event {
            Event::LookupStarted { lookup, node, target, kind } => {
                let (lookup, target, kind) = (*lookup, *target, *kind);
                self.running.retain(|record| record.lookup != lookup);
                push_bounded(
                    &mut self.running,
                    LookupRecord {
                        lookup,
                        node: node.clone(),
                        target,
                        kind,
                        time: stamped.time,
                        result: None,
                    },
                    RUNNING_MAX,
                );
            }
            Event::LookupFinished { lookup, found, hops, ms } => {
                let at = self.running.iter().position(|record| record.lookup == *lookup);
                if let Some(mut record) = at.and_then(|at| self.running.remove(at)) {
                    record.result = Some(LookupResult { found: *found, hops: *hops, ms: *ms });
                    push_bounded(&mut self.finished, record, FINISHED_MAX);
                }
            }
            Event::LookupStepped { .. }
            | Event::NodeStarted { .. }
            | Event::NodeStopped { .. }
            | Event::RecordStored { .. }
            | Event::DagBlockAdded { .. }
            | Event::SelectedChainMoved { .. } => {}
        }
    }

    /// Those that ended, then those under way; each oldest first.
    pub(crate) fn records(&self) -> Vec<LookupRecord> {
        self.finished.iter().chain(&self.running).cloned().collect()
    }
}

/// Appends to a ring of at most `max` entries, dropping the oldest.
pub(crate) fn push_bounded<T>(ring: &mut VecDeque<T>, entry: T, max: usize) {
    if ring.len() >= max {
        ring.pop_front();
    }
    ring.push_back(entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(lookup: u64) -> Stamped {
        let (node, target) = (NodeId::from("a"), DhtKey([1; 20]));
        let event = Event::LookupStarted {
            lookup: LookupId(lookup),
            node,
            target,
            kind: LookupKind::FindNode,
        };
        Stamped { time: lookup, event }
    }

    fn finish(lookup: u64) -> Stamped {
        Stamped {
            time: 0,
            event: Event::LookupFinished { lookup: LookupId(lookup), found: true, hops: 2, ms: 3 },
        }
    }

    #[test]
    fn a_finished_lookup_keeps_its_start() {
        let mut lookups = Lookups::default();
        lookups.apply(&start(1));
        lookups.apply(&finish(1));
        let records = lookups.records();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].time, 1);
        assert_eq!(records[0].result, Some(LookupResult { found: true, hops: 2, ms: 3 }));
    }

    #[test]
    fn an_end_without_a_start_is_ignored() {
        let mut lookups = Lookups::default();
        lookups.apply(&finish(1));
        assert!(lookups.records().is_empty());
    }

    #[test]
    fn lookups_that_never_end_are_pushed_out_by_newer_ones() {
        let mut lookups = Lookups::default();
        for lookup in 0..2 * RUNNING_MAX as u64 {
            lookups.apply(&start(lookup));
        }
        assert_eq!(lookups.records().len(), RUNNING_MAX);
        assert_eq!(lookups.records()[0].lookup, LookupId(RUNNING_MAX as u64));
    }

    #[test]
    fn the_oldest_ended_lookups_go_first() {
        let mut lookups = Lookups::default();
        for lookup in 0..FINISHED_MAX as u64 + 5 {
            lookups.apply(&start(lookup));
            lookups.apply(&finish(lookup));
        }
        assert_eq!(lookups.records().len(), FINISHED_MAX);
        assert_eq!(lookups.records()[0].lookup, LookupId(5));
    }
}
