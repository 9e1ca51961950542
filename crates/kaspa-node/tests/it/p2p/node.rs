//! A node with a network, and a pool that takes every transaction it is told of.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};

use quintet_kaspa_node::{
    consensus::{Consensus, MemoryLedger, Options, Outcome},
    p2p::{Network, Settings},
    pipeline::{Pipeline, PipelineOptions},
    ports::{Ledger, PoolRefusal, Submitted, TransactionPool},
};
use quintet_kaspa_protocol::{block::Block, params::Params, tx::Transaction};
use quintet_net::dial::Target;
use quintet_primitives::Hash256;
use tokio_util::sync::CancellationToken;

use crate::lab::{clock, miner};

/// How long anything may take before a test gives up on it.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Takes everything.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<HashMap<Hash256, Arc<Transaction>>>);

impl TransactionPool for Pool {
    fn has(&self, id: &Hash256) -> bool {
        self.0.lock().unwrap().contains_key(id)
    }

    fn get(&self, id: &Hash256) -> Option<Arc<Transaction>> {
        self.0.lock().unwrap().get(id).cloned()
    }

    fn submit(&self, transactions: Vec<Transaction>) -> Vec<Result<Submitted, PoolRefusal>> {
        let mut pool = self.0.lock().unwrap();
        let take = |tx: Transaction| {
            let id = tx.id();
            if tx.inputs.is_empty() {
                return Err(PoolRefusal::Invalid { id, reason: "no inputs".to_owned() });
            }
            pool.insert(id, Arc::new(tx));
            Ok(Submitted::Accepted(vec![id]))
        };
        transactions.into_iter().map(take).collect()
    }
}

/// A node.
pub(super) struct Node {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) network: Network,
    pub(super) pool: Arc<Pool>,
    pub(super) time: Arc<AtomicU64>,
    cancel: CancellationToken,
}

impl Node {
    /// Starts a node that listens and is connected to others.
    pub(super) async fn start(params: &Params, time: &Arc<AtomicU64>, peers: &[&Self]) -> Self {
        let connect = peers.iter().map(|peer| peer.target()).collect();
        Self::with(params, time, Settings { add: connect, ..Self::settings(time) }).await
    }

    pub(super) fn settings(time: &Arc<AtomicU64>) -> Settings {
        Settings {
            listen: Some("127.0.0.1:0".parse().unwrap()),
            allow_local: true,
            outbound: 0,
            clock: clock(time),
            ..Settings::default()
        }
    }

    pub(super) async fn with(params: &Params, time: &Arc<AtomicU64>, settings: Settings) -> Self {
        Self::over(params, time, settings, Arc::new(MemoryLedger::new())).await
    }

    /// The same over a ledger.
    pub(super) async fn over(
        params: &Params,
        time: &Arc<AtomicU64>,
        settings: Settings,
        ledger: Arc<dyn Ledger>,
    ) -> Self {
        let options = Options { threads: 2, clock: clock(time), ..Options::default() };
        let consensus = Arc::new(Consensus::open(params.clone(), options, ledger).unwrap());
        let pipeline = Pipeline::start(consensus, &PipelineOptions::default()).unwrap();
        let (pipeline, pool) = (Arc::new(pipeline), Arc::new(Pool::default()));
        let cancel = CancellationToken::new();
        let door = Arc::clone(&pool) as Arc<dyn TransactionPool>;
        let network =
            Network::start(settings, Arc::clone(&pipeline), door, cancel.clone()).await.unwrap();
        Self { pipeline, network, pool, time: Arc::clone(time), cancel }
    }

    pub(super) fn target(&self) -> Target {
        Target::Addr(self.network.local_address().unwrap())
    }

    pub(super) fn consensus(&self) -> &Arc<Consensus> {
        self.pipeline.consensus()
    }

    pub(super) fn take(&self, block: &Block) {
        let outcome = self.pipeline.submit_block(block.clone()).wait().unwrap();
        assert!(matches!(outcome, Outcome::Accepted(_) | Outcome::Known(_)), "{outcome:?}");
    }

    /// Finds a block and tells nobody.
    pub(super) fn mine(&self, nonce: u64) -> Block {
        self.time.fetch_add(100, std::sync::atomic::Ordering::Relaxed);
        let template = self.consensus().build_block_template(miner(), vec![]).unwrap().unwrap();
        let mut block = template.block;
        block.header.nonce = nonce;
        self.take(&block);
        block
    }

    /// Finds blocks one on the other.
    pub(super) fn mine_many(&self, count: u64, nonce: u64) {
        (0..count).for_each(|_| {
            self.mine(nonce);
        });
    }

    pub(super) async fn stop(self) {
        self.cancel.cancel();
        tokio::time::timeout(PATIENCE, self.network.stopped()).await.unwrap();
    }
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = std::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(std::time::Instant::now() < until, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
