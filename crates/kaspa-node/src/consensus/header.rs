//! The header stage: from a header to its row.
//!
//! ```text
//!   isolation (version, time, parents named, proof of work)          any thread, no lock
//!   ─► parents known ─► GHOSTDAG, parents' relation
//!   ─► pruning violation ─► DAA score, bits ─► blue score, blue work
//!   ─► median time ─► mergeset size ─► merge depth ─► level parents   any thread, columns read
//!   ─► append to the ledger, push the row                             one thread at a time
//! ```
//!
//! A row depends on the block's past alone, so rows may be prepared side by side and pushed in any order that puts parents first.
//!
//! Reference: `pipeline/header_processor/{pre_ghostdag,pre_pow,post_pow}_validation.rs`.

use std::cell::RefCell;

use quintet_kaspa_protocol::{
    dag::{
        BlockId, Colouring, DagError, ExpectedDepths, ExpectedPruning, Ghostdag, LevelRules,
        same_level_parents,
    },
    header::Header,
    params::{Era, Params},
    target,
    validation::RuleError,
};
use quintet_primitives::Hash256;

use super::{
    columns::{Columns, Levels},
    error::{ConsensusError, Stop},
    rules::{DagRules, GENESIS},
};
use crate::ports::{BlockStatus, HeaderRow, Ledger};

thread_local! {
    /// The buffers of colouring: one for each thread that colours.
    static COLOURING: RefCell<Colouring> = RefCell::new(Colouring::new());
}

/// Colours a block with these parents.
pub(super) fn colour(
    columns: &Columns,
    parents: &[BlockId],
    rules: &DagRules,
) -> Result<Ghostdag, DagError> {
    COLOURING
        .with_borrow_mut(|colouring| colouring.run(&columns.dag, parents, &rules.ghostdag).cloned())
}

/// Returns the parent with most blue work.
pub(super) fn selected_parent(columns: &Columns, parents: &[BlockId]) -> BlockId {
    let dag = &columns.dag;
    let highest = parents.iter().copied().max_by(|&a, &b| dag.rank(a).cmp(&dag.rank(b)));
    highest.unwrap_or(BlockId::ORIGIN)
}

/// Returns the row of the genesis.
pub(super) fn genesis_row(params: &Params) -> Result<HeaderRow, ConsensusError> {
    let header = params.genesis.header();
    let rules = DagRules::after(params, header.daa_score);
    let parents = vec![BlockId::ORIGIN];
    let empty = quintet_kaspa_protocol::dag::Dag::new(0);
    let ghostdag = Colouring::new().run(&empty, &parents, &rules.ghostdag)?.clone();
    Ok(HeaderRow {
        hash: header.hash(),
        parents,
        work: target::work(header.bits),
        level: params.max_block_level,
        ghostdag,
        expected: quintet_kaspa_protocol::dag::Expected {
            daa_score: header.daa_score,
            bits: header.bits,
            ..Default::default()
        },
        sampling: rules.window.sampling,
        timestamp: header.timestamp,
        bits: header.bits,
        depths: ExpectedDepths::default(),
        pruning: ExpectedPruning { sample: GENESIS, point: GENESIS },
    })
}

/// What a header is judged with.
pub(super) struct HeaderStage<'a> {
    pub(super) params: &'a Params,
    pub(super) columns: &'a Columns,
    pub(super) ledger: &'a dyn Ledger,
    /// Whether a header was refused before.
    pub(super) is_refused: &'a dyn Fn(&Hash256) -> bool,
}

impl HeaderStage<'_> {
    /// Checks a header that is well in isolation, and returns its row.
    pub(super) fn row(&self, hash: Hash256, header: &Header, level: u8) -> Result<HeaderRow, Stop> {
        let columns = self.columns;
        let parents = self.parents(header)?;
        let daa_score = columns.windows.daa_score(selected_parent(columns, &parents));
        let rules = DagRules::after(self.params, daa_score);
        let ghostdag =
            colour(columns, &parents, &rules).map_err(|error| named(columns, &parents, error))?;
        self.check_pruning_violation(&parents)?;
        let expected = columns
            .windows
            .expect(&columns.dag, &ghostdag, &rules.window)
            .map_err(|error| named(columns, &parents, error))?;
        let (is, said) = (expected.daa_score, header.daa_score);
        if said != is {
            return Err(RuleError::UnexpectedHeaderDaaScore { expected: is, actual: said }.into());
        }
        let (is, said) = (expected.bits, header.bits);
        if said != is {
            return Err(RuleError::UnexpectedDifficulty { expected: is, actual: said }.into());
        }
        check_ghostdag(&ghostdag, header)?;
        let (min, actual) = (expected.past_median_time, header.timestamp);
        if actual <= min {
            return Err(RuleError::TimeTooOld { min, actual }.into());
        }
        let depths = columns
            .depths
            .expect(&columns.dag, &ghostdag, &rules.depth, columns.pruning_point())
            .map_err(|error| named(columns, &parents, error))?;
        let pruning = columns.points.expect(&columns.dag, &ghostdag, &rules.pruning);
        if self.params.era_at(daa_score) == Era::PreCrescendo {
            // Since Crescendo only a chain block must say so.
            let (expected, actual) = (columns.hash(pruning.point), header.pruning_point);
            if actual != expected {
                return Err(RuleError::WrongHeaderPruningPoint { expected, actual }.into());
            }
        }
        self.check_level_parents(&parents, header)?;
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
            depths,
            pruning,
        })
    }

    fn parents(&self, header: &Header) -> Result<Vec<BlockId>, Stop> {
        let (mut parents, mut missing) = (Vec::new(), Vec::new());
        for parent in header.direct_parents() {
            match self.columns.dag.find(parent) {
                Some(block) if self.columns.status(block) == BlockStatus::Invalid => {
                    return Err(RuleError::InvalidParent { parent: *parent }.into());
                }
                Some(block) => parents.push(block),
                None if (self.is_refused)(parent) => {
                    return Err(RuleError::InvalidParent { parent: *parent }.into());
                }
                None => missing.push(*parent),
            }
        }
        if missing.is_empty() {
            Ok(parents)
        } else {
            Err(RuleError::MissingParents { missing }.into())
        }
    }

    fn check_pruning_violation(&self, parents: &[BlockId]) -> Result<(), Stop> {
        let point = self.columns.pruning_point();
        let reachability = self.columns.dag.reachability();
        if reachability.is_dag_ancestor_of_any(point, parents.iter().copied()) {
            return Ok(());
        }
        Err(RuleError::PruningViolation { pruning_point: self.columns.hash(point) }.into())
    }

    fn check_level_parents(&self, parents: &[BlockId], header: &Header) -> Result<(), Stop> {
        let view = Levels { columns: self.columns, ledger: self.ledger };
        let point = self.columns.pruning_point();
        let rules = level_rules(self.params, self.columns);
        let expected = rules
            .expect(&view, point, parents)
            .map_err(|_| RuleError::PruningViolation { pruning_point: self.columns.hash(point) })?;
        if same_level_parents(&expected, &header.parents) {
            return Ok(());
        }
        let levels = expected.levels().max(header.parents.levels());
        let sorted = |parents: Option<&[Hash256]>| {
            let mut sorted = parents.unwrap_or_default().to_vec();
            sorted.sort_unstable();
            sorted
        };
        let pair = |level| (sorted(expected.level(level)), sorted(header.parents.level(level)));
        let level = (0..levels)
            .find(|&level| {
                let (expected, actual) = pair(level);
                expected != actual
            })
            .unwrap_or(levels.saturating_sub(1));
        let (expected, actual) = pair(level);
        Err(RuleError::UnexpectedIndirectParents { level, expected, actual }.into())
    }
}

/// Returns what is the same for the level parents of all headers.
pub(super) fn level_rules(params: &Params, columns: &Columns) -> LevelRules {
    LevelRules { genesis: columns.hash(GENESIS), max_level: params.max_block_level }
}

fn check_ghostdag(ghostdag: &Ghostdag, header: &Header) -> Result<(), Stop> {
    let (expected, actual) = (ghostdag.blue_score, header.blue_score);
    if actual != expected {
        return Err(RuleError::UnexpectedHeaderBlueScore { expected, actual }.into());
    }
    let (expected, actual) = (ghostdag.blue_work, header.blue_work);
    if actual != expected {
        return Err(RuleError::UnexpectedHeaderBlueWork { expected, actual }.into());
    }
    Ok(())
}

/// Names the rule that a block breaks that cannot join the DAG.
fn named(columns: &Columns, parents: &[BlockId], error: DagError) -> Stop {
    let dag = &columns.dag;
    Stop::Rule(match error {
        DagError::NoParents => RuleError::NoParents,
        DagError::UnknownParent { parent } => {
            RuleError::MissingParents { missing: vec![*dag.hash(parent)] }
        }
        DagError::RelatedParents { parent } => {
            let above = |&&other: &&BlockId| {
                other != parent && dag.reachability().is_dag_ancestor_of(parent, other)
            };
            let descendant = parents.iter().find(above).copied().unwrap_or(parent);
            RuleError::InvalidParentsRelation {
                ancestor: *dag.hash(parent),
                descendant: *dag.hash(descendant),
            }
        }
        DagError::MergesetTooBig { limit } => {
            // The search ends at the first block too many.
            RuleError::MergeSetTooBig { max: limit as u64, actual: limit as u64 + 1 }
        }
        DagError::InsufficientWindow { actual } => RuleError::InsufficientDaaWindowSize { actual },
        DagError::MergeDepth { .. } => RuleError::ViolatingBoundedMergeDepth,
        DagError::Known { .. } | DagError::Full => return Stop::Broken(error.into()),
    })
}
