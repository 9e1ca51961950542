//! Which rules hold for which block: chain configuration as data.
//!
//! ```text
//!   genesis JSON ─┐
//!   name of a test network ─┼─► Schedule ──(number, timestamp, merged)──► Rules ──► header checks, execution
//!   OP chain ─────┘
//! ```
//!
//! Forks up to Gray Glacier begin at a block's number, Paris at a total difficulty, later forks at a timestamp.
//!
//! # Invariants
//!
//! - [`Rules`] name one [`Fork`] whose predecessors are all in force.
//! - A fork by timestamp implies Paris, so a chain of a single proposer needs no total difficulty.

mod fork;
mod genesis;
mod named;
mod op;

use alloy_consensus::Header;
use alloy_eips::eip7840::BlobParams;
use alloy_primitives::{Address, U256, address};
use op_revm::OpSpecId;
use revm::primitives::hardfork::SpecId;

pub use self::{
    fork::Fork,
    genesis::GenesisError,
    op::{OpFork, OpSchedule},
};
use crate::header::EXTRA_DATA_MAX;

/// The deposit contract of Ethereum's main network, whose logs are requests since Prague.
///
/// **Spec:** EIP-6110.
pub const MAINNET_DEPOSIT_CONTRACT: Address = address!("00000000219ab540356cbb839cbe05303d7705fa");

/// How many blocks from the DAO fork on must say so in their extra data.
///
/// **Spec:** EIP-779.
pub const DAO_EXTRA_DATA_BLOCKS: u64 = 10;

/// When a fork begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// At this block.
    Block(u64),
    /// At the first block with this timestamp or a later one, in seconds.
    Time(u64),
}

/// The forks of a chain, and what else its rules need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Number that transactions sign.
    pub chain_id: u64,
    /// Forks with their beginnings; Paris lacks where it begins by total difficulty.
    pub forks: Vec<(Fork, Activation)>,
    /// The block at which balances of the DAO are moved, if the chain does that.
    pub dao: Option<u64>,
    /// Total difficulty with which a parent is the last block of proof of work; zero for a chain without any.
    pub terminal_total_difficulty: Option<U256>,
    /// How many blobs a block may hold from which timestamp on, the earliest first.
    pub blobs: Vec<(u64, BlobParams)>,
    /// Contract whose logs are deposits of stake.
    pub deposit_contract: Address,
    /// Longest extra data of a header, in bytes.
    pub extra_data_max: usize,
    /// Whether a block may have its parent's timestamp: chains with blocks in under a second need it.
    pub equal_timestamps: bool,
    /// The forks of an OP chain, which stand in place of [`Self::forks`].
    pub op: Option<OpSchedule>,
}

/// What holds for one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Number that transactions sign.
    pub chain_id: u64,
    /// The newest fork in force.
    pub fork: Fork,
    /// How many blobs a block may hold, if any.
    pub blobs: Option<BlobParams>,
    /// How many blocks the DAO fork lies back: zero at the fork itself.
    pub since_dao: Option<u64>,
    /// Contract whose logs are deposits of stake.
    pub deposit_contract: Address,
    /// Longest extra data of a header, in bytes.
    pub extra_data_max: usize,
    /// Whether a block may have its parent's timestamp.
    pub equal_timestamps: bool,
    /// The newest fork of an OP chain in force.
    pub op: Option<OpFork>,
    /// Whether the block is the first of Canyon, which puts the deterministic deployer into the state.
    pub begins_canyon: bool,
}

impl Rules {
    /// Returns the rules of a fork from its first block on, for chain 1.
    #[must_use]
    pub fn of(fork: Fork) -> Self {
        Self {
            chain_id: 1,
            fork,
            blobs: Fork::ALL
                .into_iter()
                .filter(|at| *at <= fork)
                .filter_map(Fork::blobs)
                .next_back(),
            since_dao: None,
            deposit_contract: MAINNET_DEPOSIT_CONTRACT,
            extra_data_max: EXTRA_DATA_MAX,
            equal_timestamps: false,
            op: None,
            begins_canyon: false,
        }
    }

    /// Returns whether `fork` is in force.
    #[must_use]
    pub fn has(&self, fork: Fork) -> bool {
        self.fork >= fork
    }

    /// Returns whether `fork` of an OP chain is in force.
    #[must_use]
    pub fn has_op(&self, fork: OpFork) -> bool {
        self.op.is_some_and(|op| op >= fork)
    }

    /// Returns whether the block at hand is the one that moves the balances of the DAO.
    #[must_use]
    pub fn is_dao_fork(&self) -> bool {
        self.since_dao == Some(0)
    }

    /// Returns the interpreter's name of the rules.
    #[must_use]
    pub const fn spec_id(&self) -> SpecId {
        match self.op {
            Some(op) => op.spec_id().into_eth_spec(),
            None => self.fork.spec_id(),
        }
    }

    /// Returns the interpreter's name of an OP chain's rules.
    #[must_use]
    pub fn op_spec_id(&self) -> Option<OpSpecId> {
        self.op.map(OpFork::spec_id)
    }
}

impl Schedule {
    /// Returns the schedule of a chain with `fork` from its first block on.
    #[must_use]
    pub fn from_start(chain_id: u64, fork: Fork) -> Self {
        let begun = Fork::ALL.into_iter().filter(|at| *at <= fork);
        let forks = begun.map(|fork| {
            let by_time = fork > Fork::Paris;
            (fork, if by_time { Activation::Time(0) } else { Activation::Block(0) })
        });
        let mut schedule = Self {
            chain_id,
            forks: forks.collect(),
            dao: None,
            terminal_total_difficulty: (fork >= Fork::Paris).then_some(U256::ZERO),
            blobs: Vec::new(),
            deposit_contract: MAINNET_DEPOSIT_CONTRACT,
            extra_data_max: EXTRA_DATA_MAX,
            equal_timestamps: false,
            op: None,
        };
        schedule.blobs_from_forks();
        schedule
    }

    /// Returns the rules of the block with this number and timestamp. `merged` says whether its parent's total
    /// difficulty reaches the terminal one; forks by timestamp imply it.
    #[must_use]
    pub fn rules(&self, number: u64, timestamp: u64, merged: bool) -> Rules {
        let begun = |activation: Activation| match activation {
            Activation::Block(at) => number >= at,
            Activation::Time(at) => timestamp >= at,
        };
        let newest = |forks: &[(Fork, Activation)]| {
            forks.iter().filter(|(_, at)| begun(*at)).map(|(fork, _)| *fork).max()
        };
        let by_schedule = newest(&self.forks).unwrap_or(Fork::Frontier);
        let op = self.op.as_ref().map(|op| op.fork_at(timestamp));
        let fork = match op {
            Some(op) => op.ethereum(),
            None if merged => by_schedule.max(Fork::Paris),
            None => by_schedule,
        };
        Rules {
            chain_id: self.chain_id,
            fork,
            blobs: self.blobs_at(timestamp).filter(|_| fork >= Fork::Cancun),
            since_dao: self.dao.and_then(|dao| number.checked_sub(dao)),
            deposit_contract: self.deposit_contract,
            extra_data_max: self.extra_data_max,
            equal_timestamps: self.equal_timestamps,
            op,
            begins_canyon: false,
        }
    }

    /// Returns the rules of a block after its parent. `merged` is as in [`Self::rules`].
    #[must_use]
    pub fn rules_after(&self, parent: &Header, header: &Header, merged: bool) -> Rules {
        let rules = self.rules(header.number, header.timestamp, merged);
        let before = self.op.as_ref().map(|op| op.fork_at(parent.timestamp));
        let begins_canyon =
            rules.has_op(OpFork::Canyon) && before.is_some_and(|before| before < OpFork::Canyon);
        Rules { begins_canyon, ..rules }
    }

    /// Returns how many blobs a block with this timestamp may hold.
    ///
    /// **Spec:** EIP-7840, EIP-7892.
    #[must_use]
    pub fn blobs_at(&self, timestamp: u64) -> Option<BlobParams> {
        self.blobs.iter().rev().find(|(from, _)| timestamp >= *from).map(|(_, blobs)| *blobs)
    }

    /// Returns whether a block whose parent has this total difficulty is one of proof of stake.
    ///
    /// **Spec:** EIP-3675, "TRANSITION_BLOCK".
    #[must_use]
    pub fn is_merged(&self, parent_total_difficulty: U256) -> bool {
        self.op.is_some()
            || self.terminal_total_difficulty.is_some_and(|ttd| parent_total_difficulty >= ttd)
    }

    /// Fills in the numbers of blobs that the forks themselves define.
    fn blobs_from_forks(&mut self) {
        let defined = self.forks.iter().filter_map(|(fork, at)| match at {
            Activation::Time(time) => Some((*time, fork.blobs()?)),
            Activation::Block(_) => None,
        });
        self.blobs = defined.collect();
        self.blobs.sort_by_key(|(from, _)| *from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_holds_from_its_block_or_second_on() {
        let schedule = Schedule::named("BerlinToLondonAt5").unwrap();
        assert_eq!(schedule.rules(4, 0, false).fork, Fork::Berlin);
        assert_eq!(schedule.rules(5, 0, false).fork, Fork::London);
        let schedule = Schedule::named("ParisToShanghaiAtTime15k").unwrap();
        assert_eq!(schedule.rules(1, 14_999, true).fork, Fork::Paris);
        assert_eq!(schedule.rules(1, 15_000, true).fork, Fork::Shanghai);
    }

    #[test]
    fn paris_begins_where_the_parent_reaches_the_terminal_total_difficulty() {
        let schedule = Schedule::named("ArrowGlacierToParisAtDiffC0000").unwrap();
        assert!(!schedule.is_merged(U256::from(0xb_ffff)));
        assert!(schedule.is_merged(U256::from(0xc_0000)));
        assert_eq!(schedule.rules(9, 0, false).fork, Fork::ArrowGlacier);
        assert_eq!(schedule.rules(9, 0, true).fork, Fork::Paris);
    }

    #[test]
    fn no_blob_is_allowed_before_cancun() {
        let schedule = Schedule::named("ShanghaiToCancunAtTime15k").unwrap();
        assert_eq!(schedule.rules(1, 14_999, true).blobs, None);
        assert_eq!(schedule.rules(1, 15_000, true).blobs, Some(BlobParams::cancun()));
    }

    #[test]
    fn the_dao_block_and_those_after_it_are_counted() {
        let schedule = Schedule::named("HomesteadToDaoAt5").unwrap();
        assert_eq!(schedule.rules(4, 0, false).since_dao, None);
        assert!(schedule.rules(5, 0, false).is_dao_fork());
        assert_eq!(schedule.rules(7, 0, false).since_dao, Some(2));
    }
}
