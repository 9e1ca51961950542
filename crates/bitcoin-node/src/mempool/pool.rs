//! The pool's books: entries, what they spend, clusters and their chunks, and what it asks of newcomers.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use bitcoin::{OutPoint, Txid, Wtxid, hashes::Hash as _};
use bytes::Bytes;
use quintet_bitcoin_protocol::{
    Block, Transaction,
    compact::Reconstruction,
    p2p::{Inventory, InventoryKind},
    policy::{FeeRate, Policy, fee::FeeFraction},
};

use super::{
    Chunk, Entry, Refusal,
    clusters::{Node, Order, Rank, linearise},
    orphans::Orphans,
};

/// Refused transactions that are remembered, transactions; then the memory begins anew.
const REFUSED_MAX: usize = 120_000;

/// Time in which the floor falls to half, while nothing is given up.
///
/// **Spec:** Bitcoin Core, `ROLLING_FEE_HALFLIFE`.
const HALF_LIFE: Duration = Duration::from_secs(60 * 60 * 12);

/// Settings of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MempoolOptions {
    /// What may enter.
    pub policy: Policy,
    /// Memory, bytes.
    pub bytes_max: usize,
    /// Age at which a transaction is given up, seconds.
    pub age_max: u64,
}

impl Default for MempoolOptions {
    fn default() -> Self {
        Self { policy: Policy::default(), bytes_max: 300_000_000, age_max: 336 * 60 * 60 }
    }
}

/// Transactions on their way into a block.
#[derive(Debug)]
pub struct Mempool {
    pub(super) options: MempoolOptions,
    pub(super) entries: HashMap<Txid, Entry>,
    by_wtxid: HashMap<Wtxid, Txid>,
    /// Who spends an output.
    pub(super) spends: HashMap<OutPoint, Txid>,
    pub(super) order: Order,
    /// The rank of each chunk by its number.
    ranks: HashMap<u64, Rank>,
    next_chunk: u64,
    memory: usize,
    /// What newcomers must pay since something was given up, satoshis a 1,000 virtual bytes.
    floor: f64,
    floor_since: u64,
    block_since_floor: bool,
    refused: HashSet<[u8; 32]>,
    orphans: Orphans,
    /// What the operator adds to a transaction's fee, whether it is here or not.
    pub(super) deltas: HashMap<Txid, i64>,
    /// Changes so far.
    sequence: u64,
    /// Whether what was kept from the last run has been taken in.
    pub(crate) loaded: bool,
}

impl Mempool {
    /// Makes an empty pool.
    #[must_use]
    pub fn new(options: MempoolOptions) -> Self {
        Self {
            options,
            entries: HashMap::new(),
            by_wtxid: HashMap::new(),
            spends: HashMap::new(),
            order: Order::new(),
            ranks: HashMap::new(),
            next_chunk: 1,
            memory: 0,
            floor: 0.0,
            floor_since: 0,
            block_since_floor: false,
            refused: HashSet::new(),
            orphans: Orphans::default(),
            deltas: HashMap::new(),
            sequence: 1,
            loaded: false,
        }
    }

    /// Returns the settings.
    #[must_use]
    pub const fn options(&self) -> &MempoolOptions {
        &self.options
    }

    /// Returns a transaction.
    #[must_use]
    pub fn get(&self, txid: &Txid) -> Option<&Entry> {
        self.entries.get(txid)
    }

    /// Returns a transaction by the id that covers its witnesses.
    #[must_use]
    pub fn by_wtxid(&self, wtxid: &Wtxid) -> Option<&Entry> {
        self.by_wtxid.get(wtxid).and_then(|txid| self.entries.get(txid))
    }

    /// Returns who spends an output.
    #[must_use]
    pub fn spender(&self, outpoint: &OutPoint) -> Option<Txid> {
        self.spends.get(outpoint).copied()
    }

    /// Returns every transaction.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Returns how many transactions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns whether a block changes nothing here.
    pub(crate) fn is_idle(&self) -> bool {
        self.entries.is_empty() && self.orphans.is_empty() && self.refused.is_empty()
    }

    /// Returns the memory it takes, bytes.
    #[must_use]
    pub const fn memory(&self) -> usize {
        self.memory
    }

    /// Returns the number of changes so far.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(crate) const fn orphans_mut(&mut self) -> &mut Orphans {
        &mut self.orphans
    }

    /// Returns every chunk, the best first.
    pub fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.order.values().rev()
    }

    /// Returns what a newcomer must pay at least, satoshis a 1,000 virtual bytes.
    #[must_use]
    pub fn fee_floor(&self) -> i64 {
        let relay = self.options.policy.relay_min.0;
        i64::try_from(relay.max(self.rolling_floor().0)).unwrap_or(i64::MAX)
    }

    /// Returns what the pool asks for since it had to give something up.
    #[must_use]
    pub fn rolling_floor(&self) -> FeeRate {
        if self.floor <= 0.0 {
            return FeeRate(0);
        }
        let incremental = self.options.policy.incremental.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and a rate of somebody's fee"
        )]
        FeeRate((self.floor.round() as u64).max(incremental))
    }

    /// Lets the floor fall with time, once a block has made room.
    ///
    /// **Spec:** Bitcoin Core, `CTxMemPool::GetMinFee`.
    pub(super) fn lower_floor(&mut self, now: u64) {
        if !self.block_since_floor || self.floor <= 0.0 || now <= self.floor_since + 10 {
            return;
        }
        let limit = self.options.bytes_max;
        let half_life = match self.memory {
            used if used < limit / 4 => HALF_LIFE / 4,
            used if used < limit / 2 => HALF_LIFE / 2,
            _ => HALF_LIFE,
        };
        let elapsed = Duration::from_secs(now.saturating_sub(self.floor_since));
        self.floor /= 2_f64.powf(elapsed.as_secs_f64() / half_life.as_secs_f64());
        self.floor_since = now;
        #[expect(clippy::cast_precision_loss, reason = "a rate of some hundred satoshis")]
        let least = self.options.policy.incremental.0 as f64 / 2.0;
        if self.floor < least {
            self.floor = 0.0;
        }
    }

    fn raise_floor(&mut self, given_up: FeeFraction, now: u64) {
        let rate = u64::try_from(given_up.per_kilo()).unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "a rate, of which the first digits matter")]
        let rate = rate.saturating_add(self.options.policy.incremental.0) as f64;
        if rate > self.floor {
            self.floor = rate;
            self.floor_since = now;
            self.block_since_floor = false;
        }
    }

    /// Adds a transaction whose parents are known; it was judged before.
    pub(super) fn insert(&mut self, mut entry: Entry) {
        let txid = entry.txid();
        entry.delta = self.deltas.get(&txid).copied().unwrap_or(0);
        let spent: Vec<_> = entry.tx().inputs().map(|input| input.previous).collect();
        for outpoint in spent {
            if self.entries.contains_key(&outpoint.txid) {
                entry.parents.insert(outpoint.txid);
            }
            self.spends.insert(outpoint, txid);
        }
        // After a reorganisation a parent may come when its children are here.
        let outputs = u32::try_from(entry.tx().outputs().len()).unwrap_or(u32::MAX);
        for vout in 0..outputs {
            entry.children.extend(self.spends.get(&OutPoint { txid, vout }));
        }
        for parent in &entry.parents {
            if let Some(parent) = self.entries.get_mut(parent) {
                parent.children.insert(txid);
            }
        }
        for child in &entry.children {
            if let Some(child) = self.entries.get_mut(child) {
                child.parents.insert(txid);
            }
        }
        self.memory += entry.memory();
        self.by_wtxid.insert(entry.wtxid(), txid);
        self.entries.insert(txid, entry);
        self.sequence += 1;
        self.reorder(&BTreeSet::from([txid]));
    }

    /// Removes transactions; what spends from them stays and is the caller's to look at.
    pub(super) fn remove_all(&mut self, txids: &BTreeSet<Txid>) {
        let mut touched = BTreeSet::new();
        for txid in txids {
            touched.extend(self.cluster(txid));
        }
        for txid in txids {
            let Some(entry) = self.entries.remove(txid) else { continue };
            self.forget_chunk(entry.chunk);
            self.memory = self.memory.saturating_sub(entry.memory());
            self.by_wtxid.remove(&entry.wtxid());
            for input in entry.tx().inputs() {
                if self.spends.get(&input.previous) == Some(txid) {
                    self.spends.remove(&input.previous);
                }
            }
            for parent in &entry.parents {
                if let Some(parent) = self.entries.get_mut(parent) {
                    parent.children.remove(txid);
                }
            }
            for child in &entry.children {
                if let Some(child) = self.entries.get_mut(child) {
                    child.parents.remove(txid);
                }
            }
            self.sequence += 1;
        }
        touched.retain(|txid| self.entries.contains_key(txid));
        self.reorder(&touched);
    }

    /// Removes transactions with everything that spends from them; returns how many went.
    pub(super) fn remove_with_descendants(
        &mut self,
        txids: impl IntoIterator<Item = Txid>,
    ) -> usize {
        let gone = self.with_descendants(txids);
        self.remove_all(&gone);
        gone.len()
    }

    /// Returns transactions with everything in the pool that spends from them.
    #[must_use]
    pub fn with_descendants(&self, txids: impl IntoIterator<Item = Txid>) -> BTreeSet<Txid> {
        self.reach(txids, |entry| entry.children.iter().copied().collect())
    }

    /// Returns transactions with everything in the pool they spend from.
    #[must_use]
    pub fn with_ancestors(&self, txids: impl IntoIterator<Item = Txid>) -> BTreeSet<Txid> {
        self.reach(txids, |entry| entry.parents.iter().copied().collect())
    }

    /// Returns everything that hangs together with a transaction, itself included.
    #[must_use]
    pub fn cluster(&self, txid: &Txid) -> BTreeSet<Txid> {
        self.reach([*txid], |entry| entry.parents.union(&entry.children).copied().collect())
    }

    fn reach(
        &self,
        from: impl IntoIterator<Item = Txid>,
        next: impl Fn(&Entry) -> Vec<Txid>,
    ) -> BTreeSet<Txid> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<Txid> = from.into_iter().collect();
        while let Some(txid) = open.pop() {
            let Some(entry) = self.entries.get(&txid) else { continue };
            if reached.insert(txid) {
                open.extend(next(entry));
            }
        }
        reached
    }

    fn forget_chunk(&mut self, number: u64) {
        if let Some(rank) = self.ranks.remove(&number) {
            self.order.remove(&rank);
        }
    }

    /// Puts the clusters of these transactions in order again.
    pub(super) fn reorder(&mut self, touched: &BTreeSet<Txid>) {
        let mut done = BTreeSet::new();
        for txid in touched {
            if done.contains(txid) {
                continue;
            }
            let cluster = self.cluster(txid);
            let nodes: Vec<Node> =
                cluster.iter().filter_map(|txid| self.entries.get(txid)).map(Node::of).collect();
            for txid in &cluster {
                if let Some(number) = self.entries.get(txid).map(|entry| entry.chunk) {
                    self.forget_chunk(number);
                }
            }
            for chunk in linearise(&nodes) {
                let number = self.next_chunk;
                self.next_chunk += 1;
                for txid in &chunk.txids {
                    if let Some(entry) = self.entries.get_mut(txid) {
                        entry.chunk = number;
                    }
                }
                let rank = Rank { fraction: chunk.fraction, number };
                self.ranks.insert(number, rank);
                self.order.insert(rank, chunk);
            }
            done.extend(cluster);
        }
    }

    /// Returns the chunk a transaction is in.
    #[must_use]
    pub fn chunk_of(&self, txid: &Txid) -> Option<&Chunk> {
        let number = self.entries.get(txid)?.chunk;
        self.order.get(self.ranks.get(&number)?)
    }

    /// Gives up what is too old, and what pays least while there is too much.
    ///
    /// **Spec:** Bitcoin Core, `LimitMempoolSize`, `TrimToSize`, `Expire`.
    pub(super) fn trim(&mut self, now: u64) {
        let oldest = now.saturating_sub(self.options.age_max);
        let old: Vec<Txid> =
            self.entries.values().filter(|entry| entry.time < oldest).map(Entry::txid).collect();
        if !old.is_empty() {
            self.remove_with_descendants(old);
        }
        while self.memory > self.options.bytes_max {
            let Some((rank, chunk)) = self.order.first_key_value() else { break };
            let (fraction, gone) = (rank.fraction, chunk.txids.iter().copied().collect());
            self.remove_all(&gone);
            self.raise_floor(fraction, now);
        }
    }

    /// Lets go of what a block holds, and of what cannot be in another any more.
    ///
    /// **Spec:** Bitcoin Core, `CTxMemPool::removeForBlock`.
    pub(crate) fn block_connected(&mut self, block: &Block) {
        let mut gone = BTreeSet::new();
        let mut conflicts = Vec::new();
        let mut spent = HashSet::new();
        for tx in block.transactions().iter().filter(|tx| !tx.is_coinbase()) {
            let txid = tx.txid();
            self.deltas.remove(&txid);
            if self.entries.contains_key(&txid) {
                gone.insert(txid);
            }
            for input in tx.inputs() {
                spent.insert(input.previous);
                conflicts.extend(self.spender(&input.previous).filter(|spender| *spender != txid));
            }
        }
        self.remove_all(&gone);
        conflicts.retain(|txid| !gone.contains(txid));
        self.remove_with_descendants(conflicts);
        self.orphans.block_connected(&spent);
        self.refused.clear();
        self.block_since_floor = true;
    }

    /// Lets go of everything.
    pub(crate) fn clear(&mut self) {
        let all = self.entries.keys().copied().collect();
        self.remove_all(&all);
    }

    /// Returns whether a transaction is here, waits for its parents, or was refused.
    pub(crate) fn knows(&self, entry: &Inventory) -> bool {
        let hash = entry.hash;
        let here = match entry.kind {
            InventoryKind::Wtx => {
                let wtxid = Wtxid::from_byte_array(hash);
                self.by_wtxid.contains_key(&wtxid) || self.orphans.contains(&wtxid)
            }
            _ => self.entries.contains_key(&Txid::from_byte_array(hash)),
        };
        here || self.refused.contains(&hash)
    }

    /// Returns a transaction's bytes by its name.
    pub(crate) fn find_inventory(&self, entry: &Inventory) -> Option<Bytes> {
        let found = match entry.kind {
            InventoryKind::Wtx => self.by_wtxid(&Wtxid::from_byte_array(entry.hash)),
            _ => self.get(&Txid::from_byte_array(entry.hash)),
        };
        found.map(|entry| entry.bytes().clone())
    }

    /// Offers every transaction to a block that is being put together.
    pub(crate) fn offer_to(&self, partial: &mut Reconstruction) {
        for entry in self.entries.values() {
            partial.offer(&entry.wtxid(), entry.bytes());
        }
    }

    /// Remembers a transaction that need not be judged again before the next block.
    pub(crate) fn remember_refused(&mut self, refusal: &Refusal, transaction: &Transaction) {
        if self.refused.len() >= REFUSED_MAX {
            self.refused.clear();
        }
        let tx = transaction.view();
        self.refused.insert(tx.wtxid().to_byte_array());
        if !refusal.witness_only {
            self.refused.insert(tx.txid().to_byte_array());
        }
    }

    /// Remembers a transaction whose parent was refused.
    pub(crate) fn remember_hopeless(&mut self, transaction: &Transaction) {
        let refusal = Refusal { witness_only: false, ..Refusal::new("a parent was refused") };
        self.remember_refused(&refusal, transaction);
    }

    /// Returns whether an id was refused.
    pub(crate) fn is_refused(&self, id: &[u8; 32]) -> bool {
        self.refused.contains(id)
    }

    /// Returns transactions in the order they are announced: as a block would take them.
    pub(crate) fn in_relay_order(&self, wtxids: &HashSet<Wtxid>) -> Vec<&Entry> {
        let mut found: Vec<&Entry> =
            wtxids.iter().filter_map(|wtxid| self.by_wtxid(wtxid)).collect();
        let place = |entry: &Entry| {
            let rank = self.ranks.get(&entry.chunk).copied();
            let within = self
                .chunk_of(&entry.txid())
                .and_then(|chunk| chunk.txids.iter().position(|txid| *txid == entry.txid()));
            (std::cmp::Reverse(rank), within)
        };
        found.sort_by_key(|entry| place(entry));
        found
    }

    /// Adds to what a transaction counts for.
    pub fn prioritise(&mut self, txid: Txid, delta: i64) {
        let sum = self.deltas.entry(txid).or_default();
        *sum = sum.saturating_add(delta);
        let sum = *sum;
        if sum == 0 {
            self.deltas.remove(&txid);
        }
        if let Some(entry) = self.entries.get_mut(&txid) {
            entry.delta = sum;
            self.reorder(&BTreeSet::from([txid]));
        }
    }
}
