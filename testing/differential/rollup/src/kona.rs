//! kona's derivation of a case.

use std::{
    fmt,
    future::Future,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use alloy_consensus_reference::{Header, Receipt, TxEnvelope};
use alloy_eips_reference::{BlockNumHash, eip2718::Decodable2718};
use alloy_primitives::{Address, B256, Bytes};
use async_trait::async_trait;
use kona_derive::{
    ActivationSignal, ChainProvider, DataAvailabilityProvider, L2ChainProvider, OriginProvider,
    Pipeline, PipelineBuilder, PipelineError, PipelineErrorKind, PipelineResult, ResetError,
    SignalReceiver, StatefulAttributesBuilder, StepResult,
};
use kona_genesis::{RollupConfig, SystemConfig};
use kona_protocol::{BatchValidationProvider, BlockInfo, L2BlockInfo};
use op_alloy_consensus_reference::{OpBlock, OpTxEnvelope};
use quintet_rollup_protocol::system::SystemConfig as OurSystemConfig;

use crate::{
    Block, block_hash,
    chain::{Chain, L1, L1Block},
};

/// Steps without a block or a new L1 block after which kona is taken to stand still.
const STEPS_MAX: u32 = 20_000;

/// Runs a future that never waits for anything outside.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// Why a provider has no answer.
#[derive(Debug, Clone)]
pub struct Missing(String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Missing> for PipelineErrorKind {
    fn from(missing: Missing) -> Self {
        PipelineError::Provider(missing.0).temp()
    }
}

#[derive(Debug, Clone)]
struct L1Source(Arc<L1>);

fn info(block: &L1Block) -> BlockInfo {
    BlockInfo {
        hash: block.hash,
        number: block.header.number,
        parent_hash: block.header.parent_hash,
        timestamp: block.header.timestamp,
    }
}

impl L1Source {
    fn by_hash(&self, hash: B256) -> Result<&L1Block, Missing> {
        self.0.by_hash(&hash).ok_or_else(|| Missing(format!("L1 block {hash}")))
    }
}

#[async_trait]
impl ChainProvider for L1Source {
    type Error = Missing;

    async fn header_by_hash(&mut self, hash: B256) -> Result<Header, Missing> {
        Ok(self.by_hash(hash)?.header.clone())
    }

    async fn block_info_by_number(&mut self, number: u64) -> Result<BlockInfo, Missing> {
        let block = usize::try_from(number).ok().and_then(|number| self.0.blocks.get(number));
        block.map(info).ok_or_else(|| Missing(format!("L1 block {number}")))
    }

    async fn receipts_by_hash(&mut self, hash: B256) -> Result<Vec<Receipt>, Missing> {
        Ok(L1::reference_receipts(self.by_hash(hash)?))
    }

    async fn block_info_and_transactions_by_hash(
        &mut self,
        hash: B256,
    ) -> Result<(BlockInfo, Vec<TxEnvelope>), Missing> {
        Ok((info(self.by_hash(hash)?), Vec::new()))
    }
}

/// Hands out the data of each L1 block.
#[derive(Debug)]
struct Data {
    l1: Arc<L1>,
    next: usize,
}

#[async_trait]
impl DataAvailabilityProvider for Data {
    type Item = Bytes;

    async fn next(&mut self, block: &BlockInfo, _batcher: Address) -> PipelineResult<Bytes> {
        let data = self.l1.by_hash(&block.hash).and_then(|block| block.data.get(self.next));
        self.next += 1;
        data.cloned().ok_or(PipelineError::Eof.temp())
    }

    fn clear(&mut self) {
        self.next = 0;
    }
}

/// The chain derived so far.
#[derive(Debug, Default)]
struct Safe {
    blocks: Vec<(L2BlockInfo, Vec<Bytes>)>,
    /// What each block records, as ours says it: nothing in a case depends on a header's other fields.
    systems: Vec<OurSystemConfig>,
}

#[derive(Debug, Clone)]
struct L2Source(Arc<Mutex<Safe>>);

impl L2Source {
    fn read<T>(&self, read: impl FnOnce(&Safe) -> Option<T>, what: &str) -> Result<T, Missing> {
        let missing = || Missing(what.to_owned());
        read(&*self.0.lock().map_err(|_| missing())?).ok_or_else(missing)
    }
}

#[async_trait]
impl BatchValidationProvider for L2Source {
    type Error = Missing;

    async fn l2_block_info_by_number(&mut self, number: u64) -> Result<L2BlockInfo, Missing> {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        self.read(|safe| safe.blocks.get(at).map(|(info, _)| *info), "L2 block")
    }

    async fn block_by_number(&mut self, number: u64) -> Result<OpBlock, Missing> {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        let read = |safe: &Safe| {
            let (info, transactions) = safe.blocks.get(at)?;
            let mut block = OpBlock::default();
            block.header.number = info.block_info.number;
            block.header.timestamp = info.block_info.timestamp;
            block.header.parent_hash = info.block_info.parent_hash;
            for tx in transactions {
                block.body.transactions.push(OpTxEnvelope::decode_2718(&mut tx.as_ref()).ok()?);
            }
            Some(block)
        };
        self.read(read, "L2 block that can be read")
    }
}

#[async_trait]
impl L2ChainProvider for L2Source {
    type Error = Missing;

    async fn system_config_by_number(
        &mut self,
        number: u64,
        _config: Arc<RollupConfig>,
    ) -> Result<SystemConfig, Missing> {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        let system = self.read(|safe| safe.systems.get(at).copied(), "system configuration")?;
        Ok(SystemConfig {
            batcher_address: system.batcher,
            overhead: system.overhead,
            scalar: system.scalar,
            gas_limit: system.gas_limit,
            eip1559_denominator: Some(system.eip1559_denominator),
            eip1559_elasticity: Some(system.eip1559_elasticity),
            operator_fee_scalar: Some(system.operator_fee_scalar),
            operator_fee_constant: Some(system.operator_fee_constant),
            ..SystemConfig::default()
        })
    }
}

/// What was derived.
#[derive(Debug, Default)]
pub struct Derived {
    /// The blocks behind genesis.
    pub blocks: Vec<Block>,
    /// Why it ended before L1 did, if it did.
    pub stopped: Option<String>,
}

fn genesis(chain: &Chain) -> L2BlockInfo {
    let genesis = &chain.ours.genesis;
    L2BlockInfo {
        block_info: BlockInfo {
            hash: genesis.l2.hash,
            number: genesis.l2.number,
            parent_hash: B256::ZERO,
            timestamp: genesis.l2_time,
        },
        l1_origin: BlockNumHash { number: genesis.l1.number, hash: genesis.l1.hash },
        seq_num: 0,
    }
}

/// Derives everything `l1` holds. `systems` are the configurations that blocks record, from genesis on.
#[must_use]
pub fn derive(chain: &Chain, l1: &L1, systems: Vec<OurSystemConfig>) -> Derived {
    block_on(run(chain, Arc::new(l1.clone()), systems))
}

async fn run(chain: &Chain, l1: Arc<L1>, systems: Vec<OurSystemConfig>) -> Derived {
    let mut cursor = genesis(chain);
    let safe = Arc::new(Mutex::new(Safe { blocks: vec![(cursor, vec![])], systems }));
    let (l1_source, l2_source) = (L1Source(Arc::clone(&l1)), L2Source(Arc::clone(&safe)));
    let config = Arc::clone(&chain.kona);
    let builder =
        StatefulAttributesBuilder::new(config.clone(), l2_source.clone(), l1_source.clone());
    let mut pipeline = PipelineBuilder::new()
        .rollup_config(config)
        .dap_source(Data { l1: Arc::clone(&l1), next: 0 })
        .l2_chain_provider(l2_source)
        .chain_provider(l1_source)
        .builder(builder)
        .origin(info(&l1.blocks[0]))
        .build_polled();
    let reset = kona_derive::ResetSignal {
        l2_safe_head: cursor,
        l1_origin: info(&l1.blocks[0]),
        system_config: None,
    };
    let mut derived = Derived::default();
    if let Err(error) = pipeline.signal(reset.signal()).await {
        derived.stopped = Some(error.to_string());
        return derived;
    }
    let mut idle = 0;
    derived.stopped = loop {
        idle += 1;
        if idle > STEPS_MAX {
            break Some("stands still".to_owned());
        }
        match pipeline.step(cursor).await {
            StepResult::PreparedAttributes => {
                idle = 0;
                let Some(attributes) = pipeline.next() else { break Some("nothing".to_owned()) };
                cursor = confirm(attributes, &mut derived, &safe);
            }
            StepResult::AdvancedOrigin => idle = 0,
            StepResult::OriginAdvanceErr(PipelineErrorKind::Reset(
                ResetError::HoloceneActivation,
            )) => {
                let origin = pipeline.origin().unwrap_or_default();
                let signal = ActivationSignal {
                    l2_safe_head: cursor,
                    l1_origin: origin,
                    system_config: None,
                };
                if let Err(error) = pipeline.signal(signal.signal()).await {
                    break Some(error.to_string());
                }
            }
            StepResult::OriginAdvanceErr(PipelineErrorKind::Temporary(_)) => break None,
            StepResult::StepFailed(PipelineErrorKind::Temporary(_)) => {}
            StepResult::OriginAdvanceErr(error) | StepResult::StepFailed(error) => {
                break Some(error.to_string());
            }
        }
    };
    derived
}

fn confirm(
    attributes: kona_protocol::OpAttributesWithParent,
    derived: &mut Derived,
    safe: &Mutex<Safe>,
) -> L2BlockInfo {
    let payload = &attributes.inner.payload_attributes;
    let transactions = attributes.inner.transactions.clone().unwrap_or_default();
    let parent = attributes.parent;
    let hash = block_hash(parent.block_info.hash, payload.timestamp, &transactions);
    let origin = quintet_rollup_protocol::l1_info::L1Info::of_tx(&transactions[0]);
    let (l1_origin, seq_num) = origin.map_or((parent.l1_origin, 0), |info| {
        let id = BlockNumHash { number: info.origin.number, hash: info.origin.hash };
        (id, info.sequence_number)
    });
    let cursor = L2BlockInfo {
        block_info: BlockInfo {
            hash,
            number: parent.block_info.number + 1,
            parent_hash: parent.block_info.hash,
            timestamp: payload.timestamp,
        },
        l1_origin,
        seq_num,
    };
    derived.blocks.push(Block {
        timestamp: payload.timestamp,
        parent_hash: parent.block_info.hash,
        derived_from: attributes.derived_from.map(|block| block.number).unwrap_or_default(),
        prev_randao: payload.prev_randao,
        gas_limit: attributes.inner.gas_limit.unwrap_or_default(),
        beacon_root: payload.parent_beacon_block_root,
        eip1559_params: attributes.inner.eip_1559_params.map(|params| params.0),
        withdrawals: payload.withdrawals.is_some(),
        transactions: transactions.clone(),
    });
    if let Ok(mut safe) = safe.lock() {
        safe.blocks.push((cursor, transactions));
    }
    cursor
}
