//! Transactions between pools: what becomes pending here is told to peers once, what they tell is checked and put in.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use alloy_primitives::{Address, B256, Bytes, map::B256Set};
use quintet_eth_chain::EthChain;
use quintet_eth_pool::{KnownSenders, Origin, PoolError, PoolTransaction, verify_all};
use quintet_eth_rpc::PoolService;
use quintet_lux_protocol::wire::{TRANSACTIONS_BYTES_MAX, TRANSACTIONS_MAX, decode_transactions};
use tokio::sync::mpsc;

use crate::p2p::Verdict;

/// Transactions that may wait to be told; what finds no room is told by whoever else has it.
pub(super) const WAITING_MAX: usize = 16_384;
/// Transactions of peers remembered, so that they are not told again.
const HEARD_MAX: usize = 65_536;

/// Transactions that peers told.
#[derive(Debug, Default)]
struct Heard {
    hashes: B256Set,
    order: VecDeque<B256>,
}

impl Heard {
    fn insert(&mut self, hash: B256) {
        if !self.hashes.insert(hash) {
            return;
        }
        if self.order.len() >= HEARD_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.hashes.remove(&oldest);
        }
        self.order.push_back(hash);
    }
}

/// The importer's memory of senders, which execution uses again.
struct Senders<'a>(&'a EthChain);

impl KnownSenders for Senders<'_> {
    fn get(&self, hash: &B256) -> Option<Address> {
        self.0.senders().get(hash)
    }

    fn insert(&self, hash: B256, sender: Address) {
        self.0.senders().insert(hash, sender);
    }
}

/// The pool's connection to those of peers.
#[derive(Debug, Clone)]
pub(super) struct Relay {
    chain: EthChain,
    pool: Arc<PoolService>,
    heard: Arc<Mutex<Heard>>,
}

impl Relay {
    /// Begins to listen to the pool; what comes out is to be told to peers.
    pub(super) fn new(chain: EthChain, pool: Arc<PoolService>) -> (Self, mpsc::Receiver<Bytes>) {
        let (told, waiting) = mpsc::channel(WAITING_MAX);
        let heard = Arc::new(Mutex::new(Heard::default()));
        let known = Arc::clone(&heard);
        pool.on_pending(Arc::new(move |pending: &[Arc<PoolTransaction>]| {
            let heard = known.lock().unwrap_or_else(PoisonError::into_inner);
            for one in pending.iter().filter(|one| !heard.hashes.contains(&one.hash())) {
                let _no_room = told.try_send(one.network_encoding().into());
            }
        }));
        (Self { chain, pool, heard }, waiting)
    }

    /// Takes what a peer told.
    pub(super) fn take(&self, bytes: &[u8]) -> Verdict {
        let Ok(transactions) = decode_transactions(bytes) else { return Verdict::Reject };
        let mut decoded = Vec::with_capacity(transactions.len());
        for one in &transactions {
            match self.pool.read(one) {
                Ok(one) => decoded.push(one),
                Err(PoolError::Decode(_)) => return Verdict::Reject,
                Err(_) => {}
            }
        }
        {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            for one in &decoded {
                heard.insert(one.hash());
            }
        }
        let rules = self.pool.pool().head().rules;
        let mut taken = false;
        for verified in verify_all(decoded, rules, &Senders(&self.chain)) {
            match verified {
                Ok(verified) => taken |= self.pool.add(verified, Origin::Remote).is_ok(),
                Err(PoolError::Sender { .. }) => return Verdict::Reject,
                Err(_) => {}
            }
        }
        if taken { Verdict::Accept } else { Verdict::Ignore }
    }
}

/// Gathers what waits into one message.
pub(super) fn gather(first: Bytes, waiting: &mut mpsc::Receiver<Bytes>) -> Vec<Bytes> {
    let mut bytes = first.len();
    let mut gathered = vec![first];
    while gathered.len() < TRANSACTIONS_MAX && bytes < TRANSACTIONS_BYTES_MAX / 2 {
        let Ok(one) = waiting.try_recv() else { break };
        bytes = bytes.saturating_add(one.len());
        gathered.push(one);
    }
    gathered
}
