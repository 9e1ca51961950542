//! A chain as data: its first block, and which rules hold when.

use alloy_consensus::Header;
use alloy_genesis::Genesis;
use alloy_primitives::{Address, B256, address};
use quintet_eth::{
    genesis::{self, GenesisError},
    state::root,
};
use quintet_evm::schedule::{self, OpFork, Schedule};

/// Contract of an OP chain whose storage root is in the header from Isthmus on.
///
/// **Spec:** OP Stack specification, "Isthmus: L2ToL1MessagePasser storage root in header".
pub(crate) const MESSAGE_PASSER: Address = address!("4200000000000000000000000000000000000016");

/// Why a genesis file makes no chain.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// The file, its state or its header.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// Its configuration.
    #[error(transparent)]
    Schedule(#[from] schedule::GenesisError),
}

/// A chain as data.
#[derive(Debug, Clone)]
pub struct ChainSpec {
    /// The genesis file.
    pub genesis: Genesis,
    /// Which rules hold when.
    pub schedule: Schedule,
    /// Header of the first block.
    pub header: Header,
    /// Hash of the first block.
    pub hash: B256,
}

impl ChainSpec {
    /// Reads a genesis file in JSON, with the schedule in its `config`: Ethereum's, or an OP chain's.
    ///
    /// # Errors
    ///
    /// [`SpecError`] if it is no genesis file.
    pub fn from_json(json: &[u8]) -> Result<Self, SpecError> {
        Self::from_genesis(genesis::read(json)?)
    }

    /// Takes a genesis file with the schedule in its `config`.
    ///
    /// # Errors
    ///
    /// [`SpecError`] if it makes no chain.
    pub fn from_genesis(genesis: Genesis) -> Result<Self, SpecError> {
        let schedule = Schedule::from_genesis(&genesis.config)?;
        Self::new(genesis, schedule)
    }

    /// Takes a genesis file and a schedule that stands in place of its `config`.
    ///
    /// # Errors
    ///
    /// [`SpecError`] if the header cannot be made.
    pub fn new(genesis: Genesis, schedule: Schedule) -> Result<Self, SpecError> {
        let changes = genesis::changes(&genesis.alloc);
        let mut header = genesis::header(&genesis, root::of_new_state(&changes))?;
        if let Some(op) = &schedule.op
            && op.fork_at(header.timestamp) >= OpFork::Isthmus
        {
            header.withdrawals_root = Some(root::storage_of_new_state(&changes, MESSAGE_PASSER));
        }
        let hash = header.hash_slow();
        Ok(Self { genesis, schedule, header, hash })
    }

    /// Returns the number that transactions sign.
    #[must_use]
    pub const fn chain_id(&self) -> u64 {
        self.schedule.chain_id
    }
}
