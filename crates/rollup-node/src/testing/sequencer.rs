//! A sequencer: blocks of L2 built on an L1 that was made, and the batches that tell of them.

use std::sync::Arc;

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use quintet_rollup_protocol::{
    attributes::{Epoch, derive},
    batch::SingularBatch,
    config::RollupConfig,
    pipeline::Start,
    refs::{L1Ref, L2Ref},
    system::SystemConfig,
    view::L1Header,
};

use super::{Batcher, MadeL1, l1::GENESIS_TIME, rollup_json_at};
use crate::engine::{Embedded, Engine as _, EngineError, Processed};

/// L2 blocks of an L1 block.
const BLOCKS_AN_EPOCH: u64 = 3;

/// A sequencer with the chain it builds.
#[derive(Debug)]
pub struct Sequencer {
    config: Arc<RollupConfig>,
    json: String,
    engine: Embedded,
    user: Batcher,
    /// Blocks with the configurations they record, the newest last.
    blocks: Vec<(L2Ref, SystemConfig)>,
}

/// Returns a genesis file in which `rich` has money.
#[must_use]
pub fn genesis_json(rich: Address) -> String {
    genesis_json_at(GENESIS_TIME, rich)
}

fn genesis_json_at(time: u64, rich: Address) -> String {
    format!(
        r#"{{"config":{{"chainId":901,"homesteadBlock":0,"eip150Block":0,"eip155Block":0,"eip158Block":0,"byzantiumBlock":0,
        "constantinopleBlock":0,"petersburgBlock":0,"istanbulBlock":0,"berlinBlock":0,"londonBlock":0,"shanghaiTime":0,"cancunTime":0,
        "terminalTotalDifficulty":0,"terminalTotalDifficultyPassed":true}},
        "nonce":"0x0","timestamp":"{time:#x}","extraData":"0x00000000fa00000006","gasLimit":"0x1c9c380","difficulty":"0x0",
        "mixHash":"0x{zero:064x}","coinbase":"0x4200000000000000000000000000000000000011","number":"0x0","gasUsed":"0x0",
        "parentHash":"0x{zero:064x}","baseFeePerGas":"0x3b9aca00",
        "alloc":{{"{rich}":{{"balance":"0xffffffffffffffffffffff"}}}}}}"#,
        zero = 0
    )
}

impl Sequencer {
    /// Begins a chain on an L1, with a batcher that has its address in the configuration.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the chain cannot be begun.
    pub fn new(l1: &MadeL1, batcher: Address) -> Result<Self, EngineError> {
        let first = l1.block(0).map(|block| block.hash).unwrap_or_default();
        Self::beginning_at(l1.genesis_time(), first, batcher)
    }

    /// Begins a chain on an L1 whose first block has this hash.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the chain cannot be begun.
    pub fn on(l1_genesis: B256, batcher: Address) -> Result<Self, EngineError> {
        Self::beginning_at(GENESIS_TIME, l1_genesis, batcher)
    }

    fn beginning_at(time: u64, l1_genesis: B256, batcher: Address) -> Result<Self, EngineError> {
        let failed = |reason: String| EngineError::Failed { reason };
        let user = Batcher::new(901, Address::ZERO);
        let genesis = genesis_json_at(time, user.address());
        let read = |json: &str| RollupConfig::from_json(json).map_err(|e| failed(e.to_string()));
        // The forks do not depend on the hash.
        let draft = read(&rollup_json_at(time, l1_genesis, l1_genesis, batcher))?;
        let spec = Embedded::spec(genesis.as_bytes(), &draft)?;
        let json = rollup_json_at(time, l1_genesis, spec.hash, batcher);
        let config = Arc::new(read(&json)?);
        let start = Start::genesis(&config, L1Ref::default());
        let engine = Embedded::in_memory(spec, Arc::clone(&config))?;
        let blocks = vec![(start.safe, start.safe_system)];
        Ok(Self { config, json, engine, user, blocks })
    }

    /// Returns the chain's configuration.
    #[must_use]
    pub const fn config(&self) -> &Arc<RollupConfig> {
        &self.config
    }

    /// Returns the chain's configuration as a `rollup.json`.
    #[must_use]
    pub fn rollup_json(&self) -> &str {
        &self.json
    }

    /// Returns the chain's genesis file.
    #[must_use]
    pub fn genesis_json(&self) -> String {
        genesis_json_at(self.config.genesis.l2_time, self.user.address())
    }

    /// Returns the newest block.
    #[must_use]
    pub fn head(&self) -> L2Ref {
        self.blocks.last().map(|(block, _)| *block).unwrap_or_default()
    }

    /// Returns what executes the blocks.
    #[must_use]
    pub const fn engine(&self) -> &Embedded {
        &self.engine
    }

    /// Returns all blocks, genesis first.
    pub fn blocks(&self) -> impl Iterator<Item = &L2Ref> {
        self.blocks.iter().map(|(block, _)| block)
    }

    /// Builds the next block with `count` transfers, whose epoch must be on `l1`.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if it cannot be built.
    pub fn next(&mut self, l1: &MadeL1, count: usize) -> Result<SingularBatch, EngineError> {
        let transactions = self.transfers(count);
        self.next_of(l1, transactions)
    }

    /// Builds the next block of these transactions.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if it cannot be built.
    pub fn next_of(
        &mut self,
        l1: &MadeL1,
        transactions: Vec<Bytes>,
    ) -> Result<SingularBatch, EngineError> {
        let failed = |reason: &str| EngineError::Failed { reason: reason.to_owned() };
        let made = l1.block(self.next_origin());
        let made = made.ok_or_else(|| failed("L1 has not come so far"))?;
        self.build(L1Header::new(made.hash, &made.header), transactions)
    }

    /// Returns the number of the L1 block that is the next block's origin.
    #[must_use]
    pub fn next_origin(&self) -> u64 {
        (self.head().number + 1) / BLOCKS_AN_EPOCH
    }

    /// Makes transfers for the next block.
    pub fn transfers(&mut self, count: usize) -> Vec<Bytes> {
        (0..count).map(|_| self.transfer()).collect()
    }

    /// Builds the next block of these transactions on this L1 origin.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if it cannot be built.
    pub fn build(
        &mut self,
        header: L1Header,
        transactions: Vec<Bytes>,
    ) -> Result<SingularBatch, EngineError> {
        let failed = |reason: &str| EngineError::Failed { reason: reason.to_owned() };
        let (parent, system) = *self.blocks.last().ok_or_else(|| failed("no genesis"))?;
        let batch = SingularBatch {
            parent_hash: parent.hash,
            epoch_number: header.block.number,
            epoch_hash: header.block.hash,
            timestamp: parent.timestamp + self.config.block_time,
            transactions,
        };
        let epoch = Epoch { header, ..Epoch::default() };
        let from = epoch.header.block;
        let (derived, system) =
            derive(&self.config, &parent, &system, &epoch, batch.clone(), from, true)
                .map_err(|error| failed(&error.to_string()))?;
        match self.engine.process(&derived)? {
            Processed::Valid { hash, .. } => {
                self.blocks.push((derived.block(hash), system));
                Ok(batch)
            }
            Processed::Invalid { reason } => Err(failed(&reason)),
        }
    }

    /// Makes a transfer of one wei.
    fn transfer(&mut self) -> Bytes {
        let nonce = self.user.next_nonce();
        self.user.sign(TxEip1559 {
            chain_id: self.config.l2_chain_id,
            nonce,
            gas_limit: 21_000,
            max_fee_per_gas: 100_000_000_000,
            to: TxKind::Call(Address::repeat_byte(9)),
            value: U256::from(1),
            ..TxEip1559::default()
        })
    }

    /// Forgets the blocks whose L1 origin is above a number: L1 was reorganised there. Blocks that follow are empty.
    pub fn forget(&mut self, origin: u64) {
        while self.blocks.last().is_some_and(|(block, _)| block.l1_origin.number > origin) {
            self.blocks.pop();
        }
    }
}
