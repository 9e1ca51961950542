//! The rows of a DAG that begins at a pruning point, as they are appended to its ledger.
//!
//! By blue work, so that parents come first: the genesis, then all headers that came with the proof. Of those of the trusted window GHOSTDAG says what
//! the peer said; the others hang by their first parent where that is there, and are asked for headers alone.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use quintet_kaspa_protocol::{
    block::Block,
    dag::{AnticoneSize, BlockId, Expected, ExpectedDepths, ExpectedPruning, Ghostdag},
    header::{BlueWork, Header},
    params::Params,
    proof::{PastPruningPoints, ProofOfWork, PruningProof, TrustedHeader, TrustedImport},
    target,
    validation::{check_body_in_isolation, check_header_in_isolation},
};
use quintet_primitives::Hash256;

use super::{NUMBERS_MAX, StartError, refused};
use crate::{
    consensus::{
        Options,
        columns::Columns,
        error::ConsensusError,
        header::genesis_row,
        rules::{DagRules, GENESIS},
    },
    ports::{HeaderRow, Ledger},
};

/// Of blocks that came with a pruning point the median time is not known: their windows may be cut short.
const NO_MEDIAN_TIME: u64 = u64::MAX;

/// Rows on their way into a ledger.
pub(super) struct Staging<'a> {
    params: &'a Params,
    now: u64,
    ledger: &'a dyn Ledger,
    import: &'a TrustedImport,
    columns: Columns,
}

/// A header that came, and whether with GHOSTDAG data.
struct Came {
    header: Arc<Header>,
    is_trusted: bool,
}

impl<'a> Staging<'a> {
    /// Begins with the genesis.
    pub(super) fn new(
        params: &'a Params,
        options: &Options,
        ledger: &'a dyn Ledger,
        import: &'a TrustedImport,
    ) -> Result<Self, StartError> {
        let row = genesis_row(params)?;
        let columns = Columns::new(options, &row)?;
        ledger.load(&mut |_| Ok(()))?;
        ledger.append_header(GENESIS, &Arc::new(params.genesis.header()), &row)?;
        Ok(Self { params, now: (options.clock)(), ledger, import, columns })
    }

    /// Appends all headers.
    pub(super) fn headers(
        &mut self,
        proof: &PruningProof,
        points: &PastPruningPoints,
        segment: &[Arc<Header>],
        window: &[TrustedHeader],
    ) -> Result<(), StartError> {
        let mut all: BTreeMap<(BlueWork, Hash256), Came> = BTreeMap::new();
        let mut take = |header: &Arc<Header>, is_trusted: bool| {
            let came = Came { header: Arc::clone(header), is_trusted };
            all.insert((header.blue_work, header.hash()), came);
        };
        proof.iter().flatten().for_each(|header| take(header, false));
        points.points().iter().for_each(|(_, header)| take(header, false));
        segment.iter().for_each(|header| take(header, false));
        // Last: a header that came twice counts as trusted.
        window.iter().for_each(|trusted| take(&trusted.header, true));
        let samples: HashMap<Hash256, Hash256> =
            points.points().windows(2).map(|pair| (pair[1].0, pair[0].0)).collect();
        let genesis = self.columns.hash(GENESIS);
        for ((_, hash), came) in all.into_iter().filter(|((_, hash), _)| *hash != genesis) {
            let row = self.row(hash, &came, samples.get(&hash))?;
            let next = BlockId::new(u32::try_from(self.columns.dag.len()).unwrap_or(u32::MAX));
            self.ledger.append_header(next, &came.header, &row)?;
            self.columns.push(&row)?;
            self.columns.keep_header(came.header);
        }
        Ok(())
    }

    fn find(&self, hash: &Hash256) -> Option<BlockId> {
        self.columns.dag.find(hash)
    }

    fn row(
        &self,
        hash: Hash256,
        came: &Came,
        sample: Option<&Hash256>,
    ) -> Result<HeaderRow, StartError> {
        let header = &*came.header;
        let most = header.daa_score.max(header.blue_score).max(header.timestamp);
        if most >= NUMBERS_MAX {
            return refused("scores and times below 2^62", most.to_string());
        }
        let level = if came.is_trusted {
            check_header_in_isolation(self.params, header, self.now)
                .map_err(|source| StartError::Rule { hash, source })?
        } else {
            ProofOfWork::of(header, self.params.max_block_level).level
        };
        let mut parents: Vec<BlockId> = Vec::new();
        for parent in header.direct_parents().iter().filter_map(|parent| self.find(parent)) {
            if !parents.contains(&parent) {
                parents.push(parent);
            }
        }
        if parents.is_empty() {
            parents.push(BlockId::ORIGIN);
        }
        let ghostdag = self.ghostdag(hash, came);
        let score = self.columns.windows.daa_score(ghostdag.selected_parent);
        let rules = DagRules::after(self.params, score);
        let expected = self.expected(came, &ghostdag, &rules)?;
        let known = |hash: &Hash256| self.find(hash).unwrap_or_default();
        let pruning = sample.map(|sample| ExpectedPruning {
            sample: known(sample),
            point: known(&header.pruning_point),
        });
        Ok(HeaderRow {
            hash,
            parents,
            work: target::work(header.bits),
            level,
            ghostdag,
            expected,
            sampling: rules.window.sampling,
            timestamp: header.timestamp,
            bits: header.bits,
            depths: ExpectedDepths::default(),
            pruning: pruning.unwrap_or_default(),
        })
    }

    /// Returns what is believed of a block's place.
    fn ghostdag(&self, hash: Hash256, came: &Came) -> Ghostdag {
        let first = came.header.direct_parents().first().and_then(|parent| self.find(parent));
        let mut ghostdag = Ghostdag {
            selected_parent: first.unwrap_or(BlockId::ORIGIN),
            blue_score: came.header.blue_score,
            blue_work: came.header.blue_work,
            ..Ghostdag::default()
        };
        let there = self.import.dag.find(&hash).filter(|_| came.is_trusted);
        if let Some(there) = there {
            let dag = &self.import.dag;
            let here = |&block: &BlockId| self.find(dag.hash(block));
            let said = dag.selected_parent(there);
            if !said.is_origin()
                && let Some(parent) = here(&said)
            {
                ghostdag.selected_parent = parent;
            }
            ghostdag.blues = dag.blues(there).iter().filter_map(here).collect();
            ghostdag.reds = dag.reds(there).iter().filter_map(here).collect();
            let size = |size: &AnticoneSize| {
                here(&size.block).map(|block| AnticoneSize { block, size: size.size })
            };
            ghostdag.anticone_sizes = dag.anticone_sizes(there).iter().filter_map(size).collect();
        }
        let parent = ghostdag.selected_parent;
        if !parent.is_origin() && ghostdag.blues.first() != Some(&parent) {
            ghostdag.blues.retain(|&blue| blue != parent);
            ghostdag.blues.insert(0, parent);
        }
        ghostdag
    }

    /// Returns a block's samples, and what its header says.
    fn expected(
        &self,
        came: &Came,
        ghostdag: &Ghostdag,
        rules: &DagRules,
    ) -> Result<Expected, StartError> {
        let columns = &self.columns;
        let header = &*came.header;
        let mut expected = Expected::default();
        if came.is_trusted && !ghostdag.selected_parent.is_origin() {
            let found = columns.windows.expect(&columns.dag, ghostdag, &rules.window);
            let found = found.map_err(ConsensusError::from)?;
            (expected.samples, expected.before) = (found.samples, found.before);
        }
        (expected.daa_score, expected.bits) = (header.daa_score, header.bits);
        expected.past_median_time = NO_MEDIAN_TIME;
        Ok(expected)
    }

    /// Appends the bodies of the pruning point and its anticone.
    pub(super) fn bodies(&mut self, mut blocks: Vec<Block>) -> Result<(), StartError> {
        blocks.sort_by_cached_key(|block| (block.header.blue_work, block.header.hash()));
        blocks.dedup_by_key(|block| block.header.hash());
        for block in blocks {
            let hash = block.header.hash();
            let number = self.find(&hash).filter(|_| self.import.dag.find(&hash).is_some());
            let Some(number) = number else {
                return refused("trusted blocks with their GHOSTDAG data", hash.to_string());
            };
            check_body_in_isolation(self.params, &block)
                .map_err(|source| StartError::Rule { hash, source })?;
            self.ledger.append_body(number, &Arc::new(block.transactions))?;
            self.columns.add_body(number);
        }
        Ok(())
    }

    /// Returns the columns, whose pruning points these are.
    pub(super) fn finish(mut self, points: &PastPruningPoints) -> Result<Columns, StartError> {
        let numbers = points.points().iter().map(|(hash, _)| {
            let number = self.find(hash);
            number
                .ok_or(ConsensusError::Inconsistent { expected: "all pruning points to be there" })
        });
        let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
        self.columns.pruning_points = numbers;
        self.columns.find_edge();
        Ok(self.columns)
    }
}
