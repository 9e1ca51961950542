//! A picture of consensus as a node sees it, for whoever shows it.

use alloy_consensus::Header;
use alloy_primitives::{Address, B256};
use quintet_lux_protocol::{header::Position, vote::Checkpoint};

use super::{actor::now_millis, engine::Engine};

/// Consensus as a node sees it at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsensusView {
    /// The slot that is on.
    pub slot: u64,
    /// Its epoch.
    pub epoch: u64,
    /// When it began, milliseconds since 1970.
    pub slot_start: u64,
    /// Length of a slot, milliseconds.
    pub slot_millis: u64,
    /// Index of who proposes in it on the head.
    pub proposer: Option<usize>,
    /// Index of this node among the validators.
    pub own: Option<usize>,
    /// The newest block.
    pub head: PointView,
    /// What two thirds stand behind.
    pub justified: PointView,
    /// What is final.
    pub finalised: PointView,
    /// Stake of all validators, gwei.
    pub total_stake: u64,
    /// The validators, in their order.
    pub validators: Vec<ValidatorView>,
}

/// A block and the slot that stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointView {
    /// The slot.
    pub slot: u64,
    /// The block's height; none if this node has not seen it.
    pub number: Option<u64>,
    /// Its hash.
    pub hash: B256,
}

/// A validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValidatorView {
    /// Who it is.
    pub address: Address,
    /// Its stake, gwei.
    pub stake: u64,
    /// Whether it was found to have said two things.
    pub equivocated: bool,
}

impl Engine {
    /// Takes a picture.
    pub fn view(&mut self) -> ConsensusView {
        let params = *self.consensus().params();
        let slot = params.slot_at(now_millis());
        let proposer = self.proposer(slot);
        let (head, own, consensus) = (self.head(), self.index(), self.consensus());
        let point = |at: Checkpoint| PointView {
            slot: at.slot,
            number: consensus.position(&at.block).map(|at| at.number),
            hash: at.block,
        };
        let finality = consensus.finality();
        let accused: Vec<usize> = consensus.evidence().map(|found| found.validator()).collect();
        let validators = consensus.set().validators().iter().enumerate();
        let validators = validators.map(|(index, one)| ValidatorView {
            address: one.address,
            stake: one.stake,
            equivocated: accused.contains(&index),
        });
        ConsensusView {
            slot,
            epoch: params.epoch_of(slot),
            slot_start: params.start_of(slot),
            slot_millis: params.slot_millis,
            proposer,
            own,
            head: PointView {
                slot: consensus.position(&head.hash).map_or(0, |at| at.slot),
                number: Some(head.number),
                hash: head.hash,
            },
            justified: point(finality.justified()),
            finalised: point(finality.finalised()),
            total_stake: consensus.set().total(),
            validators: validators.collect(),
        }
    }

    /// The slot of a block that was checked; none if its header has no seal.
    #[must_use]
    pub fn slot_of(&self, header: &Header, hash: B256) -> Option<u64> {
        let position = Position::of_checked(self.consensus().params(), header, hash);
        position.ok().map(|at| at.slot)
    }

    /// Stake that voted in a slot for what most voted for, gwei; of the last 64 slots.
    #[must_use]
    pub fn votes_in(&self, slot: u64) -> u64 {
        let links = self.consensus().finality().links(slot);
        links.map(|(_, stake)| stake).max().unwrap_or_default()
    }
}
