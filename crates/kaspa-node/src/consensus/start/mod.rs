//! Another beginning: from a pruning point that a peer proves instead of from the genesis.
//!
//! ```text
//!   proof ─► judge_proof            holds together, and more work than ours
//!   points, window, anticone ─► stage ─► a second consensus over a second ledger (Ledger::stage)
//!        headers above ─► submit_header, as always ─► check_pruning_points
//!        lanes, set     ─► check_lanes, import_utxos ─► begin: the set is the header's ─► its virtual block
//!   succeed: the second takes the place of the first, whole or not at all
//! ```
//!
//! None of the second's state is shared with the first until it succeeds; a peer that lies costs time and a directory.
//!
//! # Invariants
//!
//! - What a peer says of GHOSTDAG below its pruning point is believed, as in the reference: a lie makes the headers above unfit. Levels, hashes and works are
//!   computed.
//! - The set is the one the pruning point's header commits to, and so are the lanes.
//!
//! Reference: `PruningProofManager::{validate_pruning_point_proof, apply_proof, import_pruning_points}`, `IbdFlow::ibd_with_headers_proof`.

mod rows;

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError},
};

use quintet_kaspa_protocol::{
    block::Block,
    hashing::UtxoMuHash,
    header::{BlueWork, Header},
    lanes::{LaneImport, LaneImportError, LaneMetadata, LaneTree},
    proof::{
        ImportRules, PastPruningPoints, ProofOfWork, ProofRules, ProofWeakness, PruningImportError,
        PruningProof, TrustedHeader, TrustedImport, ValidProof,
    },
    tx::{Outpoint, UtxoEntry},
    validation::RuleError,
};
use quintet_primitives::Hash256;
use thiserror::Error;

use super::{
    Consensus, columns::Columns, error::ConsensusError, events::Event, first_state, lanes,
    rules::GENESIS,
};
use crate::ports::{BlockStatus, ChainRecord, LedgerError, StartStep};
use rows::Staging;

/// Least time by which the peer's headers must be ahead of ours, milliseconds: nobody starts anew for less.
///
/// Reference: `validate_staging_timestamps`.
const AHEAD_MILLIS: u64 = 600_000;

/// Scores and times from which on a header is nobody's: what is computed of it must not overflow.
const NUMBERS_MAX: u64 = 1 << 62;

/// Lanes that a node takes, at most: about 330 bytes each in memory.
const LANES_MAX: u64 = 1 << 24;

/// Why a start is refused.
#[derive(Debug, Clone, Error)]
pub enum StartError {
    /// What came does not hold together.
    #[error(transparent)]
    Import(#[from] PruningImportError),
    /// The proof is no better than our own.
    #[error(transparent)]
    Weak(#[from] ProofWeakness),
    /// The lanes are not those of the pruning point.
    #[error(transparent)]
    Lanes(#[from] LaneImportError),
    /// A header or a body breaks a rule.
    #[error("block {hash} is refused: {source}")]
    Rule {
        /// Whose.
        hash: Hash256,
        /// The rule.
        source: RuleError,
    },
    /// Something else is not as it must be.
    #[error("expected {expected}, got {actual}")]
    Refused {
        /// What should be so.
        expected: &'static str,
        /// What is.
        actual: String,
    },
    /// It is none that we would go over to: nobody is to blame.
    #[error("expected {expected}, got {actual}")]
    Unwanted {
        /// What should be so.
        expected: &'static str,
        /// What is.
        actual: String,
    },
    /// Our side cannot go on.
    #[error(transparent)]
    Broken(#[from] ConsensusError),
}

impl From<LedgerError> for StartError {
    fn from(error: LedgerError) -> Self {
        Self::Broken(error.into())
    }
}

fn refused<T>(expected: &'static str, actual: impl ToString) -> Result<T, StartError> {
    Err(StartError::Refused { expected, actual: actual.to_string() })
}

fn unwanted<T>(expected: &'static str, actual: impl ToString) -> Result<T, StartError> {
    Err(StartError::Unwanted { expected, actual: actual.to_string() })
}

/// What a peer sent of its pruning point.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// The proof, judged ([`Consensus::judge_proof`]).
    pub proof: PruningProof,
    /// The headers of all pruning points so far, the genesis first.
    pub points: Vec<Arc<Header>>,
    /// Headers that windows and GHOSTDAG need, with their GHOSTDAG data.
    pub window: Vec<TrustedHeader>,
    /// The pruning point and its anticone, whole.
    pub blocks: Vec<Block>,
    /// Headers of the pruning point's chain below the window.
    pub segment: Vec<Arc<Header>>,
}

impl Consensus {
    fn rules_of_proof(&self, daa_score: u64) -> ProofRules {
        ProofRules {
            genesis: self.params.genesis.header().hash(),
            max_level: self.params.max_block_level,
            m: self.params.pruning_proof_m,
            k: self.params.rules_at(daa_score).rate.ghostdag_k,
            skip_proof_of_work: self.params.skip_proof_of_work,
        }
    }

    /// Checks a proof, and that it shows more work than our own. Returns the header of its pruning point.
    ///
    /// `relay_work` is the blue work of the block for which the peer is asked.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub fn judge_proof(
        &self,
        proof: &PruningProof,
        relay_work: BlueWork,
    ) -> Result<Arc<Header>, StartError> {
        let last = proof.first().and_then(|level| level.last());
        let Some(header) = last.map(Arc::clone) else {
            return refused("a proof with a pruning point", "none");
        };
        let max_level = self.params.max_block_level;
        let work = |header: &Header| ProofOfWork::of(header, max_level);
        let valid = ValidProof::new(proof, &self.rules_of_proof(header.daa_score), work)?;
        let (point, own_point) = (valid.pruning_point(), self.pruning_point());
        if point == self.params.genesis.header().hash() || point == own_point {
            return unwanted("the proof of another pruning point than ours", point);
        }
        let Some(own) = self.pruning_proof()? else {
            return unwanted("a proof of our own to compare with", "none");
        };
        let own_score = self.header(&own_point)?.map_or(0, |header| header.daa_score);
        let own = ValidProof::new(&own, &self.rules_of_proof(own_score), work)?;
        let own_work = {
            let columns = self.columns();
            columns.dag.blue_work(columns.header_tip())
        };
        valid.check_stronger_than(&own, own_work, relay_work)?;
        Ok(header)
    }

    /// Makes a second consensus over a second ledger, which begins at a peer's pruning point.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub fn stage(&self, start: Start) -> Result<(Self, PastPruningPoints), StartError> {
        let last = start.proof.first().and_then(|level| level.last());
        let Some(header) = last.map(Arc::clone) else {
            return refused("a proof with a pruning point", "none");
        };
        let point = header.hash();
        let points = PastPruningPoints::new(start.points, point)?;
        let genesis = self.params.genesis.header().hash();
        let Some((first, past)) = points
            .points()
            .split_last()
            .map(|(_, past)| past)
            .and_then(|past| past.first().map(|(first, _)| (*first, past)))
        else {
            return refused("past pruning points from the genesis on", "none");
        };
        if first != genesis {
            return refused("the genesis as first pruning point", first);
        }
        self.check_finality(&points)?;
        check_roots(&start.proof, &points, &genesis)?;
        if start.blocks.first().map(|block| block.header.hash()) != Some(point) {
            return refused("the pruning point as first trusted block", "another");
        }
        let rate = &self.params.rules_at(header.daa_score).rate;
        let rules =
            ImportRules { k: rate.ghostdag_k, finality_depth: rate.finality_depth, genesis };
        let bodies: HashSet<Hash256> =
            start.blocks.iter().map(|block| block.header.hash()).collect();
        let seed = self.options.seed;
        let import = TrustedImport::new(
            (point, &header),
            &start.window,
            &start.segment,
            past,
            &rules,
            seed,
            |hash| bodies.contains(hash),
        )?;
        let ledger = self.ledger.stage()?;
        let mut staging = Staging::new(&self.params, &self.options, &*ledger, &import)?;
        staging.headers(&start.proof, &points, &start.segment, &start.window)?;
        staging.bodies(start.blocks)?;
        let columns: Columns = staging.finish(&points)?;
        let sink = columns.pruning_point();
        let mut options = self.options.clone();
        options.listener = super::Listener::default();
        let staged =
            Self::over(self.params.clone(), options, ledger, columns, sink, LaneTree::new())?;
        let roots = start.proof.iter().filter_map(|level| level.first());
        *staged.proof_roots.lock().unwrap_or_else(PoisonError::into_inner) =
            roots.map(|header| header.hash()).collect();
        Ok((staged, points))
    }

    /// Checks that our chain goes through the last of a peer's pruning points that we know.
    ///
    /// Reference: `are_pruning_points_violating_finality`.
    fn check_finality(&self, points: &PastPruningPoints) -> Result<(), StartError> {
        let _numbering = self.numbering();
        let sink = self.published().sink;
        let columns = self.columns();
        let known = points.points().iter().rev().find_map(|(hash, _)| columns.dag.find(hash));
        // The genesis is on every chain, and nobody's ancestor any more once the rest below the pruning point has gone.
        let is_ours = |point| {
            point == GENESIS
                || columns.pruning_points.contains(&point)
                || columns.dag.reachability().is_chain_ancestor_of(point, sink)
        };
        if known.is_some_and(is_ours) {
            return Ok(());
        }
        unwanted("pruning points that our chain goes through", "a chain that violates our finality")
    }

    /// Checks, of a staged consensus, that the chain up to `sink` names the pruning points, and that it is ahead of `before`.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub fn check_staged(
        &self,
        points: &PastPruningPoints,
        sink: &Hash256,
        before: &Self,
    ) -> Result<(), StartError> {
        let point = self.pruning_point();
        let chain: Vec<_> = {
            let columns = self.columns();
            let (Some(low), Some(high)) = (columns.dag.find(&point), columns.dag.find(sink)) else {
                return refused("the header of the peer's sink", sink);
            };
            columns.dag.reachability().backward_chain(high, low).collect()
        };
        if chain.is_empty() {
            return refused("a chain through the pruning point", sink);
        }
        let mut named = Vec::new();
        for block in chain {
            let name = self.header_of(block)?.pruning_point;
            if named.last() != Some(&name) {
                named.push(name);
            }
        }
        points.check_named(named, &self.params.genesis.header().hash())?;
        let time = |consensus: &Self| {
            let columns = consensus.columns();
            columns.windows.timestamp(columns.header_tip())
        };
        let (theirs, ours) = (time(self), time(before));
        if theirs < ours.saturating_add(AHEAD_MILLIS) {
            return unwanted("headers ten minutes ahead of ours", format!("{theirs} after {ours}"));
        }
        Ok(())
    }

    /// Returns whether the pruning point's header commits to lanes.
    #[must_use]
    pub fn point_has_lanes(&self) -> bool {
        let columns = self.columns();
        self.committed_block(&columns, columns.pruning_point()).is_some()
    }

    /// Begins to take the lanes of the pruning point.
    ///
    /// # Errors
    ///
    /// [`StartError`] if what the peer says of them does not make the header's commitment.
    pub fn begin_lanes(&self, said: LaneMetadata) -> Result<LaneImport, StartError> {
        let depth = self.params.toccata.rate.finality_depth;
        let (point, parent, blue_score, shortcut) = {
            let columns = self.columns();
            let point = columns.pruning_point();
            let blue_score = columns.dag.blue_score(point);
            let above = blue_score.saturating_sub(depth);
            let shortcut = columns.below_start(above).unwrap_or(GENESIS);
            let parent = columns.dag.selected_parent(point);
            (point, parent, blue_score, self.committed_block(&columns, shortcut))
        };
        let commitment = self.header_of(point)?.accepted_id_merkle_root;
        let parent = self.header_of(parent)?.accepted_id_merkle_root;
        said.check(&commitment, &parent, &self.commitment_of(shortcut)?)?;
        Ok(LaneImport::new(said, blue_score, depth, LANES_MAX)?)
    }

    /// Takes a part of the pruning point's set in, and adds it to `multiset`.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn import_utxos(
        &self,
        entries: &[(Outpoint, UtxoEntry)],
        multiset: &mut UtxoMuHash,
    ) -> Result<(), ConsensusError> {
        for (outpoint, entry) in entries {
            quintet_kaspa_protocol::state::insert_entry(multiset, outpoint, entry);
        }
        Ok(self.ledger.import_utxos(entries)?)
    }

    /// Begins with the set and the lanes that came, and resolves the virtual block on top of the pruning point.
    ///
    /// # Errors
    ///
    /// [`StartError`] if the set is not the one the pruning point's header commits to.
    pub fn begin(
        &self,
        multiset: &UtxoMuHash,
        lanes: &LaneTree,
        payload_and_context: Hash256,
    ) -> Result<(), StartError> {
        let (points, point) = {
            let columns = self.columns();
            (columns.pruning_points.clone(), columns.pruning_point())
        };
        let header = self.header_of(point)?;
        let multiset = multiset.normalised();
        let (expected, actual) = (header.utxo_commitment, multiset.finalise());
        if expected != actual {
            return refused("the UTXO set that the pruning point commits to", actual);
        }
        let all = LaneTree::new();
        let changes = lanes.iter().map(|(key, lane)| (key, Some(lane)));
        let record = Arc::new(ChainRecord {
            diff: quintet_kaspa_protocol::state::UtxoDiff::new(),
            acceptance: Vec::new(),
            multiset,
            lanes: lanes::added(&all, changes),
            payload_and_context,
        });
        self.ledger.begin(&StartStep { points: &points, record: &record })?;
        {
            let mut columns = self.columns_mut();
            columns.set_status(point, BlockStatus::UtxoValid);
            let state = first_state(&self.params, columns.hash(point), point, lanes.clone());
            *self.published.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
        }
        self.records.insert(point, record);
        self.resolve_virtual()?;
        Ok(())
    }

    /// Lets a staged consensus that has begun take the place of this one: its DAG, its virtual block, its ledger.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails; if it does so halfway consensus must not be used on.
    pub fn succeed(&self, staged: Self) -> Result<(), ConsensusError> {
        let Self { columns, published, proof_roots, offer, .. } = staged;
        let mut new = columns.into_inner().unwrap_or_else(PoisonError::into_inner);
        let state = published.into_inner().unwrap_or_else(PoisonError::into_inner);
        {
            let _turn = self.resolving.lock().unwrap_or_else(PoisonError::into_inner);
            let _alone = self.numbering.write().unwrap_or_else(PoisonError::into_inner);
            let _set = self.pruning_set.write().unwrap_or_else(PoisonError::into_inner);
            let mut published = self.published.write().unwrap_or_else(PoisonError::into_inner);
            let mut columns = self.columns_mut();
            self.ledger.promote()?;
            new.come_after(columns.generation());
            *columns = new;
            *published = Arc::clone(&state);
            self.bodies.clear();
            self.records.clear();
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) =
                super::Refused::default();
            self.disqualified.lock().unwrap_or_else(PoisonError::into_inner).clear();
            let roots = proof_roots.into_inner().unwrap_or_else(PoisonError::into_inner);
            *self.proof_roots.lock().unwrap_or_else(PoisonError::into_inner) = roots;
            let offer = offer.into_inner().unwrap_or_else(PoisonError::into_inner);
            *self.offer.lock().unwrap_or_else(PoisonError::into_inner) = offer;
        }
        self.listener.tell(&Event::Succeeded { point: self.pruning_point() });
        Ok(())
    }
}

/// Checks that the pruning points that the levels' roots name are among those that came.
fn check_roots(
    proof: &PruningProof,
    points: &PastPruningPoints,
    genesis: &Hash256,
) -> Result<(), StartError> {
    let known: HashSet<&Hash256> = points.points().iter().map(|(hash, _)| hash).collect();
    for root in proof.iter().filter_map(|level| level.first()) {
        if !known.contains(&root.pruning_point) && root.hash() != *genesis {
            return refused("a proof whose roots name past pruning points", root.pruning_point);
        }
    }
    Ok(())
}
