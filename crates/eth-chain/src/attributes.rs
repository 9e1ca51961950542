//! A block in the making: what it is made of, and what came out.

use std::sync::Arc;

use alloy_eips::{eip4895::Withdrawal, eip7685::Requests};
use alloy_primitives::{Address, B256, Bytes, U256};
use quintet_eth::{state::store::Update, tx::EthTransaction};
use quintet_evm::execute::{Receipt, TransactionError};

use crate::block::SealedBlock;

/// What a block is to be made of, as an Engine API's payload attributes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Seconds since 1970; after the parent's.
    pub timestamp: u64,
    /// Randomness of the beacon, in `mixHash`.
    pub prev_randao: B256,
    /// Who gets the fees.
    pub fee_recipient: Address,
    /// From Shanghai on some; none at all on OP chains, but still some.
    pub withdrawals: Option<Vec<Withdrawal>>,
    /// From Cancun on some.
    pub parent_beacon_block_root: Option<B256>,
    /// Limit of gas; `None` keeps the parent's.
    pub gas_limit: Option<u64>,
    /// Extra data; on OP chains from Holocene on [`Self::op`] decides.
    pub extra_data: Bytes,
    /// Transactions that must be in the block, in front of all others: deposits and derived batches.
    pub forced: Vec<EthTransaction>,
    /// What OP chains add, from Holocene on.
    pub op: Option<OpAttributes>,
    /// A base fee against the rules: for development chains alone.
    pub base_fee: Option<u64>,
}

/// What OP chains add to payload attributes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpAttributes {
    /// By how much the base fee is damped; zero with a zero elasticity for the chain's own.
    pub denominator: u32,
    /// Limit of gas over its target; zero with a zero denominator for the chain's own.
    pub elasticity: u32,
    /// The least base fee, from Jovian on.
    pub min_base_fee: Option<u64>,
}

/// A transaction that may be in a block, with its sender.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The transaction.
    pub transaction: Arc<EthTransaction>,
    /// Who sent it; development chains may say anybody.
    pub sender: Address,
}

/// A candidate that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its index among the candidates.
    pub index: usize,
    /// Its hash.
    pub hash: B256,
    /// Why.
    pub error: TransactionError,
}

/// A block that was executed on the head and is not committed yet.
#[derive(Debug)]
pub(crate) struct Executed {
    pub(crate) block: Arc<SealedBlock>,
    pub(crate) receipts: Arc<[Receipt]>,
    pub(crate) update: Update,
}

/// A block that was built. Make it head with [`EthChain::adopt`](crate::EthChain::adopt), without running it again.
#[derive(Debug, Clone)]
pub struct Built {
    pub(crate) executed: Arc<Executed>,
    /// Requests to the consensus layer, from Prague on.
    pub requests: Option<Requests>,
    /// What the fee recipient gets of the transactions, wei.
    pub value: U256,
    /// Candidates that were not taken, in their order. One that did not fit is not among them.
    pub refused: Vec<Refused>,
    /// Candidates that were looked at; those behind did not fit.
    pub considered: usize,
}

impl Built {
    /// Returns it with other extra data: how a proposer puts its seal into a block whose roots are known. Nothing is run again.
    #[must_use]
    pub fn with_extra_data(&self, extra_data: Bytes) -> Self {
        let Executed { block, receipts, update } = &*self.executed;
        let mut sealed = SealedBlock::clone(block);
        sealed.block.header.extra_data = extra_data;
        sealed.hash = sealed.block.header.hash_slow();
        let receipts = Arc::clone(receipts);
        let executed = Executed { block: Arc::new(sealed), receipts, update: update.clone() };
        Self { executed: Arc::new(executed), ..self.clone() }
    }

    /// Returns the block.
    #[must_use]
    pub fn block(&self) -> &Arc<SealedBlock> {
        &self.executed.block
    }

    /// Returns what its transactions did.
    #[must_use]
    pub fn receipts(&self) -> &Arc<[Receipt]> {
        &self.executed.receipts
    }
}
