//! What others read of the embedded chain: blocks with their place in both chains.

use std::sync::Arc;

use alloy_eips::BlockNumHash;
use alloy_primitives::{Address, B256, Bytes, address};
use quintet_eth::tx::EthTransaction;
use quintet_eth_chain::{BlockTag, EthChain, SealedBlock};
use quintet_rollup_protocol::{
    batch::SingularBatch,
    config::RollupConfig,
    l1_info::{L2Header, read_block},
    payload::{Envelope, PayloadVersion},
    refs::L2Ref,
    system::SystemConfig,
};

use super::EngineError;

/// Where withdrawals are noted.
///
/// **Spec:** `protocol/predeploys.md`, `L2ToL1MessagePasser`.
pub const MESSAGE_PASSER: Address = address!("4200000000000000000000000000000000000016");

/// What an output root commits to.
///
/// **Spec:** `protocol/proposals.md`, "L2 Output Commitment Construction".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    /// The block.
    pub block: L2Ref,
    /// Root of the state after it.
    pub state_root: B256,
    /// Root of the message passer's storage after it.
    pub storage_root: B256,
}

impl Output {
    /// Returns the root of version 0.
    #[must_use]
    pub fn root(&self) -> B256 {
        let parts = [B256::ZERO, self.state_root, self.storage_root, self.block.hash];
        alloy_primitives::keccak256(parts.map(|part| part.0).concat())
    }
}

/// Reads the embedded chain. Cheap to clone.
#[derive(Debug, Clone)]
pub struct L2Reader {
    chain: EthChain,
    config: Arc<RollupConfig>,
}

impl L2Reader {
    /// Takes a chain.
    #[must_use]
    pub const fn new(chain: EthChain, config: Arc<RollupConfig>) -> Self {
        Self { chain, config }
    }

    /// Returns the chain.
    #[must_use]
    pub const fn chain(&self) -> &EthChain {
        &self.chain
    }

    /// Returns the block of a tag on the head's chain.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the disk fails.
    pub fn sealed(&self, tag: BlockTag) -> Result<Option<Arc<SealedBlock>>, EngineError> {
        let reader = self.chain.reader()?;
        match reader.find(tag)? {
            Some(at) => Ok(reader.block(at.hash)?),
            None => Ok(None),
        }
    }

    /// Returns a block's place in both chains, and the configuration it records.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if its first transaction is no L1 information.
    pub fn place(&self, block: &SealedBlock) -> Result<(L2Ref, SystemConfig), EngineError> {
        let header = block.header();
        let genesis = &self.config.genesis;
        if header.number == genesis.l2.number {
            let block = L2Ref {
                hash: block.hash,
                parent_hash: header.parent_hash,
                ..self.config.l2_genesis()
            };
            return Ok((block, genesis.system_config));
        }
        let first = block.transactions().first().map(EthTransaction::encoded).unwrap_or_default();
        let known = L2Header {
            number: header.number,
            hash: block.hash,
            parent_hash: header.parent_hash,
            timestamp: header.timestamp,
            gas_limit: header.gas_limit,
            extra_data: &header.extra_data,
        };
        read_block(&known, &first).map_err(|error| EngineError::Failed {
            reason: format!("block {}: {error}", header.number),
        })
    }

    /// Returns the block of a tag with its place.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the disk fails.
    pub fn find(&self, tag: BlockTag) -> Result<Option<L2Ref>, EngineError> {
        let Some(block) = self.sealed(tag)? else { return Ok(None) };
        self.place(&block).map(|(block, _)| Some(block))
    }

    /// Returns the head: the newest unsafe block, with the configuration it records.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the disk fails.
    pub fn head(&self) -> Result<(L2Ref, SystemConfig), EngineError> {
        let lost = || EngineError::Failed { reason: "the chain has no head".to_owned() };
        let block = self.sealed(BlockTag::Latest)?.ok_or_else(lost)?;
        self.place(&block)
    }

    /// Returns a block as gossip carries it.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the disk fails.
    pub fn envelope(
        &self,
        tag: BlockTag,
    ) -> Result<Option<(PayloadVersion, Envelope)>, EngineError> {
        let Some(block) = self.sealed(tag)? else { return Ok(None) };
        let header = block.header();
        let version = PayloadVersion::of_block(&self.config, header.timestamp);
        let raw = block.transactions().iter().map(|tx| tx.encoded().into()).collect();
        Ok(Some((version, Envelope::of_block(version, header, block.hash, raw))))
    }

    /// Returns a block as a batch tells of it: without its deposits.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the disk fails.
    pub fn batch(&self, number: u64) -> Result<Option<(L2Ref, SingularBatch)>, EngineError> {
        let Some(block) = self.sealed(BlockTag::Number(number))? else { return Ok(None) };
        let (at, _) = self.place(&block)?;
        let raw = block.transactions().iter().map(|tx| Bytes::from(tx.encoded()));
        Ok(Some((at, batch_of(&at, raw))))
    }

    /// Returns what the output root of a block commits to.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the disk fails, or the state after the block is not kept any more.
    pub fn output(&self, tag: BlockTag) -> Result<Option<Output>, EngineError> {
        let Some(block) = self.sealed(tag)? else { return Ok(None) };
        let (at, _) = self.place(&block)?;
        let by_hash = BlockTag::Hash(block.hash);
        let storage_root = self.chain.reader()?.storage_root(by_hash, MESSAGE_PASSER)?;
        Ok(Some(Output { block: at, state_root: block.header().state_root, storage_root }))
    }

    /// Returns the block of a tag by number and hash.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the disk fails.
    pub fn id(&self, tag: BlockTag) -> Result<Option<BlockNumHash>, EngineError> {
        let found = self.chain.reader()?.find(tag)?;
        Ok(found.map(|at| BlockNumHash { number: at.number, hash: at.hash }))
    }
}

/// Makes the batch of a block of its transactions, of which deposits are left out.
pub(crate) fn batch_of(at: &L2Ref, raw: impl Iterator<Item = Bytes>) -> SingularBatch {
    let deposit = quintet_rollup_protocol::deposit::DEPOSIT_TX_TYPE;
    SingularBatch {
        parent_hash: at.parent_hash,
        epoch_number: at.l1_origin.number,
        epoch_hash: at.l1_origin.hash,
        timestamp: at.timestamp,
        transactions: raw.filter(|tx| tx.first() != Some(&deposit)).collect(),
    }
}
