//! Everything known of blocks, in step: the columns of the DAG, statuses, tips, and the headers asked for most.
//!
//! One writer, many readers: stages read it side by side and hand over finished rows.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use quintet_kaspa_protocol::{
    dag::{BlockId, Dag, Depths, PruningPoints, Windows},
    header::{Header, LevelParents},
};
use quintet_primitives::Hash256;

use super::{Options, error::ConsensusError, rules::GENESIS};
use crate::ports::{BlockStatus, HeaderRow, Ledger};

/// The columns.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) dag: Dag,
    pub(super) windows: Windows,
    pub(super) depths: Depths,
    pub(super) points: PruningPoints,
    statuses: Vec<BlockStatus>,
    levels: Vec<u8>,
    /// Merged blocks too old to count, of the few blocks that have such.
    non_daa: HashMap<BlockId, Vec<BlockId>>,
    recent: VecDeque<Arc<Header>>,
    /// How many of them are kept.
    recent_max: usize,
    /// Blocks with a body of which no child has one.
    tips: BTreeSet<BlockId>,
    /// The header with most blue work.
    header_tip: BlockId,
    /// All pruning points so far, upwards.
    pub(super) pruning_points: Vec<BlockId>,
    /// The pruning point and its anticone, as far as blocks were deleted.
    pub(super) edge: Vec<BlockId>,
    /// The pruning point's chain, downwards from itself as far as headers are there: what blocks soon above it look up.
    below: Vec<BlockId>,
    /// How often blocks were deleted, or numbered anew.
    generation: u64,
    /// Rows of deleted blocks.
    deleted: usize,
}

impl Columns {
    /// Makes the columns of a DAG of the genesis alone, whose row this is.
    pub(super) fn new(options: &Options, genesis: &HeaderRow) -> Result<Self, ConsensusError> {
        let mut dag = Dag::new(options.seed);
        let block = dag.insert(genesis.hash, &genesis.parents, genesis.work, &genesis.ghostdag)?;
        if block != GENESIS {
            return Err(ConsensusError::Inconsistent { expected: "the genesis to be number 1" });
        }
        let mut columns = Self {
            dag,
            windows: Windows::new(genesis.timestamp, genesis.bits, genesis.expected.daa_score),
            depths: Depths::new(),
            points: PruningPoints::new(),
            statuses: vec![BlockStatus::Deleted, BlockStatus::HeaderOnly],
            levels: vec![0, genesis.level],
            non_daa: HashMap::new(),
            recent: VecDeque::new(),
            recent_max: options.recent_headers.max(1),
            tips: BTreeSet::new(),
            header_tip: GENESIS,
            pruning_points: vec![GENESIS],
            edge: Vec::new(),
            below: Vec::new(),
            generation: 0,
            deleted: 0,
        };
        columns.depths.push(genesis.depths);
        columns.points.push(genesis.pruning);
        Ok(columns)
    }

    /// Adds the row of a block. Its number is the next one.
    pub(super) fn push(&mut self, row: &HeaderRow) -> Result<BlockId, ConsensusError> {
        let block = self.dag.insert(row.hash, &row.parents, row.work, &row.ghostdag)?;
        self.windows.push(&row.ghostdag, &row.expected, row.sampling, row.timestamp, row.bits)?;
        self.depths.push(row.depths);
        self.points.push(row.pruning);
        self.statuses.push(BlockStatus::HeaderOnly);
        self.levels.push(row.level);
        if !row.expected.non_daa.is_empty() {
            self.non_daa.insert(block, row.expected.non_daa.clone());
        }
        if self.dag.rank(block) > self.dag.rank(self.header_tip) {
            self.header_tip = block;
        }
        Ok(block)
    }

    /// Keeps the header of the block just added at hand.
    pub(super) fn keep_header(&mut self, header: Arc<Header>) {
        if self.recent.len() >= self.recent_max {
            self.recent.pop_front();
        }
        self.recent.push_back(header);
    }

    /// Returns a header if it is at hand.
    pub(super) fn recent_header(&self, block: BlockId) -> Option<&Arc<Header>> {
        let from_end = self.dag.len().checked_sub(block.row())?;
        self.recent.get(self.recent.len().checked_sub(from_end)?)
    }

    pub(super) fn status(&self, block: BlockId) -> BlockStatus {
        self.statuses[block.row()]
    }

    pub(super) fn set_status(&mut self, block: BlockId, status: BlockStatus) {
        self.statuses[block.row()] = status;
    }

    pub(super) fn level(&self, block: BlockId) -> u8 {
        self.levels[block.row()]
    }

    pub(super) fn non_daa(&self, block: BlockId) -> &[BlockId] {
        self.non_daa.get(&block).map_or(&[], Vec::as_slice)
    }

    /// Returns the blocks with a body of which no child has one.
    pub(super) const fn tips(&self) -> &BTreeSet<BlockId> {
        &self.tips
    }

    pub(super) const fn header_tip(&self) -> BlockId {
        self.header_tip
    }

    /// Returns the pruning point.
    pub(super) fn pruning_point(&self) -> BlockId {
        self.pruning_points.last().copied().unwrap_or(GENESIS)
    }

    /// Takes in that a block has a body.
    pub(super) fn add_body(&mut self, block: BlockId) {
        for parent in self.dag.parents(block) {
            self.tips.remove(parent);
        }
        self.tips.insert(block);
        self.statuses[block.row()] = BlockStatus::BodyPending;
    }

    /// Takes in that a block's body is gone.
    pub(super) fn drop_body(&mut self, block: BlockId) {
        self.tips.remove(&block);
        self.statuses[block.row()] = BlockStatus::HeaderOnly;
    }

    /// Returns a number that grows when blocks are deleted: what was prepared under another one may rest on blocks that are gone.
    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Takes in that a block is gone.
    pub(super) fn delete(&mut self, block: BlockId) {
        self.tips.remove(&block);
        self.statuses[block.row()] = BlockStatus::Deleted;
        self.non_daa.remove(&block);
        self.generation += 1;
        self.deleted += 1;
        self.dag.delete(block);
    }

    /// Returns the rows of deleted blocks, and those of blocks that are there.
    pub(super) fn rows(&self) -> (usize, usize) {
        (self.deleted, self.dag.len() - 1 - self.deleted)
    }

    /// Takes the headers at hand out, upwards, without those of deleted blocks.
    pub(super) fn take_recent(&mut self) -> VecDeque<Arc<Header>> {
        let first = self.dag.len() - self.recent.len();
        let recent = std::mem::take(&mut self.recent).into_iter();
        let statuses = &self.statuses[first..];
        let kept = recent.zip(statuses).filter(|(_, status)| **status != BlockStatus::Deleted);
        kept.map(|(header, _)| header).collect()
    }

    /// Puts these columns, of another DAG, in the place of others, whose generation this is.
    pub(super) fn come_after(&mut self, generation: u64) {
        self.generation = self.generation.max(generation) + 1;
    }

    /// Returns the highest block of the pruning point's chain, strictly below it, whose blue score is less; `None` if the pruning point's own is,
    /// or none is there.
    pub(super) fn below_start(&self, blue_score: u64) -> Option<BlockId> {
        let place = self.below.partition_point(|&block| self.dag.blue_score(block) >= blue_score);
        if place == 0 { None } else { self.below.get(place).copied() }
    }

    /// Puts these columns, read back from the ledger, in the place of others, whose generation and latest headers these are.
    pub(super) fn succeed(&mut self, generation: u64, recent: VecDeque<Arc<Header>>) {
        self.generation = generation + 1;
        self.recent = recent;
    }

    /// Looks for the pruning point's anticone, if blocks were deleted.
    pub(super) fn find_edge(&mut self) {
        self.edge.clear();
        self.below.clear();
        let point = self.pruning_point();
        if point == GENESIS {
            return;
        }
        let there = |&at: &BlockId| !at.is_origin() && self.status(at) != BlockStatus::Deleted;
        let down = |&at: &BlockId| Some(self.dag.selected_parent(at));
        let below = std::iter::successors(Some(point), down).take_while(there).collect();
        self.below = below;
        self.edge.push(point);
        let anticone = self.dag.anticone(point, self.tips.iter().copied(), usize::MAX);
        self.edge.extend(anticone.unwrap_or_default());
    }

    /// Returns the numbers of all blocks, upwards.
    pub(super) fn blocks(&self) -> impl Iterator<Item = BlockId> + use<> {
        let end = u32::try_from(self.dag.len()).unwrap_or(u32::MAX);
        (1..end).map(BlockId::new)
    }

    /// Returns the hash of a block.
    pub(super) fn hash(&self, block: BlockId) -> Hash256 {
        *self.dag.hash(block)
    }
}

/// The columns and the ledger behind them: what level parents are worked out from.
pub(super) struct Levels<'a> {
    pub(super) columns: &'a Columns,
    pub(super) ledger: &'a dyn Ledger,
}

impl Levels<'_> {
    fn parents_of(&self, block: BlockId) -> Cow<'_, LevelParents> {
        if let Some(header) = self.columns.recent_header(block) {
            return Cow::Borrowed(&header.parents);
        }
        // A ledger that fails shows in the next write; until then the level has no parents to name.
        let header = self.ledger.header(block).ok().flatten();
        Cow::Owned(header.map(|header| header.parents.clone()).unwrap_or_default())
    }
}

impl quintet_kaspa_protocol::dag::LevelView for Levels<'_> {
    fn dag(&self) -> &Dag {
        &self.columns.dag
    }

    fn level(&self, block: BlockId) -> u8 {
        self.columns.level(block)
    }

    fn level_parents(&self, block: BlockId) -> Cow<'_, LevelParents> {
        self.parents_of(block)
    }

    fn edge(&self) -> &[BlockId] {
        &self.columns.edge
    }
}
