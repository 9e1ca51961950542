//! L1 blocks fetched ahead of derivation: many in flight, given out in order and linked by hash.
//!
//! ```text
//!   numbers ──► N tasks: block ─► receipts, where the bloom may hold what counts ─► the batcher's blobs
//!                  └──► in order ──► does it build on the one before? ──► bounded channel ──► derivation
//!                                          └─ no: Reorged, and the end; whoever reads begins again elsewhere
//! ```
//!
//! # Invariants
//!
//! - At most [`PrefetchOptions::in_flight`] blocks are under way, and as many wait to be read.
//! - Blocks come out in the order of their numbers, each building on the one before.
//! - Nothing goes on after the value is dropped.
//!
//! **Spec:** `protocol/derivation.md`, "L1 Traversal".

use std::{sync::Arc, time::Duration};

use alloy_consensus::Receipt;
use alloy_eips::BlockNumHash;
use alloy_primitives::{Address, B256, Bytes};
use futures_util::{StreamExt as _, stream::FuturesOrdered};
use quintet_rollup_protocol::{
    config::{Fork, RollupConfig},
    deposit::DEPOSIT_TOPIC,
    inbox::{InboxPayload, InboxTx},
    pipeline::Ahead,
    refs::L1Ref,
    system::CONFIG_UPDATE_TOPIC,
    view::{L1Header, L1View, LogMask},
};
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    L1Block, L1Error, L1Label, L1Source,
    ahead::{AheadChannel, Inflating},
};

/// Blocks in flight where nobody says otherwise.
pub const IN_FLIGHT_DEFAULT: usize = 32;
/// Most blocks in flight.
pub const IN_FLIGHT_MAX: usize = 256;

/// How blocks are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrefetchOptions {
    /// Blocks under way at once, at least one and at most [`IN_FLIGHT_MAX`].
    pub in_flight: usize,
    /// Time between two looks at L1's head once it is reached.
    pub poll: Duration,
    /// Blocks the head is kept away from.
    pub confirmations: u64,
    /// The last block to fetch, if there is a last one.
    pub last: Option<u64>,
}

impl Default for PrefetchOptions {
    fn default() -> Self {
        Self {
            in_flight: IN_FLIGHT_DEFAULT,
            poll: Duration::from_secs(4),
            confirmations: 0,
            last: None,
        }
    }
}

/// A block with all that derivation will ask for, as far as that could be foreseen.
#[derive(Debug, Clone)]
pub struct FetchedBlock {
    /// The block.
    pub block: L1Block,
    /// Its receipts, if its bloom may hold a log that counts.
    pub receipts: Option<Vec<Receipt>>,
    /// Blobs of the batcher's transactions, by their versioned hashes.
    pub blobs: Vec<(B256, Bytes)>,
    /// Channels it completes, which are being inflated.
    pub channels: Vec<Arc<AheadChannel>>,
}

/// A block alone, as the channels it completes are looked for in it.
impl L1View for FetchedBlock {
    fn header(&self, number: u64) -> Option<&L1Header> {
        Some(&self.block.header).filter(|header| header.block.number == number)
    }

    fn inbox(&self, block: &L1Ref) -> Option<&[InboxTx]> {
        (self.block.header.block == *block).then_some(self.block.inbox.as_slice())
    }

    fn receipts(&self, block: &L1Ref) -> Option<&[Receipt]> {
        self.receipts.as_deref().filter(|_| self.block.header.block == *block)
    }

    fn blob(&self, block: &L1Ref, hash: &B256) -> Option<&[u8]> {
        let found = self.blobs.iter().find(|(known, _)| known == hash);
        found.filter(|_| self.block.header.block == *block).map(|(_, blob)| blob.as_ref())
    }
}

/// What happened on L1.
#[derive(Debug)]
pub enum L1Event {
    /// The next block.
    Block(Box<FetchedBlock>),
    /// Every block up to this one has been given out; more are waited for.
    AtHead(L1Ref),
    /// L1 says that this block is final.
    Finalized(L1Ref),
    /// The block after the last one given out builds on another one, or the last one is none of L1's any more. Nothing follows.
    Reorged {
        /// The last block given out.
        expected: BlockNumHash,
        /// What stands in its place, or what the next one builds on.
        actual: B256,
    },
    /// L1 gave no answer. Nothing follows.
    Failed(L1Error),
}

/// Blocks that are being fetched.
#[derive(Debug)]
pub struct Prefetch {
    events: mpsc::Receiver<L1Event>,
    _task: AbortOnDropHandle<()>,
}

impl Prefetch {
    /// Begins at a number. `batcher` says whose blobs to fetch ahead; it follows what derivation finds.
    #[must_use]
    pub fn start(
        runtime: &Handle,
        source: Arc<dyn L1Source>,
        config: Arc<RollupConfig>,
        batcher: watch::Receiver<Address>,
        from: u64,
        options: PrefetchOptions,
    ) -> Self {
        let in_flight = options.in_flight.clamp(1, IN_FLIGHT_MAX);
        let (sender, events) = mpsc::channel(in_flight);
        let counted = [
            LogMask::new(config.deposit_contract, DEPOSIT_TOPIC),
            LogMask::new(config.l1_system_config, CONFIG_UPDATE_TOPIC),
        ];
        let inflating = Inflating::new(Arc::clone(&config));
        let ahead = Ahead::new(Arc::clone(&config));
        let fetcher = Arc::new(Fetcher { source, config, batcher, counted });
        let options = PrefetchOptions { in_flight, ..options };
        let run = Run {
            fetcher,
            options,
            sender,
            ahead,
            inflating,
            next: from,
            last: None,
            head: None,
            finalized: 0,
        };
        let task = AbortOnDropHandle::new(runtime.spawn(run.all()));
        Self { events, _task: task }
    }

    /// Waits for the next event; `None` after the last.
    pub async fn next(&mut self) -> Option<L1Event> {
        self.events.recv().await
    }
}

/// Fetches single blocks.
#[derive(Debug)]
struct Fetcher {
    source: Arc<dyn L1Source>,
    config: Arc<RollupConfig>,
    batcher: watch::Receiver<Address>,
    /// Logs that count.
    counted: [LogMask; 2],
}

impl Fetcher {
    async fn fetch(&self, number: u64) -> Result<Option<FetchedBlock>, L1Error> {
        let Some(block) = self.source.block(number).await? else { return Ok(None) };
        let (config, header) = (&self.config, &block.header);
        let counts = self.counted.iter().any(|logs| header.may_hold(logs));
        let blobs = async {
            let batcher = *self.batcher.borrow();
            let blobs = config.is_active(Fork::Ecotone, header.block.timestamp);
            let hashes = if blobs { blob_hashes(&block, batcher) } else { Vec::new() };
            if hashes.is_empty() {
                return Ok(Vec::new());
            }
            let found = self.source.blobs(&header.block, &hashes).await?;
            Ok(hashes.into_iter().zip(found).collect())
        };
        let receipts = async {
            if !counts {
                return Ok(None);
            }
            self.source.receipts(&header.block, block.receipts_root).await.map(Some)
        };
        let (receipts, blobs) = tokio::try_join!(receipts, blobs)?;
        Ok(Some(FetchedBlock { block, receipts, blobs, channels: Vec::new() }))
    }
}

/// Hashes of the blobs a sender put into a block, each once.
fn blob_hashes(block: &L1Block, batcher: Address) -> Vec<B256> {
    let mut all = Vec::new();
    for tx in block.inbox.iter().filter(|tx| tx.sender == batcher) {
        if let InboxPayload::Blobs { hashes, .. } = &tx.payload {
            all.extend(hashes);
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// One run from a number on.
struct Run {
    fetcher: Arc<Fetcher>,
    options: PrefetchOptions,
    sender: mpsc::Sender<L1Event>,
    ahead: Ahead,
    inflating: Inflating,
    next: u64,
    last: Option<L1Ref>,
    head: Option<L1Ref>,
    finalized: u64,
}

/// Whether to go on.
type Flow = std::ops::ControlFlow<()>;

impl Run {
    async fn all(mut self) {
        let mut under_way = FuturesOrdered::new();
        loop {
            let limit = self.limit();
            while under_way.len() < self.options.in_flight && limit.is_some_and(|l| self.next <= l)
            {
                let (fetcher, number) = (Arc::clone(&self.fetcher), self.next);
                let fetch = async move { (number, fetcher.fetch(number).await) };
                under_way.push_back(AbortOnDropHandle::new(tokio::spawn(fetch)));
                self.next += 1;
            }
            let flow = match under_way.next().await {
                None => self.look().await,
                Some(Ok((_, Ok(Some(block))))) => self.give(block).await,
                Some(Ok((number, Ok(None)))) => {
                    // It was there, or so the head said: a reorganisation, or a node that lags.
                    under_way.clear();
                    self.next = number;
                    self.head = None;
                    self.wait().await
                }
                Some(Ok((_, Err(error)))) => self.tell_last(L1Event::Failed(error)).await,
                // The runtime is closing.
                Some(Err(_)) => Flow::Break(()),
            };
            if flow.is_break() {
                return;
            }
        }
    }

    /// The last block that may be fetched now.
    fn limit(&self) -> Option<u64> {
        let head = self.head?.number.checked_sub(self.options.confirmations)?;
        Some(self.options.last.map_or(head, |last| head.min(last)))
    }

    async fn wait(&self) -> Flow {
        tokio::select! {
            () = tokio::time::sleep(self.options.poll) => Flow::Continue(()),
            () = self.sender.closed() => Flow::Break(()),
        }
    }

    async fn tell(&self, event: L1Event) -> Flow {
        match self.sender.send(event).await {
            Ok(()) => Flow::Continue(()),
            Err(_) => Flow::Break(()),
        }
    }

    async fn tell_last(&self, event: L1Event) -> Flow {
        let _told = self.tell(event).await;
        Flow::Break(())
    }

    /// Gives a block out if it builds on the one before.
    async fn give(&mut self, mut block: FetchedBlock) -> Flow {
        let this = block.block.header.block;
        if let Some(last) = self.last.filter(|last| last.hash != this.parent_hash) {
            let event = L1Event::Reorged { expected: last.id(), actual: this.parent_hash };
            return self.tell_last(event).await;
        }
        self.last = Some(this);
        let batcher = *self.fetcher.batcher.borrow();
        let channels = self.ahead.advance(this, batcher, &block);
        let begin = |pieces| self.inflating.begin(pieces, this.timestamp);
        block.channels = channels.into_iter().map(begin).collect();
        self.tell(L1Event::Block(Box::new(block))).await
    }

    /// Nothing is under way: looks where L1's head is.
    async fn look(&mut self) -> Flow {
        let done = self.options.last.is_some_and(|last| self.next > last);
        let head = match self.fetcher.source.head(L1Label::Latest).await {
            Ok(head) => head,
            Err(error) => return self.tell_last(L1Event::Failed(error)).await,
        };
        if let (Some(head), Some(last)) = (head, self.last)
            && head.number == last.number
            && head.hash != last.hash
        {
            let event = L1Event::Reorged { expected: last.id(), actual: head.hash };
            return self.tell_last(event).await;
        }
        let news = head.filter(|head| self.head.is_none_or(|known| known.hash != head.hash));
        if let Some(head) = news {
            self.head = Some(head);
            if self.look_at_final().await.is_break() {
                return Flow::Break(());
            }
            if !done && self.limit().is_some_and(|limit| self.next <= limit) {
                return Flow::Continue(());
            }
            if let Some(last) = self.last {
                self.tell(L1Event::AtHead(last)).await?;
            }
        }
        self.wait().await
    }

    async fn look_at_final(&mut self) -> Flow {
        // That L1 cannot say what is final stops nothing.
        let found = self.fetcher.source.head(L1Label::Finalized).await.ok().flatten();
        match found.filter(|block| block.number > self.finalized) {
            Some(block) => {
                self.finalized = block.number;
                self.tell(L1Event::Finalized(block)).await
            }
            None => Flow::Continue(()),
        }
    }
}
