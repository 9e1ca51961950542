//! A fixture derived in memory, by this project and by kona.

use std::sync::Arc;

use alloy_consensus_reference::{Header, Receipt, TxEnvelope};
use alloy_eips_reference::{
    BlockNumHash,
    eip4844::{Blob, IndexedBlobHash},
};
use alloy_primitives::{Address, B256, Bytes};
use anyhow::{Context, Result};
use async_trait::async_trait;
use kona_derive::{
    BlobProvider, ChainProvider, DataAvailabilityProvider, EthereumDataSource, L2ChainProvider,
    Pipeline, PipelineBuilder, PipelineError, PipelineErrorKind, PipelineResult, ResetSignal,
    SignalReceiver, StatefulAttributesBuilder, StepResult,
};
use kona_genesis::{RollupConfig, SystemConfig};
use kona_protocol::{BatchValidationProvider, BlockInfo, L2BlockInfo};
use op_alloy_consensus_reference::OpBlock;
use quintet_rollup_protocol::{
    channel::{inflate::InflateError, inflate_at},
    inbox::{InboxPayload, InboxTx, scan::scan},
    pipeline::{Ahead, Pipeline as Ours, Start, Step},
    refs::{L1Ref, NoBlocks},
    view::{L1Header, L1View, Need},
};

use crate::fixture::{Fixture, FixtureBlock};

/// Blocks, transactions, and bytes of the sequencer's.
pub type Counted = (usize, usize, usize);

fn count(counted: &mut Counted, transactions: &[Bytes]) {
    counted.0 += 1;
    counted.1 += transactions.len();
    let users = transactions.iter().filter(|tx| tx.first() != Some(&0x7e));
    counted.2 += users.map(|tx| tx.len()).sum::<usize>();
}

/// A fixture's L1 as this project sees it.
#[derive(Debug)]
pub struct OurL1 {
    fixture: Arc<Fixture>,
    inbox: Vec<Vec<InboxTx>>,
    /// What was inflated ahead: the L1 block, the channel's pieces and its content.
    channels: Vec<(L1Ref, Vec<Bytes>, Bytes)>,
}

impl OurL1 {
    /// Scans the fixture's transactions.
    #[must_use]
    pub fn new(fixture: &Arc<Fixture>) -> Self {
        let config = &fixture.chain.ours;
        let sender = config.genesis.system_config.batcher;
        let inbox = fixture.blocks.iter().map(|block| {
            let mut inbox = scan(&block.raw, config.batch_inbox);
            inbox.extend(
                block
                    .data
                    .iter()
                    .map(|data| InboxTx { sender, payload: InboxPayload::Calldata(data.clone()) }),
            );
            inbox
        });
        Self { inbox: inbox.collect(), fixture: Arc::clone(fixture), channels: Vec::new() }
    }

    /// Takes what was found in the fixture's last L1 blocks.
    #[must_use]
    pub fn with_inbox(fixture: &Arc<Fixture>, found: Vec<Vec<InboxTx>>) -> Self {
        let mut inbox = vec![Vec::new(); fixture.blocks.len().saturating_sub(found.len())];
        inbox.extend(found);
        Self { inbox, fixture: Arc::clone(fixture), channels: Vec::new() }
    }

    /// Scans, puts channels together and inflates them.
    #[must_use]
    pub fn ahead(fixture: &Arc<Fixture>) -> Self {
        let mut l1 = Self::new(fixture);
        let config = &fixture.chain.ours;
        let batcher = config.genesis.system_config.batcher;
        let mut ahead = Ahead::new(Arc::clone(config));
        for block in &fixture.blocks {
            for pieces in ahead.advance(block.block, batcher, &l1) {
                if let Ok(content) = inflate_at(&pieces, config, block.block.timestamp) {
                    l1.channels.push((block.block, pieces, content));
                }
            }
        }
        l1
    }
}

impl L1View for OurL1 {
    fn header(&self, number: u64) -> Option<&L1Header> {
        self.fixture.by_number(number).map(|block| &block.ours)
    }

    fn inbox(&self, block: &L1Ref) -> Option<&[InboxTx]> {
        let first = self.fixture.blocks.first()?.block.number;
        self.inbox.get(usize::try_from(block.number - first).ok()?).map(Vec::as_slice)
    }

    fn receipts(&self, block: &L1Ref) -> Option<&[alloy_consensus::Receipt]> {
        self.fixture.by_number(block.number).map(|block| block.our_receipts.as_slice())
    }

    fn blob(&self, _block: &L1Ref, _hash: &B256) -> Option<&[u8]> {
        None
    }

    fn inflated(&self, block: &L1Ref, pieces: &[Bytes]) -> Option<Result<Bytes, InflateError>> {
        let found = self.channels.iter().find(|(at, known, _)| at == block && known == pieces);
        found.map(|(.., content)| Ok(content.clone()))
    }
}

/// Derives with this project.
///
/// # Errors
///
/// If derivation stops before the fixture's end.
pub fn ours_once(fixture: &Arc<Fixture>) -> Result<Counted> {
    ours_from(fixture, &OurL1::new(fixture))
}

/// Derives with this project from what was prepared.
///
/// # Errors
///
/// As [`ours_once`].
pub fn ours_from(fixture: &Arc<Fixture>, l1: &OurL1) -> Result<Counted> {
    let base = fixture.blocks[0].block;
    let start = Start {
        base,
        base_system: fixture.system,
        safe: fixture.safe,
        safe_system: fixture.system,
    };
    let mut pipeline = Ours::new(Arc::clone(&fixture.chain.ours), &start);
    let mut counted = Counted::default();
    loop {
        match pipeline.poll(l1, &NoBlocks)? {
            Step::Attributes(attributes) => {
                count(&mut counted, &attributes.attributes.transactions);
                let hash = fixture.hashes.get(counted.0 - 1).context("a hash")?;
                pipeline.confirm(*hash)?;
            }
            Step::Advanced { .. } => {}
            Step::NeedL1(Need::Header { .. }) => return Ok(counted),
            other => anyhow::bail!("{other:?}"),
        }
    }
}

#[derive(Debug, Clone)]
struct Source(Arc<Fixture>);

#[derive(Debug, Clone)]
struct Missing;

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not in the fixture")
    }
}

impl From<Missing> for PipelineErrorKind {
    fn from(missing: Missing) -> Self {
        PipelineError::Provider(missing.to_string()).temp()
    }
}

fn info(block: &FixtureBlock) -> BlockInfo {
    let L1Ref { number, hash, parent_hash, timestamp } = block.block;
    BlockInfo { hash, number, parent_hash, timestamp }
}

#[async_trait]
impl ChainProvider for Source {
    type Error = Missing;

    async fn header_by_hash(&mut self, hash: B256) -> Result<Header, Missing> {
        Ok(self.0.by_hash(&hash).ok_or(Missing)?.header.clone())
    }

    async fn block_info_by_number(&mut self, number: u64) -> Result<BlockInfo, Missing> {
        self.0.by_number(number).map(info).ok_or(Missing)
    }

    async fn receipts_by_hash(&mut self, hash: B256) -> Result<Vec<Receipt>, Missing> {
        Ok(self.0.by_hash(&hash).ok_or(Missing)?.receipts.clone())
    }

    async fn block_info_and_transactions_by_hash(
        &mut self,
        hash: B256,
    ) -> Result<(BlockInfo, Vec<TxEnvelope>), Missing> {
        let block = self.0.by_hash(&hash).ok_or(Missing)?;
        Ok((info(block), block.decoded.clone()))
    }
}

#[async_trait]
impl BatchValidationProvider for Source {
    type Error = Missing;

    async fn l2_block_info_by_number(&mut self, _number: u64) -> Result<L2BlockInfo, Missing> {
        Err(Missing)
    }

    async fn block_by_number(&mut self, _number: u64) -> Result<OpBlock, Missing> {
        Err(Missing)
    }
}

#[async_trait]
impl L2ChainProvider for Source {
    type Error = Missing;

    async fn system_config_by_number(
        &mut self,
        _number: u64,
        _config: Arc<RollupConfig>,
    ) -> Result<SystemConfig, Missing> {
        let system = &self.0.system;
        Ok(SystemConfig {
            batcher_address: system.batcher,
            overhead: system.overhead,
            scalar: system.scalar,
            gas_limit: system.gas_limit,
            ..SystemConfig::default()
        })
    }
}

#[async_trait]
impl BlobProvider for Source {
    type Error = Missing;

    async fn get_blobs(
        &mut self,
        _block: &BlockInfo,
        _hashes: &[IndexedBlobHash],
    ) -> Result<Vec<Box<Blob>>, Missing> {
        Err(Missing)
    }
}

/// The fixture's data where it has data, and its transactions where it has those.
#[derive(Debug)]
struct Data {
    fixture: Arc<Fixture>,
    transactions: EthereumDataSource<Source, Source>,
    next: usize,
}

#[async_trait]
impl DataAvailabilityProvider for Data {
    type Item = Bytes;

    async fn next(&mut self, block: &BlockInfo, batcher: Address) -> PipelineResult<Bytes> {
        let data = self.fixture.by_hash(&block.hash).map_or(&[][..], |block| &block.data);
        self.next += 1;
        match data.get(self.next - 1) {
            Some(data) => Ok(data.clone()),
            None if !data.is_empty() => Err(PipelineError::Eof.temp()),
            None => self.transactions.next(block, batcher).await,
        }
    }

    fn clear(&mut self) {
        self.next = 0;
        self.transactions.clear();
    }
}

/// Derives with kona.
///
/// # Errors
///
/// As [`ours_once`].
pub async fn kona_once(fixture: &Arc<Fixture>) -> Result<Counted> {
    let source = Source(Arc::clone(fixture));
    let config = Arc::clone(&fixture.chain.kona);
    let builder = StatefulAttributesBuilder::new(config.clone(), source.clone(), source.clone());
    let transactions = EthereumDataSource::new_from_parts(source.clone(), source.clone(), &config);
    let data = Data { fixture: Arc::clone(fixture), transactions, next: 0 };
    let base = info(&fixture.blocks[0]);
    let mut pipeline = PipelineBuilder::new()
        .rollup_config(config)
        .dap_source(data)
        .l2_chain_provider(source.clone())
        .chain_provider(source)
        .builder(builder)
        .origin(base)
        .build_polled();
    let safe = &fixture.safe;
    let mut cursor = L2BlockInfo {
        block_info: BlockInfo {
            hash: safe.hash,
            number: safe.number,
            parent_hash: safe.parent_hash,
            timestamp: safe.timestamp,
        },
        l1_origin: BlockNumHash { number: safe.l1_origin.number, hash: safe.l1_origin.hash },
        seq_num: safe.sequence_number,
    };
    let reset = ResetSignal { l2_safe_head: cursor, l1_origin: base, system_config: None };
    pipeline.signal(reset.signal()).await.map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut counted = Counted::default();
    loop {
        match pipeline.step(cursor).await {
            StepResult::PreparedAttributes => {
                let attributes = pipeline.next().context("attributes")?;
                let transactions = attributes.inner.transactions.unwrap_or_default();
                count(&mut counted, &transactions);
                cursor = next(&cursor, fixture, counted.0, &transactions[0])?;
            }
            StepResult::AdvancedOrigin => {}
            StepResult::OriginAdvanceErr(PipelineErrorKind::Temporary(_)) => return Ok(counted),
            StepResult::StepFailed(PipelineErrorKind::Temporary(_)) => {}
            other => anyhow::bail!("{other:?}"),
        }
    }
}

fn next(
    cursor: &L2BlockInfo,
    fixture: &Fixture,
    count: usize,
    first: &Bytes,
) -> Result<L2BlockInfo> {
    let info = quintet_rollup_protocol::l1_info::L1Info::of_tx(first)?;
    let origin = fixture.by_number(info.origin.number).context("an origin")?;
    Ok(L2BlockInfo {
        block_info: BlockInfo {
            hash: *fixture.hashes.get(count - 1).context("a hash")?,
            number: cursor.block_info.number + 1,
            parent_hash: cursor.block_info.hash,
            timestamp: cursor.block_info.timestamp + 2,
        },
        l1_origin: BlockNumHash { number: origin.block.number, hash: origin.block.hash },
        seq_num: info.sequence_number,
    })
}
