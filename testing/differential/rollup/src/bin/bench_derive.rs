//! `bench_derive VECTORS`: L2 blocks a second from real channels in memory, this project and kona by turns, on one core.
//!
//! kona is handed transactions that are decoded, this project raw ones: it scans them for the inbox. Both derive attributes; nothing
//! is executed.

use std::{path::PathBuf, sync::Arc};

use alloy_consensus_reference::{Header, Receipt, TxEnvelope};
use alloy_eips_reference::{
    BlockNumHash,
    eip4844::{Blob, IndexedBlobHash},
};
use alloy_primitives::{Address, B256, Bytes};
use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use clap::Parser;
use differential_rollup::{
    fixture::{Fixture, FixtureBlock, singular, span},
    kona::block_on,
};
use kona_derive::{
    BlobProvider, ChainProvider, DataAvailabilityProvider, EthereumDataSource, L2ChainProvider,
    Pipeline, PipelineBuilder, PipelineError, PipelineErrorKind, PipelineResult, ResetSignal,
    SignalReceiver, StatefulAttributesBuilder, StepResult,
};
use kona_genesis::{RollupConfig, SystemConfig};
use kona_protocol::{BatchValidationProvider, BlockInfo, L2BlockInfo};
use nix::time::{ClockId, clock_gettime};
use op_alloy_consensus_reference::OpBlock;
use quintet_rollup_protocol::{
    inbox::{InboxPayload, InboxTx, scan::scan},
    pipeline::{Pipeline as Ours, Start, Step},
    refs::{L1Ref, NoBlocks},
    view::{L1Header, L1View, Need},
};

/// Measures derivation in memory.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder of the rollup's vectors.
    vectors: PathBuf,
    /// Runs of each.
    #[arg(long, default_value_t = 40)]
    rounds: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    for (name, fixture) in [
        ("singular batches, 123 blocks", singular(&arguments.vectors)?),
        ("span batch, 143 blocks", span(&arguments.vectors)?),
    ] {
        let fixture = fixture.shared();
        let blocks = fixture.hashes.len();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..arguments.rounds {
            let (time, mine) = timed(|| ours_once(&fixture))?;
            ours.push(time);
            let (time, other) = timed(|| block_on(kona_once(&fixture)))?;
            theirs.push(time);
            ensure!(mine == other, "{name}: {mine:?} here and {other:?} there");
            ensure!(mine.0 == blocks, "{name}: expected {blocks} blocks, got {}", mine.0);
        }
        let (ours, theirs) = (median(&mut ours), median(&mut theirs));
        let micros = |seconds: f64| seconds * 1e6 / blocks as f64;
        println!(
            "{name}: ours {:.2} us a block, {:.0} a second; kona {:.2} us, {:.0} a second; {:.2} times",
            micros(ours),
            blocks as f64 / ours,
            micros(theirs),
            blocks as f64 / theirs,
            theirs / ours
        );
    }
    Ok(())
}

/// Runs once and returns the time this thread was on a core, in seconds.
fn timed<T>(run: impl FnOnce() -> Result<T>) -> Result<(f64, T)> {
    let now = || -> Result<f64> {
        let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
        Ok(time.tv_sec() as f64 + time.tv_nsec() as f64 / 1e9)
    };
    let begin = now()?;
    let result = run()?;
    Ok((now()? - begin, result))
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Blocks, transactions, and bytes of the sequencer's.
type Counted = (usize, usize, usize);

fn count(counted: &mut Counted, transactions: &[Bytes]) {
    counted.0 += 1;
    counted.1 += transactions.len();
    let users = transactions.iter().filter(|tx| tx.first() != Some(&0x7e));
    counted.2 += users.map(|tx| tx.len()).sum::<usize>();
}

struct OurL1 {
    fixture: Arc<Fixture>,
    inbox: Vec<Vec<InboxTx>>,
}

impl OurL1 {
    fn new(fixture: &Arc<Fixture>) -> Self {
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
        Self { inbox: inbox.collect(), fixture: Arc::clone(fixture) }
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
}

fn ours_once(fixture: &Arc<Fixture>) -> Result<Counted> {
    let l1 = OurL1::new(fixture);
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
        match pipeline.poll(&l1, &NoBlocks)? {
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

async fn kona_once(fixture: &Arc<Fixture>) -> Result<Counted> {
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
