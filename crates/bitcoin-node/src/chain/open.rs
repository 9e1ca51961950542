//! Opening a chain: from the files and the store to the state that was, after whatever ended the last run.
//!
//! ```text
//!   index ──► header tree, block states
//!   blocks the index does not know yet ──► taken in again, from where they lie
//!   coins: of a block ──► that block is the tip
//!          of none    ──► genesis is
//!          between two, a flush was cut short ──► replayed to its end
//!   then: the best chain is connected, as ever
//! ```
//!
//! **Spec:** Bitcoin Core, `LoadBlockIndex`, `LoadChainTip`, `ReplayBlocks`.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use bitcoin::{BlockHash, hashes::Hash as _};
use bytes::Bytes;
use quintet_bitcoin_protocol::{
    Block, Tx,
    coin::CoinRef,
    coins::{coin_key, encode_coin},
    header::{ActiveChain, CheckedHeader, HeaderError, HeaderId, HeaderTree},
    network::Params,
    script::is_unspendable,
};
use quintet_store::segment::Position;
use quintet_utxo::{
    Cache, CacheOptions, Head, Overwrite,
    checks::{Pool, PoolOptions},
    verified,
};

use super::{
    AcceptError, Chain, ChainError, ChainOptions, accept::Examined, candidates::Candidates,
    coins::Coins,
};
use crate::storage::{BlockStatus, COIN_TABLES, Storage, StorageOptions};

/// Blocks taken in from the files after which what is complete is connected: bounds what a rebuild holds in memory.
const CONNECT_EVERY: u64 = 1024;

impl Chain {
    /// Opens the chain in the directory of `options`, creating it if need be, and connects the best chain that is there. `now` is the
    /// time, Unix seconds.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the directory is in use, another network's, or damaged.
    pub fn open(params: Arc<Params>, options: ChainOptions, now: u64) -> Result<Self, ChainError> {
        let genesis = params.genesis_hash();
        let storage =
            StorageOptions { reindex: options.reindex, ..StorageOptions::new(options.store_bytes) };
        let storage = Storage::open(&options.directory, &genesis, &storage)?;
        if options.reindex_chainstate {
            storage.clear_coins()?;
        }
        let [k0, k1, k2] = [0, 8, 16]
            .map(|at| options.salt[at..].first_chunk().copied().map_or(0, u64::from_le_bytes));
        let coins = CacheOptions::new(options.coins_bytes, [k0, k1]);
        let cache = Cache::open(storage.store().clone(), COIN_TABLES, coins)?;
        let mut chain = Self {
            tree: HeaderTree::new(Arc::clone(&params), k2),
            params,
            pool: Pool::new(&PoolOptions::new(options.check_threads.max(1)))?,
            verified: Arc::new(verified::Cache::new(options.verified_bytes, options.salt)),
            storage,
            blocks: Vec::new(),
            changed: BTreeSet::new(),
            candidates: Candidates::default(),
            sequence: 0,
            refused: Vec::new(),
            active: ActiveChain::default(),
            coins: Coins::new(cache),
            pending: VecDeque::new(),
            events: Vec::new(),
            options,
        };
        chain.load_index()?;
        chain.load_tip()?;
        chain.take_in_unindexed(now)?;
        chain.activate(None)?;
        chain.settle()?;
        chain.flush_if_full()?;
        chain.events.clear();
        Ok(chain)
    }

    fn load_index(&mut self) -> Result<(), ChainError> {
        let storage = self.storage.clone();
        let genesis = HeaderId::GENESIS;
        let count = storage.load_index(|number, entry| {
            let checked = CheckedHeader::trusted_bytes(&entry.header);
            let id = self
                .tree
                .restore(&checked)
                .map_err(|source| ChainError::IndexDamaged { number, source })?;
            if entry.status.contains(BlockStatus::FAILED) {
                self.tree.mark_failed(id);
            }
            self.change(id, |state| {
                state.status = entry.status;
                state.tx_count = entry.tx_count;
                state.block = entry.block;
                state.undo = entry.undo;
            });
            Ok::<(), ChainError>(())
        })?;
        self.changed.clear();
        if count == 0 {
            self.change(genesis, |state| state.status = BlockStatus::VALID_TREE);
        }
        if let Some(state) = self.blocks.first_mut() {
            // Genesis is everybody's; its one coinbase was never spendable.
            state.tx_count = 1;
            state.chain_tx_count = 1;
        }
        for index in 1..self.blocks.len() {
            let has_data = self.blocks[index].block.is_some();
            if let Some(id) = self.tree.id(index).filter(|_| has_data) {
                self.link(id);
            }
        }
        Ok(())
    }

    /// Finds the block the coins are of, replaying a flush that was cut short.
    fn load_tip(&mut self) -> Result<(), ChainError> {
        let tip = match self.coins.cache().head() {
            Head::Empty => HeaderId::GENESIS,
            Head::At(tip) => self.known(tip)?,
            Head::Between { old, new } => {
                let old = old.map_or(Ok(HeaderId::GENESIS), |old| self.known(old))?;
                let new = self.known(new)?;
                self.replay(old, new)?;
                new
            }
        };
        self.active.set_tip(&self.tree, tip);
        Ok(())
    }

    fn known(&self, tip: [u8; 32]) -> Result<HeaderId, ChainError> {
        let hash = BlockHash::from_byte_array(tip);
        self.tree.find(&hash).ok_or(ChainError::UnknownTip { hash })
    }

    /// Ends a flush that was cut short between the coins of `old` and those of `new`.
    ///
    /// Each coin is as after the one or as after the other. Every change on the way is set without looking at what is there.
    ///
    /// **Spec:** Bitcoin Core, `ReplayBlocks`.
    fn replay(&mut self, old: HeaderId, new: HeaderId) -> Result<(), ChainError> {
        tracing::warn!(
            from = self.tree.height(old),
            to = self.tree.height(new),
            "ending a flush that was cut short"
        );
        let fork = self.tree.last_common_ancestor(old, new);
        let mut at = old;
        while at != fork {
            let block = self.read_block(at)?;
            let spent = self.read_undo(at)?;
            for tx in block.transactions().iter() {
                self.erase_outputs(tx)?;
            }
            let spenders = block.transactions().iter().filter(|tx| !tx.is_coinbase());
            let outpoints = spenders.flat_map(|tx| tx.inputs().map(|input| input.previous));
            // Last to first: an output spent within the block is erased again by the loop below.
            for (outpoint, coin) in outpoints.zip(spent.iter()) {
                self.restore(coin_key(&outpoint), coin)?;
            }
            for tx in block.transactions().iter() {
                self.erase_outputs(tx)?;
            }
            at = self.tree.parent(at).unwrap_or(fork);
        }
        for height in self.tree.height(fork) + 1..=self.tree.height(new) {
            let Some(id) = self.tree.ancestor(new, height) else { break };
            let block = self.read_block(id)?;
            self.roll_forward(&block, height)?;
            if self.coins.cache().should_flush() {
                self.coins.cache_mut().spill()?;
            }
        }
        let tip = self.tree.hash(new).to_byte_array();
        self.coins.cache_mut().flush(tip, |_| (), quintet_utxo::After::Keep)?;
        Ok(())
    }

    fn erase_outputs(&mut self, tx: Tx<'_>) -> Result<(), ChainError> {
        for (vout, output) in (0..).zip(tx.outputs()) {
            if !is_unspendable(output.script_pubkey) {
                let key = coin_key(&bitcoin::OutPoint { txid: tx.txid(), vout });
                self.coins.cache_mut().erase(&key)?;
            }
        }
        Ok(())
    }

    fn restore(&mut self, key: [u8; 36], coin: CoinRef<'_>) -> Result<(), ChainError> {
        let mut encoded = Vec::new();
        encode_coin(coin, &mut encoded);
        Ok(self.coins.cache_mut().create(&key, &encoded, Overwrite::Possible)?)
    }

    /// **Spec:** Bitcoin Core, `RollforwardBlock`.
    fn roll_forward(&mut self, block: &Block, height: u32) -> Result<(), ChainError> {
        for tx in block.transactions().iter() {
            let coinbase = tx.is_coinbase();
            if !coinbase {
                for input in tx.inputs() {
                    self.coins.cache_mut().erase(&coin_key(&input.previous))?;
                }
            }
            for (vout, output) in (0..).zip(tx.outputs()) {
                let script_pubkey = output.script_pubkey;
                if !is_unspendable(script_pubkey) {
                    let key = coin_key(&bitcoin::OutPoint { txid: tx.txid(), vout });
                    let value = output.value.unsigned_abs();
                    self.restore(key, CoinRef { value, height, coinbase, script_pubkey })?;
                }
            }
        }
        Ok(())
    }

    /// Takes in the blocks that are in the files and not in the index: those that came after the last flush.
    ///
    /// A block may lie in front of its parent, whose header had come by itself; it waits for it.
    fn take_in_unindexed(&mut self, now: u64) -> Result<(), ChainError> {
        let mut waiting: HashMap<BlockHash, Vec<Position>> = HashMap::new();
        let mut taken = 0_u64;
        for record in self.storage.unindexed_blocks()? {
            let (position, bytes) = record?;
            let mut ready = vec![(position, Bytes::from(bytes))];
            while let Some((position, bytes)) = ready.pop() {
                let Ok(block) = Block::decode(bytes) else {
                    tracing::warn!(?position, "a record of the block files is no block");
                    continue;
                };
                let (hash, parent) = (block.hash(), block.header().prev_blockhash);
                let examined = Examined::new(block, &self.params);
                match self.store_block(examined, Some(position), now) {
                    Ok(_) => taken += 1,
                    Err(AcceptError::Header(HeaderError::UnknownParent { .. })) => {
                        waiting.entry(parent).or_default().push(position);
                        continue;
                    }
                    Err(AcceptError::Chain(error)) => return Err(error),
                    Err(error) => tracing::warn!(%error, "a block of the files is refused"),
                }
                for position in waiting.remove(&hash).unwrap_or_default() {
                    let bytes = self.storage.files().blocks().read(position)?;
                    ready.push((position, bytes.into()));
                }
            }
            if taken > 0 && taken.is_multiple_of(CONNECT_EVERY) {
                self.activate(None)?;
                self.flush_if_full()?;
            }
        }
        if taken > 0 {
            tracing::info!(taken, "took in blocks that were not in the index");
        }
        Ok(())
    }
}
