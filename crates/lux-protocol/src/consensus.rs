//! Consensus as one node sees it: headers, votes, certificates and evidence in, head and checkpoints out.
//!
//! ```text
//!   on_slot ─► on_header ─► on_vote ─► … ─► head() ─► (the chain makes it head, or says it is bad: invalidate)
//!                                      └──► next_vote(slot), proposer(slot)
//! ```
//!
//! What comes in was checked: [`Position`]s by [`crate::header::check`], votes, certificates and evidence by their own checks. A block
//! comes in when the chain has it.

use std::collections::BTreeMap;

use alloy_consensus::Header;
use alloy_primitives::{B256, map::B256Map};

use crate::{
    certificate::CheckedCertificate,
    evidence::{CheckedEvidence, Evidence, TwoBlocks},
    finality::{Finality, VOTE_SLOTS, VoteTaken},
    fork_choice::{ForkChoice, TreeBlock, TreeError},
    header::Position,
    params::Params,
    seal,
    validator::ValidatorSet,
    vote::{CheckedVote, Checkpoint, Vote},
};

/// How many slots ahead of this node's clock votes and blocks may be.
pub const SLOTS_AHEAD_MAX: u64 = 8;

/// What is final already when a node starts.
#[derive(Debug, Clone, Copy)]
pub struct Anchor {
    /// The final block.
    pub position: Position,
    /// Its checkpoint.
    pub checkpoint: Checkpoint,
}

impl Anchor {
    /// The first block.
    #[must_use]
    pub fn genesis(params: &Params) -> Self {
        let position = Position::genesis(params);
        Self { position, checkpoint: Checkpoint { slot: 0, block: position.hash } }
    }
}

/// What came of something that came in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// There is a newer justified checkpoint.
    pub justified: bool,
    /// There is a newer final checkpoint.
    pub finalised: bool,
    /// A validator was found to have said two things, for the first time.
    pub evidence: Option<CheckedEvidence>,
}

/// Consensus as one node sees it.
#[derive(Debug, Clone)]
pub struct Consensus {
    params: Params,
    set: ValidatorSet,
    tree: ForkChoice,
    positions: B256Map<Position>,
    finality: Finality,
    /// Headers by slot and validator: the first of each.
    proposals: BTreeMap<(u64, usize), Header>,
    /// The first evidence against each validator.
    evidence: BTreeMap<usize, CheckedEvidence>,
    slot: u64,
}

impl Consensus {
    /// Begins with what is final.
    #[must_use]
    pub fn new(params: Params, set: ValidatorSet, anchor: Anchor) -> Self {
        let Anchor { position, checkpoint } = anchor;
        let stakes = set.validators().iter().map(|one| one.stake).collect();
        let mut positions = B256Map::default();
        positions.insert(position.hash, position);
        Self {
            params,
            tree: ForkChoice::new(tree_block(&position), stakes),
            set,
            positions,
            finality: Finality::new(checkpoint),
            proposals: BTreeMap::new(),
            evidence: BTreeMap::new(),
            slot: 0,
        }
    }

    /// The chain's parameters.
    #[must_use]
    pub const fn params(&self) -> &Params {
        &self.params
    }

    /// The validators.
    #[must_use]
    pub const fn set(&self) -> &ValidatorSet {
        &self.set
    }

    /// What two thirds have agreed on.
    #[must_use]
    pub const fn finality(&self) -> &Finality {
        &self.finality
    }

    /// Blocks that are not final.
    #[must_use]
    pub fn unfinal_blocks(&self) -> usize {
        self.tree.len().saturating_sub(1)
    }

    /// The newest slot that has begun.
    #[must_use]
    pub const fn slot(&self) -> u64 {
        self.slot
    }

    /// Returns what a block's children need of it, if it is the final block or stands on it.
    #[must_use]
    pub fn position(&self, hash: &B256) -> Option<&Position> {
        self.positions.get(hash)
    }

    /// Returns whether `block` is `ancestor` or stands on it, as far as they are not older than the final block.
    #[must_use]
    pub fn descends(&self, block: &B256, ancestor: &B256) -> bool {
        self.tree.descends(block, ancestor)
    }

    /// Evidence against validators, the first against each.
    pub fn evidence(&self) -> impl Iterator<Item = &CheckedEvidence> {
        self.evidence.values()
    }

    /// A slot begins: what came in time in the one before has no advantage any more.
    pub fn on_slot(&mut self, slot: u64) {
        if slot > self.slot {
            self.slot = slot;
            self.tree.boost(None);
        }
    }

    /// Looks for a second block of a slot, also of blocks that go nowhere else. `position` is what the header's check gave.
    pub fn on_proposal(&mut self, header: &Header, position: &Position) -> Option<CheckedEvidence> {
        let validator = self.set.index_of(header.beneficiary)?;
        let oldest = self.slot.saturating_sub(VOTE_SLOTS);
        while self.proposals.first_key_value().is_some_and(|((slot, _), _)| *slot < oldest) {
            self.proposals.pop_first();
        }
        if position.slot < oldest || position.slot > self.slot.saturating_add(VOTE_SLOTS) {
            return None;
        }
        let digest = |header| seal::digest(&self.params.domain, header);
        match self.proposals.get(&(position.slot, validator)) {
            None => {
                self.proposals.insert((position.slot, validator), header.clone());
                None
            }
            Some(first) if digest(first) == digest(header) => None,
            Some(first) => {
                let both = TwoBlocks { first: first.clone(), second: header.clone() };
                self.on_found(Evidence::Blocks(Box::new(both)))
            }
        }
    }

    /// Takes a block whose header was checked. `timely` says whether it came in the first part of its own slot.
    ///
    /// # Errors
    ///
    /// [`TreeError`] if it does not stand on the final block, or on a bad one, or there is no room.
    pub fn on_block(&mut self, position: Position, timely: bool) -> Result<Progress, TreeError> {
        self.tree.insert(tree_block(&position), position.parent)?;
        self.positions.insert(position.hash, position);
        if timely && position.slot == self.slot {
            self.tree.boost(Some(position.hash));
        }
        Ok(self.advance())
    }

    /// Takes a vote.
    pub fn on_vote(&mut self, vote: &CheckedVote) -> (VoteTaken, Progress) {
        let ahead = vote.vote().target.slot > self.slot.saturating_add(SLOTS_AHEAD_MAX);
        let taken = if ahead { VoteTaken::Early } else { self.finality.vote(&self.set, vote) };
        let progress = match &taken {
            VoteTaken::New => {
                let Checkpoint { slot, block } = vote.vote().target;
                self.tree.vote(vote.validator(), slot, block);
                self.advance()
            }
            VoteTaken::Conflict(evidence) => {
                let evidence = self.on_found(evidence.clone());
                Progress { evidence, ..Progress::default() }
            }
            VoteTaken::Known | VoteTaken::Old | VoteTaken::Early => Progress::default(),
        };
        (taken, progress)
    }

    /// Takes a certificate; nothing if it says nothing new.
    pub fn on_certificate(&mut self, certificate: CheckedCertificate) -> Option<Progress> {
        self.finality.certificate(certificate).then(|| self.advance())
    }

    /// Takes evidence from elsewhere; returns whether it is the first against its validator.
    pub fn on_evidence(&mut self, evidence: CheckedEvidence) -> bool {
        let validator = evidence.validator();
        self.tree.discard(validator);
        if self.evidence.contains_key(&validator) {
            return false;
        }
        self.evidence.insert(validator, evidence);
        true
    }

    fn on_found(&mut self, evidence: Evidence) -> Option<CheckedEvidence> {
        let checked = evidence.check(&self.params, &self.set).ok()?;
        self.on_evidence(checked.clone()).then_some(checked)
    }

    /// Takes note that a block is bad.
    pub fn invalidate(&mut self, block: &B256) {
        self.tree.invalidate(block);
    }

    /// The head: most stake stands behind it, and it stands on the newest justified block.
    pub fn head(&mut self) -> TreeBlock {
        let justified = self.finality.justified().block;
        self.tree.head(&justified)
    }

    /// Returns who proposes in a slot on the head.
    pub fn proposer(&mut self, slot: u64) -> Option<usize> {
        let head = self.head().hash;
        Some(self.position(&head)?.proposer(&self.params, &self.set, slot))
    }

    /// Returns what an honest validator votes in a slot; nothing if the head is of a later one.
    pub fn next_vote(&mut self, slot: u64) -> Option<Vote> {
        let source = self.finality.justified();
        let head = self.head();
        if head.slot > slot || source.slot >= slot {
            return None;
        }
        Some(Vote { source, target: Checkpoint { slot, block: head.hash } })
    }

    fn advance(&mut self) -> Progress {
        let before = (self.finality.justified(), self.finality.finalised());
        self.finality.advance(&self.set, &self.tree);
        let (justified, finalised) = (self.finality.justified(), self.finality.finalised());
        if finalised != before.1 {
            for forgotten in self.tree.prune(&finalised.block) {
                self.positions.remove(&forgotten);
            }
        }
        Progress {
            justified: justified != before.0,
            finalised: finalised != before.1,
            evidence: None,
        }
    }
}

const fn tree_block(position: &Position) -> TreeBlock {
    let Position { hash, slot, number, .. } = *position;
    TreeBlock { hash, slot, number }
}
