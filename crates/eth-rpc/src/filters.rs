//! Filters of clients that poll: what happened since they last asked.
//!
//! # Invariants
//!
//! - There are at most `filters_max` filters, each with at most [`QUEUED_MAX`] things waiting; of more the oldest are forgotten.
//! - A filter nobody asked for its lifetime long is forgotten when the next one is made.
//!
//! **Spec:** execution-apis, `eth_newFilter` and its kin; go-ethereum's `eth/filters/api.go`.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use quintet_eth_chain::{ChainEvent, EthChain, SealedBlock};
use quintet_eth_pool::PoolTransaction;
use quintet_evm::execute::Receipt;
use serde_json::{Value, json};

use crate::{
    args::FilterArgs,
    config::EthRpcConfig,
    error::{EthError, EthResult},
    json::{LogPlace, log, transaction},
};

/// Most things that wait in one filter.
const QUEUED_MAX: usize = 10_000;

/// What a filter looks for.
#[derive(Debug, Clone)]
pub(crate) enum Looks {
    Blocks,
    Pending {
        /// Whole transactions, not their hashes.
        full: bool,
    },
    Logs(Box<FilterArgs>),
}

#[derive(Debug)]
struct Filter {
    looks: Looks,
    waiting: VecDeque<Value>,
    /// When somebody last asked, in seconds.
    asked: u64,
}

impl Filter {
    fn push(&mut self, value: Value) {
        if self.waiting.len() >= QUEUED_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(value);
    }
}

/// All filters.
#[derive(Debug, Clone)]
pub(crate) struct Filters {
    inner: Arc<Mutex<Inner>>,
    most: usize,
    lifetime: u64,
}

#[derive(Debug, Default)]
struct Inner {
    filters: BTreeMap<u128, Filter>,
    made: u64,
}

impl Filters {
    pub(crate) fn new(config: &EthRpcConfig) -> Self {
        let (most, lifetime) = (config.filters_max, config.filter_lifetime);
        Self { inner: Arc::default(), most, lifetime }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a filter and returns its id.
    pub(crate) fn add(&self, looks: Looks, now: u64) -> EthResult<Value> {
        let mut inner = self.inner();
        inner.filters.retain(|_, filter| now.saturating_sub(filter.asked) <= self.lifetime);
        if inner.filters.len() >= self.most {
            let most = self.most;
            return Err(EthError::server(format!(
                "there are {most} filters, as many as may be: uninstall one, or subscribe over a WebSocket"
            )));
        }
        inner.made += 1;
        // Nobody else's filter is guessed: the id is a keyed hash of its number.
        let id = id_of(inner.made);
        inner.filters.insert(id, Filter { looks, waiting: VecDeque::new(), asked: now });
        Ok(Value::String(format!("{id:#x}")))
    }

    /// Ends a filter; false if there is none.
    pub(crate) fn remove(&self, id: u128) -> bool {
        self.inner().filters.remove(&id).is_some()
    }

    /// Returns what happened since somebody last asked.
    pub(crate) fn changes(&self, id: u128, now: u64) -> EthResult<Value> {
        let mut inner = self.inner();
        let filter = inner.filters.get_mut(&id).ok_or_else(unknown)?;
        filter.asked = now;
        Ok(Value::Array(std::mem::take(&mut filter.waiting).into()))
    }

    /// Returns what a filter of logs looks for.
    pub(crate) fn logs_of(&self, id: u128, now: u64) -> EthResult<FilterArgs> {
        let mut inner = self.inner();
        let filter = inner.filters.get_mut(&id).ok_or_else(unknown)?;
        filter.asked = now;
        match &filter.looks {
            Looks::Logs(args) => Ok((**args).clone()),
            Looks::Blocks | Looks::Pending { .. } => Err(unknown()),
        }
    }

    pub(crate) fn on_pending(&self, pending: &[Arc<PoolTransaction>]) {
        for filter in self.inner().filters.values_mut() {
            let Looks::Pending { full } = filter.looks else { continue };
            for one in pending {
                filter.push(if full {
                    transaction(one.transaction(), Some(one.sender()), None)
                } else {
                    json!(one.hash())
                });
            }
        }
    }

    pub(crate) fn on_event(&self, event: &ChainEvent, chain: &EthChain) {
        match event {
            ChainEvent::Connected { block, receipts } => self.add_block(block, receipts, false),
            ChainEvent::Disconnected(blocks) => {
                let Ok(reader) = chain.reader() else { return };
                for at in blocks.iter() {
                    if let Ok(Some((block, receipts))) = reader.block_with_receipts(at.hash) {
                        self.add_block(&block, &receipts, true);
                    }
                }
            }
            ChainEvent::Forkchoice(_) => {}
        }
    }

    fn add_block(&self, block: &SealedBlock, receipts: &[Receipt], removed: bool) {
        for filter in self.inner().filters.values_mut() {
            let found = match &filter.looks {
                Looks::Blocks if !removed => vec![json!(block.hash)],
                Looks::Logs(args) => logs_of(args, block, receipts, removed),
                Looks::Blocks | Looks::Pending { .. } => continue,
            };
            found.into_iter().for_each(|value| filter.push(value));
        }
    }
}

/// Spreads ids over all numbers.
fn id_of(made: u64) -> u128 {
    use std::hash::{BuildHasher as _, RandomState};
    thread_local! {
        static KEY: RandomState = RandomState::new();
    }
    let half = |salt: u64| KEY.with(|key| key.hash_one((made, salt)));
    u128::from(half(0)) << 64 | u128::from(half(1))
}

fn unknown() -> EthError {
    EthError::server("filter not found")
}

/// Returns a block's logs that are looked for, written.
pub(crate) fn logs_of(
    args: &FilterArgs,
    block: &SealedBlock,
    receipts: &[Receipt],
    removed: bool,
) -> Vec<Value> {
    let header = block.header();
    let mut out = Vec::new();
    let mut index = 0;
    for (at, (receipt, transaction)) in receipts.iter().zip(block.transactions()).enumerate() {
        for one in &receipt.logs {
            if args.takes(one) {
                let place = LogPlace {
                    block: Some(block.hash),
                    number: header.number,
                    timestamp: header.timestamp,
                    transaction: transaction.hash(),
                    transaction_index: at,
                    index,
                    removed,
                };
                out.push(log(one, &place));
            }
            index += 1;
        }
    }
    out
}
