//! The latest blocks of a DAG, for a page that opens now.
//!
//! # Invariants
//!
//! - At most [`BLOCKS_KEPT`] blocks are kept; the oldest to come go first.
//! - A block is kept once, however often it is told.
//! - A move of the selected chain through blocks that are not kept changes nothing: the feed may have dropped them.

use std::collections::VecDeque;

use serde::Serialize;

use crate::frame::Stamped;
use crate::lookups::push_bounded;
use crate::model::{DagBlock, DagId, Event};

/// Blocks a page that opens now gets: half a minute at ten a second.
const BLOCKS_KEPT: usize = 300;

/// A block, and whether the selected chain goes through it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DagRecord {
    /// The block.
    #[serde(flatten)]
    pub block: DagBlock,
    /// Whether the selected chain goes through it.
    pub is_chain: bool,
}

/// The latest blocks, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Dag {
    blocks: VecDeque<DagRecord>,
}

impl Dag {
    /// Takes in an event; those that do not concern the DAG change nothing.
    pub(crate) fn apply(&mut self, stamped: &Stamped) {
        match &stamped.event {
            Event::DagBlockAdded { block } => {
                if self.find(block.id).is_none() {
                    let record = DagRecord { block: block.clone(), is_chain: false };
                    push_bounded(&mut self.blocks, record, BLOCKS_KEPT);
                }
            }
            Event::SelectedChainMoved { left, joined } => {
                for (ids, is_chain) in [(left, false), (joined, true)] {
                    for id in ids {
                        if let Some(record) = self.find(*id) {
                            record.is_chain = is_chain;
                        }
                    }
                }
            }
            Event::NodeStarted { .. }
            | Event::NodeStopped { .. }
            | Event::LookupStarted { .. }
            | Event::LookupStepped { .. }
            | Event::LookupFinished { .. }
            | Event::RecordStored { .. } => {}
        }
    }

    /// What is asked for came lately: looked for from the end.
    fn find(&mut self, id: DagId) -> Option<&mut DagRecord> {
        self.blocks.iter_mut().rev().find(|record| record.block.id == id)
    }

    /// The blocks, oldest first.
    pub(crate) fn records(&self) -> Vec<DagRecord> {
        self.blocks.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> DagId {
        DagId(number.to_be_bytes())
    }

    fn added(number: u128) -> Stamped {
        let block = DagBlock {
            id: id(number),
            parents: vec![id(number.saturating_sub(1))],
            selected_parent: id(number.saturating_sub(1)),
            blues: Vec::new(),
            reds: Vec::new(),
            blue_score: 0,
            daa_score: 0,
            made: 0,
            transactions: 1,
        };
        Stamped { time: 0, event: Event::DagBlockAdded { block } }
    }

    fn moved(left: &[u128], joined: &[u128]) -> Stamped {
        let ids = |numbers: &[u128]| numbers.iter().copied().map(id).collect();
        let event = Event::SelectedChainMoved { left: ids(left), joined: ids(joined) };
        Stamped { time: 0, event }
    }

    #[test]
    fn the_oldest_blocks_go_first_and_a_block_is_kept_once() {
        let mut dag = Dag::default();
        for number in 0..BLOCKS_KEPT as u128 + 5 {
            dag.apply(&added(number));
            dag.apply(&added(number));
        }
        let records = dag.records();
        assert_eq!(records.len(), BLOCKS_KEPT);
        assert_eq!(records[0].block.id, id(5));
    }

    #[test]
    fn the_selected_chain_is_where_it_moved_last() {
        let mut dag = Dag::default();
        for number in 1..=3 {
            dag.apply(&added(number));
        }
        dag.apply(&moved(&[], &[1, 2]));
        dag.apply(&moved(&[2, 77], &[3]));
        let chain: Vec<_> = dag.records().iter().map(|record| record.is_chain).collect();
        assert_eq!(chain, [true, false, true]);
    }
}
