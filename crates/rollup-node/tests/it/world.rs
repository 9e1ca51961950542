//! One rollup on one made L1, and what drives derivation from it.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use quintet_rollup_node::{
    derive::{DerivedBlock, DriveError, Driver, DriverOptions, Progress, SafeHeads, StartAt},
    engine::{Embedded, Engine, Unexecuted},
    l1::{
        L1Source,
        beacon::{Beacon, BeaconOptions},
        endpoint::Limits,
        prefetch::PrefetchOptions,
        rpc::{RpcL1, RpcOptions},
        transport::Transport,
    },
    testing::{Batcher, FakeNode, MadeL1, Manners, Sequencer},
};
use quintet_rollup_protocol::{batch::SingularBatch, refs::L2Ref};
use tokio::runtime::Runtime;

/// Longest time a test waits for one thing.
const PATIENCE: Duration = Duration::from_secs(60);

/// A rollup and its L1.
pub(crate) struct World {
    pub(crate) l1: Arc<Mutex<MadeL1>>,
    pub(crate) sequencer: Sequencer,
    pub(crate) batcher: Batcher,
    pub(crate) runtime: Runtime,
}

/// How batches are posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Calldata,
    Blobs,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::on(MadeL1::default())
    }

    /// A rollup on an L1 that begins at a time.
    pub(crate) fn beginning_at(time: u64) -> Self {
        Self::on(MadeL1::beginning_at(time))
    }

    fn on(l1: MadeL1) -> Self {
        let inbox = "0xff00000000000000000000000000000000000901".parse().unwrap();
        let batcher = Batcher::new(900, inbox);
        let sequencer = Sequencer::new(&l1, batcher.address()).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Self { l1: Arc::new(Mutex::new(l1)), sequencer, batcher, runtime: runtime.unwrap() }
    }

    /// Lets L1 grow by `epochs` blocks and the rollup with it, posting the blocks of each in the block after it.
    pub(crate) fn grow(&mut self, epochs: u64, by: By, span: bool) {
        self.grow_with(epochs, by, span, |number| usize::try_from(number % 4).unwrap());
    }

    fn grow_with(&mut self, epochs: u64, by: By, span: bool, count: fn(u64) -> usize) {
        let mut l1 = self.l1.lock().unwrap();
        for _ in 0..epochs {
            let number = l1.newest().header.number;
            let mut batches: Vec<SingularBatch> = Vec::new();
            while (self.sequencer.head().number + 1) / 3 <= number {
                let count = count(self.sequencer.head().number);
                batches.push(self.sequencer.next(&l1, count).unwrap());
            }
            let config = Arc::clone(self.sequencer.config());
            let pieces = self.batcher.channel(&batches, span.then_some(&config));
            let post = match by {
                By::Calldata => self.batcher.calldata(&pieces),
                By::Blobs => self.batcher.blobs(&pieces),
            };
            l1.mine(post.transactions, Vec::new(), post.blobs);
        }
    }

    /// Lets L1 and the rollup grow by blocks without transactions, posted as calldata.
    pub(crate) fn grow_empty(&mut self, epochs: u64) {
        self.grow_with(epochs, By::Calldata, false, |_| 0);
    }

    /// Reorganises the newest blocks of L1 away, and the rollup's that stood on them.
    pub(crate) fn reorganise(&mut self, depth: usize) {
        let mut l1 = self.l1.lock().unwrap();
        l1.reorganise(depth);
        // The blocks of the newest epoch that is left were posted behind it.
        self.sequencer.forget(l1.newest().header.number.saturating_sub(1));
    }

    pub(crate) fn node(&self, manners: Manners) -> FakeNode {
        FakeNode::start(Arc::clone(&self.l1), manners).unwrap()
    }

    pub(crate) fn options(&self) -> RpcOptions {
        RpcOptions {
            pause: Duration::from_millis(5),
            rounds: 6,
            limits: Limits { timeout: Duration::from_secs(5), ..Limits::default() },
            ..RpcOptions::new(900, self.sequencer.config().batch_inbox)
        }
    }

    pub(crate) fn source(&self, nodes: &[&FakeNode], options: RpcOptions) -> Arc<RpcL1> {
        let urls: Vec<_> = nodes.iter().map(|node| node.url()).collect();
        let transport = Transport::default();
        let limits = options.limits;
        let beacon = BeaconOptions { pause: options.pause, limits, ..BeaconOptions::default() };
        let beacon = Beacon::new(&urls, beacon, &transport).unwrap();
        Arc::new(RpcL1::new(&urls, Some(beacon), options, &transport).unwrap())
    }

    pub(crate) fn embedded(&self) -> Embedded {
        let config = self.sequencer.config();
        let spec = Embedded::spec(self.sequencer.genesis_json().as_bytes(), config).unwrap();
        Embedded::in_memory(spec, Arc::clone(config)).unwrap()
    }

    pub(crate) fn driver<E: Engine>(
        &self,
        source: Arc<dyn L1Source>,
        engine: E,
        record: SafeHeads,
        last: Option<u64>,
    ) -> Result<Driver<E>, DriveError> {
        let config = Arc::clone(self.sequencer.config());
        let start = StartAt::genesis(&config);
        let prefetch =
            PrefetchOptions { poll: Duration::from_millis(10), last, ..PrefetchOptions::default() };
        let options = DriverOptions { prefetch, ..DriverOptions::default() };
        let handle = self.runtime.handle().clone();
        Driver::open(config, source, engine, record, start, options, handle)
    }

    pub(crate) fn memory(&self) -> SafeHeads {
        SafeHeads::memory(self.sequencer.config()).unwrap()
    }

    pub(crate) fn newest(&self) -> u64 {
        self.l1.lock().unwrap().newest().header.number
    }

    /// Derives everything there is with a new driver that executes nothing.
    pub(crate) fn derive(
        &self,
        source: Arc<dyn L1Source>,
    ) -> Result<Vec<DerivedBlock>, DriveError> {
        let mut driver =
            self.driver(source, Unexecuted::default(), self.memory(), Some(self.newest()))?;
        to_the_end(&mut driver)
    }

    /// Asserts that these blocks are the sequencer's, as far as one can know without executing.
    pub(crate) fn assert_same(&self, derived: &[DerivedBlock]) {
        let expected: Vec<L2Ref> = self.sequencer.blocks().skip(1).copied().collect();
        assert!(!expected.is_empty());
        assert_eq!(derived.len(), expected.len());
        for (derived, expected) in derived.iter().zip(&expected) {
            assert_eq!(derived.block.number, expected.number);
            assert_eq!(derived.block.l1_origin, expected.l1_origin);
            assert_eq!(derived.block.timestamp, expected.timestamp);
            assert_eq!(derived.block.parent_hash, expected.parent_hash);
        }
    }
}

/// Steps until the last block asked for has been read.
pub(crate) fn to_the_end<E: Engine>(
    driver: &mut Driver<E>,
) -> Result<Vec<DerivedBlock>, DriveError> {
    let mut blocks = Vec::new();
    let begun = Instant::now();
    loop {
        match driver.step()? {
            Progress::Block(block) => blocks.push(block),
            Progress::Done => return Ok(blocks),
            Progress::Reset { safe, .. } => {
                blocks.retain(|block| block.block.number <= safe.number)
            }
            _ => {}
        }
        assert!(begun.elapsed() < PATIENCE, "not done, at {:?}", driver.origin());
    }
}

/// Steps until the safe head is this block; returns the resets on the way.
pub(crate) fn until_safe<E: Engine>(driver: &mut Driver<E>, hash: alloy_primitives::B256) -> usize {
    let begun = Instant::now();
    let mut resets = 0;
    while driver.safe_head().hash != hash {
        if let Progress::Reset { .. } = driver.step().unwrap() {
            resets += 1;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "safe head {:?} at {:?}",
            driver.safe_head(),
            driver.origin()
        );
    }
    resets
}
