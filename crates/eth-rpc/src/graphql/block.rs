//! Blocks, and uncles, of which only headers are known.

use std::sync::{Arc, OnceLock};

use alloy_consensus::Header;
use alloy_primitives::B256;
use async_graphql::{Object, SimpleObject};
use quintet_eth_chain::SealedBlock;
use quintet_evm::execute::Receipt;

use super::{
    account::Account,
    input::{BlockFilterCriteria, CallData},
    log::{self, Log},
    query::{CallResult, call, estimate},
    scalars::{Addr, BigInt, Data, Long, Word},
    scope::{Answer, Scope, wrong},
    transaction::Transaction,
};
use crate::{
    args::BlockId,
    error::{EthError, EthResult},
    node::Named as _,
    pool::next_block,
};

/// A block with its receipts, read once somebody asks for them.
#[derive(Debug)]
pub(super) struct Mined {
    pub(super) sealed: Arc<SealedBlock>,
    receipts: OnceLock<Arc<[Receipt]>>,
}

impl Mined {
    pub(super) const fn new(sealed: Arc<SealedBlock>) -> Self {
        Self { sealed, receipts: OnceLock::new() }
    }

    pub(super) fn receipts(&self, scope: &Scope) -> EthResult<&[Receipt]> {
        if let Some(receipts) = self.receipts.get() {
            return Ok(receipts);
        }
        let receipts = scope.reader.receipts(self.sealed.hash)?;
        let receipts = receipts.ok_or_else(|| EthError::server("header not found"))?;
        Ok(self.receipts.get_or_init(|| receipts))
    }
}

/// A block.
#[derive(Debug, Clone)]
pub(super) struct Block {
    scope: Arc<Scope>,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Mined(Arc<Mined>),
    Uncle(Box<Header>, B256),
}

impl Block {
    pub(super) fn mined(scope: &Arc<Scope>, block: Arc<Mined>) -> Self {
        Self { scope: Arc::clone(scope), what: What::Mined(block) }
    }

    pub(super) fn sealed(scope: &Arc<Scope>, block: Arc<SealedBlock>) -> Self {
        Self::mined(scope, Arc::new(Mined::new(block)))
    }

    fn uncle(scope: &Arc<Scope>, header: &Header) -> Self {
        let hash = header.hash_slow();
        Self { scope: Arc::clone(scope), what: What::Uncle(Box::new(header.clone()), hash) }
    }

    fn header(&self) -> &Header {
        match &self.what {
            What::Mined(block) => block.sealed.header(),
            What::Uncle(header, _) => header,
        }
    }

    fn its_hash(&self) -> B256 {
        match &self.what {
            What::Mined(block) => block.sealed.hash,
            What::Uncle(_, hash) => *hash,
        }
    }

    /// The whole block; nothing for an uncle.
    fn whole(&self) -> Option<&Arc<Mined>> {
        match &self.what {
            What::Mined(block) => Some(block),
            What::Uncle(..) => None,
        }
    }

    fn id(&self) -> BlockId {
        BlockId::Hash { hash: self.its_hash(), canonical: false }
    }

    fn ommer(&self, index: usize) -> Option<Self> {
        let uncle = self.whole()?.sealed.block.body.ommers.get(index)?;
        Some(Self::uncle(&self.scope, uncle))
    }

    fn transaction(&self, index: usize) -> Option<Transaction> {
        let block = self.whole().filter(|block| index < block.sealed.transactions().len())?;
        Some(Transaction::mined(&self.scope, Arc::clone(block), index))
    }
}

/// Withdrawal moves money from the consensus layer.
#[derive(Debug, SimpleObject)]
struct Withdrawal {
    /// Its number, counted over the whole chain.
    index: Long,
    /// The validator's number.
    validator: Long,
    /// Who gets it.
    address: Addr,
    /// How much, in gwei.
    amount: Long,
}

/// Block is a block, or an uncle, of which only the header is known.
#[Object]
impl Block {
    /// Its number, 0 for the genesis block.
    async fn number(&self) -> Long {
        Long(self.header().number)
    }

    /// Its hash.
    async fn hash(&self) -> Word {
        Word(self.its_hash())
    }

    /// The block before it; null for the genesis block.
    async fn parent(&self) -> Answer<Option<Self>> {
        if self.header().number == 0 {
            return Ok(None);
        }
        let block = self.scope.reader.sealed(self.header().parent_hash).map_err(wrong)?;
        Ok(Some(Self::sealed(&self.scope, block)))
    }

    /// What its miner found: 8 bytes.
    async fn nonce(&self) -> Data {
        Data(self.header().nonce.to_vec())
    }

    /// Root of the trie of its transactions.
    async fn transactions_root(&self) -> Word {
        Word(self.header().transactions_root)
    }

    /// How many transactions it has; null for an uncle.
    async fn transaction_count(&self) -> Option<Long> {
        self.whole().map(|block| Long::count(block.sealed.transactions().len()))
    }

    /// Root of the state after it.
    async fn state_root(&self) -> Word {
        Word(self.header().state_root)
    }

    /// Root of the trie of its receipts.
    async fn receipts_root(&self) -> Word {
        Word(self.header().receipts_root)
    }

    /// Who got its fees, at a block, the head if none is named.
    async fn miner(&self, block: Option<Long>) -> Account {
        Account::at(&self.scope, self.header().beneficiary, block)
    }

    /// What its maker wrote into it.
    async fn extra_data(&self) -> Answer<Data> {
        self.scope.data(&self.header().extra_data)
    }

    /// Gas its transactions may use.
    async fn gas_limit(&self) -> Long {
        Long(self.header().gas_limit)
    }

    /// Gas its transactions used.
    async fn gas_used(&self) -> Long {
        Long(self.header().gas_used)
    }

    /// Wei that are burnt for each gas; null before London.
    async fn base_fee_per_gas(&self) -> Option<BigInt> {
        self.header().base_fee_per_gas.map(BigInt::wei)
    }

    /// Wei that are burnt for each gas in the block after it; null before London.
    async fn next_base_fee_per_gas(&self) -> Answer<Option<BigInt>> {
        let next = next_block(&self.scope.reader, self.header()).map_err(wrong)?;
        Ok(next.base_fee.map(BigInt::wei))
    }

    /// When it was made, in seconds since 1970.
    async fn timestamp(&self) -> Long {
        Long(self.header().timestamp)
    }

    /// Filter of what its transactions logged.
    async fn logs_bloom(&self) -> Data {
        Data(self.header().logs_bloom.to_vec())
    }

    /// Of proof of work, or the randomness of proof of stake.
    async fn mix_hash(&self) -> Word {
        Word(self.header().mix_hash)
    }

    /// How hard it was to find.
    async fn difficulty(&self) -> BigInt {
        BigInt(self.header().difficulty)
    }

    /// Difficulty of all blocks up to and including it.
    async fn total_difficulty(&self) -> Answer<BigInt> {
        match &self.what {
            What::Mined(block) => Ok(BigInt(block.sealed.total_difficulty)),
            What::Uncle(header, _) => {
                let parent = self.scope.reader.total_difficulty(header.parent_hash);
                let parent = parent.map_err(|error| wrong(error.into()))?.unwrap_or_default();
                Ok(BigInt(parent.saturating_add(header.difficulty)))
            }
        }
    }

    /// How many uncles it has; null for an uncle.
    async fn ommer_count(&self) -> Option<Long> {
        self.whole().map(|block| Long::count(block.sealed.block.body.ommers.len()))
    }

    /// Its uncles; null for an uncle.
    async fn ommers(&self) -> Option<Vec<Option<Self>>> {
        let count = self.whole()?.sealed.block.body.ommers.len();
        Some((0..count).map(|index| self.ommer(index)).collect())
    }

    /// The uncle with an index; null if there is none.
    async fn ommer_at(&self, index: Long) -> Option<Self> {
        self.ommer(index.index())
    }

    /// Hash of the list of its uncles.
    async fn ommer_hash(&self) -> Word {
        Word(self.header().ommers_hash)
    }

    /// Its transactions; null for an uncle.
    async fn transactions(&self) -> Option<Vec<Transaction>> {
        let count = self.whole()?.sealed.transactions().len();
        Some((0..count).filter_map(|index| self.transaction(index)).collect())
    }

    /// The transaction with an index; null if there is none.
    async fn transaction_at(&self, index: Long) -> Option<Transaction> {
        self.transaction(index.index())
    }

    /// Logs of its transactions.
    async fn logs(&self, filter: BlockFilterCriteria) -> Answer<Vec<Log>> {
        log::search(&self.scope, &filter.of_block(self.its_hash())).map_err(wrong)
    }

    /// An account after it.
    async fn account(&self, address: Addr) -> Account {
        Account::new(&self.scope, address.0, self.id())
    }

    /// Runs a call after it and keeps nothing of it.
    async fn call(&self, data: CallData) -> Answer<Option<CallResult>> {
        call(&self.scope, data, self.id()).map(Some).map_err(wrong)
    }

    /// Tells how much gas a call needs after it.
    async fn estimate_gas(&self, data: CallData) -> Answer<Long> {
        estimate(&self.scope, data, self.id()).map_err(wrong)
    }

    /// The encoding of its header.
    async fn raw_header(&self) -> Answer<Data> {
        self.scope.data(alloy_rlp::encode(self.header()))
    }

    /// Its encoding; for an uncle that of a block without transactions.
    async fn raw(&self) -> Answer<Data> {
        match &self.what {
            What::Mined(block) => self.scope.data(alloy_rlp::encode(&block.sealed.block)),
            What::Uncle(header, _) => {
                let alone = quintet_eth::block::EthBlock::uncle(header.as_ref().clone());
                self.scope.data(alloy_rlp::encode(&alone))
            }
        }
    }

    /// Root of the trie of its withdrawals; null before Shanghai.
    async fn withdrawals_root(&self) -> Option<Word> {
        self.header().withdrawals_root.map(Word)
    }

    /// Its withdrawals; null before Shanghai.
    async fn withdrawals(&self) -> Option<Vec<Withdrawal>> {
        let withdrawals = self.whole()?.sealed.withdrawals()?;
        let withdrawal = |one: &alloy_eips::eip4895::Withdrawal| Withdrawal {
            index: Long(one.index),
            validator: Long(one.validator_index),
            address: Addr(one.address),
            amount: Long(one.amount),
        };
        Some(withdrawals.iter().map(withdrawal).collect())
    }

    /// Blob gas its transactions used; null before Cancun.
    async fn blob_gas_used(&self) -> Option<Long> {
        self.header().blob_gas_used.map(Long)
    }

    /// Blob gas used above the target so far; null before Cancun.
    async fn excess_blob_gas(&self) -> Option<Long> {
        self.header().excess_blob_gas.map(Long)
    }
}
