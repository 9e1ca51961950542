//! The embedded execution layer: a chain of our own on disk, in this process.
//!
//! A derived block is executed once, on its parent's state, and is in the chain when the call returns. Nothing travels as JSON, and that a
//! block is invalid is a value: a block whose transactions cannot be in it leaves the chain as it was.
//!
//! **Spec:** `protocol/exec-engine.md`; op-node's `AttributesMatchBlock` for what makes a block the one that was derived.

use std::{path::Path, sync::Arc};

use alloy_eips::BlockNumHash;
use alloy_primitives::{B256, Bytes};
use quintet_eth::{block::EthBlock, tx::EthTransaction};
use quintet_eth_chain::{
    Attributes, BlockTag, BuildError, Candidate, ChainError, ChainOptions, ChainSpec, EthChain,
    ForkchoiceError, ImportError, Inserted, OpAttributes, Retention, SealedBlock,
};
use quintet_eth_rpc::PoolService;
use quintet_rollup_protocol::{
    attributes::{DerivedAttributes, PayloadAttributes},
    config::RollupConfig,
    refs::{L2Ref, SafeBlock},
};
use quintet_store::Durability;

use super::{Engine, EngineError, L2Reader, Processed, UnsafeBlock, schedule_of};

/// Blocks whose states are kept, so that L1 may be reorganised by as much: half an hour of one-second blocks.
pub const STATES_KEPT: u64 = 2_048;

/// Transactions of the pool that are looked at for one block.
const CANDIDATES_MAX: usize = 20_000;

/// An execution layer in this process.
#[derive(Debug)]
pub struct Embedded {
    chain: EthChain,
    config: Arc<RollupConfig>,
    gas: u64,
    /// A block in the making: what it stands on and what it is made of.
    building: Option<(B256, PayloadAttributes)>,
    /// Where transactions for blocks of its own come from.
    pool: Option<Arc<PoolService>>,
}

impl From<ChainError> for EngineError {
    fn from(error: ChainError) -> Self {
        Self::Failed { reason: error.to_string() }
    }
}

impl From<ImportError> for EngineError {
    fn from(error: ImportError) -> Self {
        Self::Failed { reason: error.to_string() }
    }
}

impl From<ForkchoiceError> for EngineError {
    fn from(error: ForkchoiceError) -> Self {
        Self::Failed { reason: error.to_string() }
    }
}

/// Returns how the chain of a rollup is kept: what derivation would bring back need not be durable block by block.
#[must_use]
pub fn chain_options() -> ChainOptions {
    ChainOptions {
        retention: Retention { states: STATES_KEPT, archive: false, bodies: None },
        durability: Durability::Buffered,
        ..ChainOptions::default()
    }
}

impl Embedded {
    /// Reads a genesis file, under the rules of the rollup's configuration.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if it is no genesis file.
    pub fn spec(genesis: &[u8], config: &RollupConfig) -> Result<ChainSpec, EngineError> {
        let failed = |reason: String| EngineError::Failed { reason };
        let genesis = quintet_eth::genesis::read(genesis).map_err(|e| failed(e.to_string()))?;
        ChainSpec::new(genesis, schedule_of(config)).map_err(|error| failed(error.to_string()))
    }

    /// Opens the chain in a directory, or begins it with its genesis.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the genesis is not that of the rollup's configuration, or the directory cannot be used.
    pub fn open(
        directory: &Path,
        spec: ChainSpec,
        config: Arc<RollupConfig>,
    ) -> Result<Self, EngineError> {
        Self::open_with(directory, spec, config, chain_options())
    }

    /// Opens the chain in a directory, kept in another way than [`chain_options`] says.
    ///
    /// # Errors
    ///
    /// As [`Embedded::open`].
    pub fn open_with(
        directory: &Path,
        spec: ChainSpec,
        config: Arc<RollupConfig>,
        options: ChainOptions,
    ) -> Result<Self, EngineError> {
        Self::check(&spec, &config)?;
        let chain = EthChain::open(directory, spec, options)?;
        Ok(Self { chain, config, gas: 0, building: None, pool: None })
    }

    /// Begins a chain in memory.
    ///
    /// # Errors
    ///
    /// As [`Embedded::open`].
    pub fn in_memory(spec: ChainSpec, config: Arc<RollupConfig>) -> Result<Self, EngineError> {
        Self::check(&spec, &config)?;
        let chain = EthChain::in_memory(spec, chain_options())?;
        Ok(Self { chain, config, gas: 0, building: None, pool: None })
    }

    fn check(spec: &ChainSpec, config: &RollupConfig) -> Result<(), EngineError> {
        let expected = config.genesis.l2;
        let actual = BlockNumHash { number: spec.header.number, hash: spec.hash };
        if expected != actual {
            return Err(EngineError::Genesis { expected, actual });
        }
        Ok(())
    }

    /// Returns the chain, for whoever reads it.
    #[must_use]
    pub const fn chain(&self) -> &EthChain {
        &self.chain
    }

    /// Returns the gas of all blocks executed here.
    #[must_use]
    pub const fn gas(&self) -> u64 {
        self.gas
    }

    /// Returns the block of a number on the head's chain.
    fn canonical(&self, number: u64) -> Result<Option<Arc<SealedBlock>>, EngineError> {
        let reader = self.chain.reader()?;
        match reader.canonical_hash(number)? {
            Some(hash) => Ok(reader.block(hash)?),
            None => Ok(None),
        }
    }

    /// Returns what reads the chain beside whoever writes it.
    #[must_use]
    pub fn reader(&self) -> L2Reader {
        L2Reader::new(self.chain.clone(), Arc::clone(&self.config))
    }

    /// Takes transactions for blocks of its own from a pool.
    #[must_use]
    pub fn with_pool(self, pool: Arc<PoolService>) -> Self {
        Self { pool: Some(pool), ..self }
    }

    fn reference(&self, block: &SealedBlock) -> Result<L2Ref, EngineError> {
        self.reader().place(block).map(|(block, _)| block)
    }

    /// Finds what may be in a block beside what must.
    fn candidates(&self, attributes: &PayloadAttributes) -> Vec<Candidate> {
        let Some(pool) = self.pool.as_ref().filter(|_| !attributes.no_tx_pool) else {
            return Vec::new();
        };
        let base_fee = pool.pool().head().base_fee;
        // No transaction of these chains carries blobs.
        pool.candidates(base_fee, 1, CANDIDATES_MAX)
    }

    /// Executes a block on its parent and makes it the head.
    fn execute(&mut self, derived: &DerivedAttributes) -> Result<Processed, EngineError> {
        let invalid = |reason: String| Ok(Processed::Invalid { reason });
        let attributes = match payload(&derived.attributes) {
            Ok(attributes) => attributes,
            Err(reason) => return invalid(reason),
        };
        let parent = derived.parent.hash;
        if self.chain.head().hash != parent {
            self.chain.set_forkchoice(parent, B256::ZERO, B256::ZERO)?;
        }
        match self.chain.build(Some(parent), &attributes, &[]) {
            Ok(built) => {
                self.gas = self.gas.saturating_add(built.block().header().gas_used);
                self.chain.adopt(&built)?;
                Ok(Processed::Valid { hash: built.block().hash, is_consolidated: false })
            }
            Err(error @ (BuildError::Forced { .. } | BuildError::ForcedSender { .. })) => {
                invalid(error.to_string())
            }
            Err(error) => Err(EngineError::Failed { reason: error.to_string() }),
        }
    }
}

/// Puts derived attributes into the chain's form.
///
/// # Errors
///
/// Which transaction is none, and why: a sequencer may post anything.
fn payload(attributes: &PayloadAttributes) -> Result<Attributes, String> {
    let decode = |(index, raw): (usize, &Bytes)| {
        EthTransaction::decode(raw).map_err(|error| format!("transaction {index}: {error}"))
    };
    let forced =
        attributes.transactions.iter().enumerate().map(decode).collect::<Result<_, _>>()?;
    let op = attributes.eip1559_params.map(|params| {
        let params = u64::from_be_bytes(params.0);
        let half = |number: u64| u32::try_from(number & 0xffff_ffff).unwrap_or_default();
        OpAttributes {
            denominator: half(params >> 32),
            elasticity: half(params),
            min_base_fee: attributes.min_base_fee,
        }
    });
    Ok(Attributes {
        timestamp: attributes.timestamp,
        prev_randao: attributes.prev_randao,
        fee_recipient: attributes.suggested_fee_recipient,
        withdrawals: attributes.withdrawals.then(Vec::new),
        parent_beacon_block_root: attributes.parent_beacon_block_root,
        gas_limit: Some(attributes.gas_limit),
        forced,
        op,
        ..Attributes::default()
    })
}

/// Returns whether a block is the one that these attributes make.
fn is_derived(block: &SealedBlock, derived: &DerivedAttributes) -> bool {
    let (header, attributes) = (block.header(), &derived.attributes);
    let fields = header.parent_hash == derived.parent.hash
        && header.timestamp == attributes.timestamp
        && header.mix_hash == attributes.prev_randao
        && header.beneficiary == attributes.suggested_fee_recipient
        && header.gas_limit == attributes.gas_limit
        && header.parent_beacon_block_root == attributes.parent_beacon_block_root
        && block.transactions().len() == attributes.transactions.len();
    let same = |(known, raw): (&EthTransaction, &Bytes)| known.encoded() == raw.as_ref();
    fields
        && parameters_match(&header.extra_data, attributes)
        && block.transactions().iter().zip(&attributes.transactions).all(same)
}

/// Returns whether a header's extra data holds the parameters of the base fee that attributes name; zeros stand for the chain's own, which
/// execution has filled in.
pub(super) fn parameters_match(extra_data: &Bytes, attributes: &PayloadAttributes) -> bool {
    let Some(params) = attributes.eip1559_params else { return true };
    let named = extra_data.get(1..9);
    let least = attributes.min_base_fee.map(u64::to_be_bytes);
    (params.is_zero() || named == Some(params.as_slice()))
        && least.is_none_or(|least| extra_data.get(9..17) == Some(least.as_slice()))
}

impl Engine for Embedded {
    fn process(&mut self, attributes: &DerivedAttributes) -> Result<Processed, EngineError> {
        let number = attributes.parent.number.saturating_add(1);
        let known = self.canonical(number)?.filter(|block| is_derived(block, attributes));
        match known {
            Some(block) => Ok(Processed::Valid { hash: block.hash, is_consolidated: true }),
            None => self.execute(attributes),
        }
    }

    fn insert(&mut self, block: &UnsafeBlock) -> Result<Processed, EngineError> {
        let invalid = |reason: String| Ok(Processed::Invalid { reason });
        let decoded: EthBlock = match alloy_rlp::decode_exact(&block.block) {
            Ok(decoded) => decoded,
            Err(error) => return invalid(error.to_string()),
        };
        let hash = decoded.header.hash_slow();
        if hash != block.hash {
            return invalid(format!("expected hash {}, got {hash}", block.hash));
        }
        let (head, parent) = (self.chain.head(), decoded.header.parent_hash);
        if head.hash != parent && head.hash != hash {
            // Only derivation takes blocks off the chain.
            return invalid(format!(
                "expected a block on the head {}, got one on {parent}",
                head.hash
            ));
        }
        match self.chain.insert(decoded) {
            Ok(inserted) => {
                self.chain.set_forkchoice(hash, B256::ZERO, B256::ZERO)?;
                let is_consolidated = inserted == Inserted::Known;
                Ok(Processed::Valid { hash, is_consolidated })
            }
            Err(ImportError::Chain(error)) => Err(error.into()),
            Err(error) => invalid(error.to_string()),
        }
    }

    fn build(&mut self, parent: &L2Ref, attributes: &PayloadAttributes) -> Result<(), EngineError> {
        self.building = Some((parent.hash, attributes.clone()));
        Ok(())
    }

    fn seal(&mut self) -> Result<UnsafeBlock, EngineError> {
        let (parent, attributes) = self.building.take().ok_or(EngineError::NothingBuilding)?;
        let failed = |reason: String| EngineError::Failed { reason };
        if self.chain.head().hash != parent {
            self.chain.set_forkchoice(parent, B256::ZERO, B256::ZERO)?;
        }
        let candidates = self.candidates(&attributes);
        let attributes = payload(&attributes).map_err(failed)?;
        let built = self.chain.build(Some(parent), &attributes, &candidates);
        let built = built.map_err(|error| failed(error.to_string()))?;
        if let Some(pool) = &self.pool {
            for refused in &built.refused {
                tracing::debug!(hash = %refused.hash, error = %refused.error, "a transaction is not taken");
                pool.pool().remove(&refused.hash);
            }
        }
        self.chain.adopt(&built)?;
        let sealed = built.block();
        Ok(UnsafeBlock { hash: sealed.hash, block: alloy_rlp::encode(&sealed.block).into() })
    }

    fn retreat(&mut self, to: &L2Ref) -> Result<(), EngineError> {
        self.building = None;
        self.chain.set_forkchoice(to.hash, B256::ZERO, B256::ZERO)?;
        Ok(())
    }

    fn knows(&mut self, block: &L2Ref) -> Result<bool, EngineError> {
        Ok(self.chain.reader()?.canonical_hash(block.number)? == Some(block.hash))
    }

    fn safe_block(&mut self, number: u64) -> Result<Option<SafeBlock>, EngineError> {
        let Some(block) = self.canonical(number)? else { return Ok(None) };
        let transactions = block.transactions().iter().map(|tx| tx.encoded().into()).collect();
        Ok(Some(SafeBlock { block: self.reference(&block)?, transactions }))
    }

    fn reset(&mut self, _safe: &L2Ref) -> Result<(), EngineError> {
        // What is above may be derived again to the same; if not, building on the parent takes it off the chain.
        Ok(())
    }

    fn safe(&mut self, block: &L2Ref) -> Result<(), EngineError> {
        self.chain.set_forkchoice(self.chain.head().hash, block.hash, B256::ZERO)?;
        Ok(())
    }

    fn finalized(&mut self, block: &L2Ref) -> Result<(), EngineError> {
        self.chain.set_forkchoice(self.chain.head().hash, B256::ZERO, block.hash)?;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), EngineError> {
        Ok(self.chain.flush()?)
    }
}

impl Embedded {
    /// Returns the header's reference of a tag, if there is such a block.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the disk fails.
    pub fn find(&self, tag: BlockTag) -> Result<Option<L2Ref>, EngineError> {
        let reader = self.chain.reader()?;
        let Some(at) = reader.find(tag)? else { return Ok(None) };
        let Some(block) = reader.block(at.hash)? else { return Ok(None) };
        self.reference(&block).map(Some)
    }
}
