//! Reading the chain as it was at one moment.

mod access_list;
mod ancestors;
mod cache;
mod estimate;
mod logs;
mod replay;
mod simulate;

use std::sync::Arc;

use alloy_primitives::{Address, B256, U256, keccak256};
use quintet_eth::{
    block::EthBlock,
    state::{
        AccountProof,
        store::{StateError, StateReader},
    },
};
use quintet_evm::{execute::Receipt, schedule::Rules};
use quintet_store::Snapshot;

pub(crate) use self::cache::BlockCache;
pub use self::{
    access_list::AccessListOutcome,
    ancestors::Ancestors,
    estimate::EstimateError,
    logs::{LogEntry, LogFilter, LogLimits, LogRange},
    replay::{Replay, ReplayStep},
    simulate::Simulator,
};
use crate::{
    block::{BlockRef, BlockTag, SealedBlock},
    error::ChainError,
    tables::{
        BODIES, CANONICAL, HEADERS, HeaderRecord, MARKS, Marks, NUMBERS, OLDEST_BODY, RECEIPTS,
        SENDERS, TRANSACTIONS, key,
    },
    write::Inner,
};

/// The head, and what is safe and final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forkchoice {
    /// The head.
    pub head: BlockRef,
    /// The newest block that hardly any reorganisation takes back, if somebody said so.
    pub safe: Option<BlockRef>,
    /// The newest block that none takes back, if somebody said so.
    pub finalized: Option<BlockRef>,
}

/// Where a transaction is.
#[derive(Debug, Clone)]
pub struct TransactionPlace {
    /// Its block.
    pub block: Arc<SealedBlock>,
    /// Its index there.
    pub index: usize,
}

/// The chain as it was when this reader was made. It holds a snapshot of the store, so drop it when done.
#[derive(Debug, Clone)]
pub struct ChainReader {
    pub(crate) inner: Arc<Inner>,
    state: StateReader,
    head: BlockRef,
}

impl ChainReader {
    pub(crate) fn new(inner: Arc<Inner>) -> Result<Self, ChainError> {
        let state = inner.state.view()?;
        let head = match state.newest_block() {
            Some(head) => BlockRef { number: head.number, hash: head.hash },
            None => inner.head(),
        };
        Ok(Self { inner, state, head })
    }

    pub(crate) const fn snapshot(&self) -> &Snapshot {
        self.state.snapshot()
    }

    /// The state of the head.
    #[must_use]
    pub const fn state(&self) -> &StateReader {
        &self.state
    }

    /// The head.
    #[must_use]
    pub const fn head(&self) -> BlockRef {
        self.head
    }

    /// The first block of the chain.
    #[must_use]
    pub fn genesis(&self) -> BlockRef {
        BlockRef { number: self.inner.spec.header.number, hash: self.inner.spec.hash }
    }

    /// Genesis and schedule.
    #[must_use]
    pub fn spec(&self) -> &crate::ChainSpec {
        &self.inner.spec
    }

    pub(crate) fn marks(&self) -> Result<Marks, ChainError> {
        Ok(self.snapshot().get(&MARKS, &())?.unwrap_or_default())
    }

    /// The head, and what is safe and final.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the store cannot be read.
    pub fn forkchoice(&self) -> Result<Forkchoice, ChainError> {
        let Marks { safe, finalized } = self.marks()?;
        Ok(Forkchoice { head: self.head, safe, finalized })
    }

    /// Returns the block that a tag names; `None` if there is none. Safe and final are the genesis until somebody says otherwise.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the store cannot be read.
    pub fn find(&self, tag: BlockTag) -> Result<Option<BlockRef>, ChainError> {
        let genesis = self.genesis();
        Ok(match tag {
            BlockTag::Latest => Some(self.head),
            BlockTag::Earliest => Some(genesis),
            BlockTag::Safe => Some(self.marks()?.safe.unwrap_or(genesis)),
            BlockTag::Finalized => Some(self.marks()?.finalized.unwrap_or(genesis)),
            BlockTag::Number(number) => {
                self.canonical_hash(number)?.map(|hash| BlockRef { number, hash })
            }
            BlockTag::Hash(hash) => self.number_of(hash)?.map(|number| BlockRef { number, hash }),
        })
    }

    /// Returns the block that a tag names.
    ///
    /// # Errors
    ///
    /// [`ChainError::UnknownBlock`] if there is none.
    pub fn resolve(&self, tag: BlockTag) -> Result<BlockRef, ChainError> {
        self.find(tag)?.ok_or(ChainError::UnknownBlock { tag })
    }

    /// Returns the hash of the block of the head's chain with this number.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the store cannot be read.
    pub fn canonical_hash(&self, number: u64) -> Result<Option<B256>, ChainError> {
        if number == self.head.number {
            return Ok(Some(self.head.hash));
        }
        Ok(self.snapshot().get(&CANONICAL, &number)?.map(B256::new))
    }

    /// Returns whether a block is on the head's chain.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the store cannot be read.
    pub fn is_canonical(&self, at: BlockRef) -> Result<bool, ChainError> {
        Ok(self.canonical_hash(at.number)? == Some(at.hash))
    }

    /// Returns the number of a known block.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the store cannot be read.
    pub fn number_of(&self, hash: B256) -> Result<Option<u64>, ChainError> {
        Ok(self.snapshot().get(&NUMBERS, &hash.0)?)
    }

    pub(crate) fn header_record(
        &self,
        hash: B256,
    ) -> Result<Option<Arc<HeaderRecord>>, ChainError> {
        if let Some(known) = self.inner.blocks.header(&hash) {
            return Ok(Some(known));
        }
        let Some(number) = self.number_of(hash)? else { return Ok(None) };
        let record = self.snapshot().get(&HEADERS, &key(BlockRef { number, hash }))?.map(Arc::new);
        if let Some(record) = &record {
            self.inner.blocks.insert_header(hash, Arc::clone(record));
        }
        Ok(record)
    }

    pub(crate) fn header_by_number(
        &self,
        number: u64,
    ) -> Result<Option<Arc<HeaderRecord>>, ChainError> {
        match self.canonical_hash(number)? {
            Some(hash) => self.header_record(hash),
            None => Ok(None),
        }
    }

    /// Returns the header of a known block.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the store cannot be read.
    pub fn header(&self, hash: B256) -> Result<Option<alloy_consensus::Header>, ChainError> {
        Ok(self.header_record(hash)?.map(|record| record.header.clone()))
    }

    /// Returns the difficulty of the chain up to and including a known block.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the store cannot be read.
    pub fn total_difficulty(&self, hash: B256) -> Result<Option<U256>, ChainError> {
        Ok(self.header_record(hash)?.map(|record| record.total_difficulty))
    }

    /// Returns the rules that hold for a block, given its parent is known.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the store cannot be read.
    pub fn rules_of(&self, header: &alloy_consensus::Header) -> Result<Rules, ChainError> {
        let schedule = &self.inner.spec.schedule;
        let Some(parent) = self.header_record(header.parent_hash)? else {
            let merged = schedule.is_merged(header.difficulty);
            return Ok(schedule.rules(header.number, header.timestamp, merged));
        };
        let merged = schedule.is_merged(parent.total_difficulty);
        Ok(schedule.rules_after(&parent.header, header, merged))
    }

    /// Whether a known block was executed: it was head once.
    pub(crate) fn was_executed(&self, at: BlockRef) -> Result<bool, ChainError> {
        Ok(self.is_canonical(at)? || self.snapshot().get(&SENDERS, &key(at))?.is_some())
    }

    /// Returns a known block with the senders of its transactions.
    ///
    /// # Errors
    ///
    /// [`ChainError::Pruned`] if its body is not kept any more; [`ChainError`] if the store cannot be read.
    pub fn block(&self, hash: B256) -> Result<Option<Arc<SealedBlock>>, ChainError> {
        if let Some((block, _)) = self.inner.blocks.get(&hash) {
            return Ok(Some(block));
        }
        let Some(record) = self.header_record(hash)? else { return Ok(None) };
        let at = BlockRef { number: record.header.number, hash };
        let Some(body) = self.snapshot().get(&BODIES, &key(at))? else {
            return Err(self.missing("bodies", at)?);
        };
        let senders = self.snapshot().get(&SENDERS, &key(at))?;
        let block = EthBlock { header: record.header.clone(), body: body.0 };
        let senders = senders.map(|senders| senders.0).unwrap_or_default();
        let total_difficulty = record.total_difficulty;
        Ok(Some(Arc::new(SealedBlock { hash, block, senders, total_difficulty })))
    }

    /// Says why a record of a known block is not there.
    fn missing(&self, what: &'static str, at: BlockRef) -> Result<ChainError, ChainError> {
        let oldest = self.oldest_body()?;
        if at.number < oldest {
            return Ok(ChainError::Pruned { what, number: at.number, oldest });
        }
        Ok(ChainError::Damaged { what, hash: at.hash })
    }

    /// Returns the oldest block whose body, receipts and index are kept.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the store cannot be read.
    pub fn oldest_body(&self) -> Result<u64, ChainError> {
        let oldest = self.snapshot().get(&OLDEST_BODY, &())?;
        Ok(oldest.unwrap_or(self.inner.spec.header.number))
    }

    /// Returns the oldest block whose state can be read.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the store cannot be read.
    pub fn oldest_state(&self) -> Result<u64, ChainError> {
        Ok(self.inner.state.oldest()?.unwrap_or_default())
    }

    /// Returns what the transactions of a known block did.
    ///
    /// # Errors
    ///
    /// [`ChainError::NotExecuted`] if the block was never head; [`ChainError::Pruned`] if its receipts are not kept any more;
    /// [`ChainError`] if the store cannot be read.
    pub fn receipts(&self, hash: B256) -> Result<Option<Arc<[Receipt]>>, ChainError> {
        Ok(self.block_with_receipts(hash)?.map(|(_, receipts)| receipts))
    }

    /// Returns a known block with what its transactions did.
    ///
    /// # Errors
    ///
    /// As for [`Self::receipts`].
    #[expect(clippy::type_complexity, reason = "a pair of what is cached together")]
    pub fn block_with_receipts(
        &self,
        hash: B256,
    ) -> Result<Option<(Arc<SealedBlock>, Arc<[Receipt]>)>, ChainError> {
        if let Some(known) = self.inner.blocks.get(&hash) {
            return Ok(Some(known));
        }
        let Some(block) = self.block(hash)? else { return Ok(None) };
        let at = block.at();
        let Some(receipts) = self.snapshot().get(&RECEIPTS, &key(at))? else {
            if self.is_canonical(at)? {
                return Err(self.missing("receipts", at)?);
            }
            return Err(ChainError::NotExecuted { hash });
        };
        let receipts: Arc<[Receipt]> = receipts.0.into();
        self.inner.blocks.insert(Arc::clone(&block), Arc::clone(&receipts));
        Ok(Some((block, receipts)))
    }

    /// Returns where a transaction of the head's chain is.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the store cannot be read.
    pub fn transaction(&self, hash: B256) -> Result<Option<TransactionPlace>, ChainError> {
        let Some((number, index)) = self.snapshot().get(&TRANSACTIONS, &hash.0)? else {
            return Ok(None);
        };
        let Some(block) = self.canonical_hash(number)? else { return Ok(None) };
        let Some(block) = self.block(block)? else { return Ok(None) };
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        Ok(Some(TransactionPlace { block, index }))
    }

    /// Returns the state after a block of the head's chain.
    ///
    /// # Errors
    ///
    /// [`StateError::NotKept`] in [`ChainError::State`] if it is pruned, which names what is kept; [`ChainError::NotExecuted`] if the
    /// block is beside the head's chain.
    pub fn state_at(&self, tag: BlockTag) -> Result<StateReader, ChainError> {
        let at = self.resolve(tag)?;
        if at == self.head {
            return Ok(self.state.clone());
        }
        if !self.is_canonical(at)? {
            return Err(ChainError::NotExecuted { hash: at.hash });
        }
        Ok(self.inner.state.view_beside(&self.state, at.number)?)
    }

    /// Proves an account and some of its slots in the state after a block.
    ///
    /// **Spec:** EIP-1186.
    ///
    /// # Errors
    ///
    /// As for [`Self::state_at`]; tries reach back [`Retention::states`](crate::Retention::states) blocks, in an archive too.
    pub fn prove(
        &self,
        tag: BlockTag,
        address: Address,
        slots: &[U256],
    ) -> Result<AccountProof, ChainError> {
        Ok(self.state_at(tag)?.prove(address, slots)?)
    }

    /// Returns the root of an account's storage in the state after a block; that of nothing if there is no such account.
    ///
    /// # Errors
    ///
    /// As for [`Self::state_at`].
    pub fn storage_root(&self, tag: BlockTag, address: Address) -> Result<B256, ChainError> {
        let leaf = self.state_at(tag)?.leaf(keccak256(address));
        let leaf: Result<_, StateError> = leaf;
        Ok(leaf?.map_or(quintet_eth::trie::EMPTY_ROOT, |leaf| leaf.storage_root))
    }
}
