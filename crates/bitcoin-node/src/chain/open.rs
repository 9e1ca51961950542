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
    collections::{BTreeSet, VecDeque},
    ops::ControlFlow,
    sync::Arc,
};

use bitcoin::{BlockHash, hashes::Hash as _};
use quintet_bitcoin_protocol::{
    Block, Tx,
    coin::CoinRef,
    coins::{coin_key, encode_coin},
    header::{ActiveChain, CheckedHeader, HeaderId, HeaderTree},
    network::Params,
    script::is_unspendable,
};
use quintet_utxo::{
    After, Cache, CacheOptions, Head, Overwrite,
    checks::{Pool, PoolOptions},
    verified,
};
use rayon::ThreadPoolBuilder;

use super::{
    Chain, ChainError, ChainOptions, ImportError, ImportProgress, ImportReport,
    candidates::Candidates, coins::Coins, source::Unindexed,
};
use crate::storage::{BlockStatus, COIN_TABLES, Storage, StorageOptions};

/// How far the opening of a chain has come, where there is much to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenProgress {
    /// Blocks that are in the files and not in the index are being indexed.
    Indexing(ImportProgress),
    /// Blocks that are in the index are being connected.
    Connecting {
        /// Height reached.
        height: u32,
        /// Height of the best block known.
        target: u32,
    },
}

/// Told after each block; may stop the work. What is done stays done, and the next opening goes on from there.
pub type TellOpen<'a> = &'a mut dyn FnMut(&OpenProgress) -> ControlFlow<()>;

/// Opens the cache of coins.
pub(super) fn open_coins(storage: &Storage, options: &ChainOptions) -> Result<Coins, ChainError> {
    let [k0, k1, _] = hash_keys(options);
    let cache = CacheOptions {
        batch_bytes: options.coins_batch_bytes,
        ..CacheOptions::new(options.coins_bytes, [k0, k1])
    };
    Ok(Coins::new(Cache::open(storage.store().clone(), COIN_TABLES, cache)?))
}

fn hash_keys(options: &ChainOptions) -> [u64; 3] {
    [0, 8, 16].map(|at| options.salt[at..].first_chunk().copied().map_or(0, u64::from_le_bytes))
}

impl Chain {
    /// Opens the chain in the directory of `options`, creating it if need be, and connects the best chain that is there. `now` is the
    /// time, Unix seconds.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the directory is in use, another network's, or damaged.
    pub fn open(params: Arc<Params>, options: ChainOptions, now: u64) -> Result<Self, ChainError> {
        Self::open_with(params, options, now, &mut |_| ControlFlow::Continue(()))
    }

    /// Like [`Chain::open`], telling how far it has come: a reindex takes hours. If `progress` stops it, the chain is as far as it came; whoever
    /// opens it again, **without** the reindex, goes on from there. So does whoever opens it after a crash.
    ///
    /// # Errors
    ///
    /// As for [`Chain::open`].
    pub fn open_with(
        params: Arc<Params>,
        options: ChainOptions,
        now: u64,
        progress: TellOpen<'_>,
    ) -> Result<Self, ChainError> {
        let mut chain = Self::load(params, options)?;
        if chain.take_in_unindexed(now, progress)?.is_continue() {
            let target = chain.tree.height(chain.tree.best());
            let connected = chain.activate_watched(None, &mut |chain| {
                progress(&OpenProgress::Connecting { height: chain.height(), target })
            })?;
            if connected.is_continue() {
                chain.settle()?;
            }
        }
        if !chain.changed.is_empty() {
            let flushed = chain.drain().and_then(|()| chain.flush_settled(After::Keep));
            chain.watch(flushed)?;
        }
        chain.events.clear();
        Ok(chain)
    }

    /// Opens files and store, and finds the state that was.
    fn load(params: Arc<Params>, options: ChainOptions) -> Result<Self, ChainError> {
        let genesis = params.genesis_hash();
        let storage = StorageOptions {
            reindex: options.reindex,
            segment_bytes_max: options.segment_bytes_max,
            ..StorageOptions::new(options.store_bytes)
        };
        let storage = Storage::open(&options.directory, &genesis, &storage)?;
        if options.reindex_chainstate {
            storage.clear_coins()?;
        }
        let threads = options.check_threads.max(1);
        let decoders = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|at| format!("decode-{at}"))
            .build()
            .map_err(|source| ChainError::Threads { threads, source })?;
        let [.., k2] = hash_keys(&options);
        let mut chain = Self {
            tree: HeaderTree::new(Arc::clone(&params), k2),
            params,
            pool: Pool::new(&PoolOptions::new(threads))?,
            decoders: Arc::new(decoders),
            verified: Arc::new(verified::Cache::new(options.verified_bytes, options.salt)),
            coins: open_coins(&storage, &options)?,
            storage,
            blocks: Vec::new(),
            changed: BTreeSet::new(),
            candidates: Candidates::default(),
            sequence: 0,
            precious: 0,
            refused: VecDeque::new(),
            indexed_to: None,
            has_pruned: false,
            pruned_at: None,
            active: ActiveChain::default(),
            pending: VecDeque::new(),
            events: VecDeque::new(),
            stopped: false,
            options,
        };
        chain.load_index()?;
        chain.load_tip()?;
        chain.link_loaded();
        // The coins are those of a block that was made invalid, and the flush of what followed did not come to pass.
        chain.leave_invalid()?;
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
        self.has_pruned =
            (1..self.blocks.len()).filter_map(|at| self.tree.id(at)).any(|id| self.is_pruned(id));
        if count == 0 {
            self.change(genesis, |state| state.status = BlockStatus::VALID_TREE);
        }
        if let Some(state) = self.blocks.first_mut() {
            // Genesis is everybody's; its one coinbase was never spendable.
            state.tx_count = 1;
            state.chain_tx_count = 1;
        }
        Ok(())
    }

    /// Makes what was seen before candidates again, the tip before all others.
    fn link_loaded(&mut self) {
        for index in 1..self.blocks.len() {
            // Pruned ones too: they were seen.
            let seen = self.blocks[index].tx_count > 0;
            if let Some(id) = self.tree.id(index).filter(|_| seen) {
                self.link(id);
            }
        }
        let tip = self.tip();
        let bases = self.params.assume_utxo.iter();
        let bases: Vec<_> = bases.map(|base| (base.block, base.chain_tx_count)).collect();
        for (block, chain_tx_count) in bases {
            // Coins above a block whose chain was never seen: they came as a snapshot.
            if let Some(id) = self.tree.find(&block)
                && self.state(id).chain_tx_count == 0
                && self.tree.is_ancestor(id, tip)
            {
                self.assume_complete(id, chain_tx_count);
            }
        }
        self.candidates.remove(self.rank(tip), tip);
        self.state_mut(tip).sequence = 0;
        self.candidates.add(self.rank(tip), tip);
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
        self.coins.cache_mut().flush(tip, |_| (), After::Keep)?;
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

    /// Puts the blocks that are in the files and not in the index into it: those that came after the last flush, or all of them.
    fn take_in_unindexed(
        &mut self,
        now: u64,
        progress: TellOpen<'_>,
    ) -> Result<ControlFlow<()>, ChainError> {
        let source = Unindexed::new(self.storage.clone());
        let report = self
            .take_in_all(&source, false, now, &mut |done| progress(&OpenProgress::Indexing(*done)));
        let report = report.map_err(|error| match error {
            ImportError::Chain(error) => error,
            ImportError::Files(source) => ChainError::OwnFiles { source },
        })?;
        let ImportReport { progress, malformed, refused_count, orphans, stopped, .. } = report;
        if progress.blocks > 0 || malformed + refused_count + orphans > 0 {
            let taken = progress.blocks;
            tracing::info!(taken, malformed, refused_count, orphans, "indexed blocks of the files");
        }
        Ok(if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}
