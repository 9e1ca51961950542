//! A chain for one: it mines what it is given, at once or at intervals, and lets its owner do what no chain allows.
//!
//! ```text
//!   TransactionSource ──candidates──► DevChain::mine ──build, adopt──► EthChain ──events──► pool, subscriptions
//!                                        ▲
//!              pending (hook) ───────────┤ instant mining
//!              Miner (tokio) ────────────┘ interval mining
//!
//!   snapshot ─► (block, amendments so far)      revert ─► rollback, amendments after it undone
//! ```
//!
//! One lock orders everything: a block, a change by hand, a revert. Calls block on the disk, so an async caller wraps them.
//!
//! # Invariants
//!
//! - A block holds what the rules allow; only base fee, time and accounts may be set by hand.
//! - A revert restores blocks, accounts and time as they were at the snapshot, and forgets that snapshot and those after it.

mod accounts;
mod amend;
mod load;
mod miner;
mod node;
mod time;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::{Address, B256, Bytes};
use quintet_eth::state::StateChanges;
use quintet_eth_chain::{
    Attributes, BlockRef, BuildError, Built, Candidate, ChainError, EthChain, ForkchoiceError,
    ImportError,
};
use quintet_evm::{
    header::{base_fee, blobs},
    schedule::Fork,
};

pub use self::{
    accounts::{
        ACCOUNTS_DEFAULT, ACCOUNTS_MAX, AccountsError, DevAccount, MNEMONIC, accounts, impersonated,
    },
    load::{LOADED_BYTES_MAX, LoadError, LoadedAccount, read_accounts},
    miner::Miner,
    node::{DevNode, DevParts},
};
use self::{amend::Amendment, time::ChainTime};
use crate::genesis::HEADER_VERSION;

/// Chain id of a development chain where nobody says otherwise: anvil's.
pub const CHAIN_ID_DEFAULT: u64 = 31_337;

/// Snapshots kept; the oldest is forgotten beyond them.
const SNAPSHOTS_MAX: usize = 1_024;

/// Changes by hand kept so that they can be undone; beyond them the oldest snapshots are forgotten.
const AMENDMENTS_MAX: usize = 100_000;

/// Candidates taken from the source for one block.
const CANDIDATES_MAX: usize = 50_000;

/// Blocks mined by one call.
const MINE_MAX: u64 = 100_000;

/// Tells the time, in seconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Where transactions come from: the pool.
pub trait TransactionSource: Send + Sync {
    /// Returns the best transactions for a block that asks for these fees, those of one sender in the order of nonces.
    fn candidates(&self, base_fee: u64, blob_fee: u128, most: usize) -> Vec<Candidate>;

    /// Forgets a transaction that no block will take.
    fn forget(&self, hash: B256);

    /// Forgets everything.
    fn clear(&self);

    /// Reads everybody's account again: somebody changed some by hand.
    fn refresh(&self);
}

/// Why a development chain does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// A block cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A block cannot be made head.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The head cannot be moved.
    #[error(transparent)]
    Forkchoice(#[from] ForkchoiceError),
    /// The chain failed.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The time lies before the head.
    #[error("timestamp {actual} is not after the head's {head}")]
    Timestamp {
        /// The head's.
        head: u64,
        /// The one given.
        actual: u64,
    },
    /// Too much was changed by hand at the first block.
    #[error(
        "more than {AMENDMENTS_MAX} accounts and slots of the first block were changed by hand: start the chain anew in place of resetting it"
    )]
    Origin,
    /// Too many blocks are asked for.
    #[error("{actual} blocks are asked for, expected at most {MINE_MAX}")]
    TooMany {
        /// Their number.
        actual: u64,
    },
}

/// When blocks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mining {
    /// As soon as a transaction waits.
    Instant,
    /// Every so many milliseconds, also without transactions.
    Interval {
        /// Milliseconds, at least 1.
        millis: u64,
    },
    /// When asked.
    Manual,
}

/// How a development chain begins.
#[derive(Debug, Clone)]
pub struct DevOptions {
    /// When blocks are made.
    pub mining: Mining,
    /// Who gets the fees.
    pub coinbase: Address,
    /// Accounts whose keys it has.
    pub accounts: Vec<DevAccount>,
}

/// What is kept to go back to.
#[derive(Debug, Clone)]
struct Saved {
    id: u64,
    at: BlockRef,
    amendments: usize,
    time: ChainTime,
}

/// What the owner set.
struct Controls {
    mining: Mining,
    time: ChainTime,
    coinbase: Address,
    gas_limit: Option<u64>,
    base_fee: Option<u64>,
    prev_randao: Option<B256>,
    played: BTreeSet<Address>,
    plays_all: bool,
    saved: Vec<Saved>,
    saved_next: u64,
    amendments: Vec<Amendment>,
    /// What was before the first change by hand of each account at the first block; none if that is too much to keep.
    origin: Option<StateChanges>,
}

/// A chain for one. Cheap to clone.
#[derive(Clone)]
pub struct DevChain {
    inner: Arc<Inner>,
}

struct Inner {
    chain: EthChain,
    source: Arc<dyn TransactionSource>,
    clock: Clock,
    accounts: Vec<DevAccount>,
    controls: Mutex<Controls>,
    /// Told of every change of [`Controls::mining`].
    changed: tokio::sync::watch::Sender<Mining>,
}

impl std::fmt::Debug for DevChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DevChain").field("chain", &self.inner.chain).finish_non_exhaustive()
    }
}

impl DevChain {
    /// Takes a chain and where its transactions come from.
    #[must_use]
    pub fn new(
        chain: EthChain,
        source: Arc<dyn TransactionSource>,
        clock: Clock,
        options: DevOptions,
    ) -> Self {
        let controls = Controls {
            mining: options.mining,
            time: ChainTime::default(),
            coinbase: options.coinbase,
            gas_limit: None,
            base_fee: None,
            prev_randao: None,
            played: BTreeSet::new(),
            plays_all: false,
            saved: Vec::new(),
            saved_next: 0,
            amendments: Vec::new(),
            origin: Some(StateChanges::default()),
        };
        let (changed, _) = tokio::sync::watch::channel(options.mining);
        let accounts = options.accounts;
        let controls = Mutex::new(controls);
        Self { inner: Arc::new(Inner { chain, source, clock, accounts, controls, changed }) }
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &EthChain {
        &self.inner.chain
    }

    /// Accounts whose keys it has.
    #[must_use]
    pub fn accounts(&self) -> &[DevAccount] {
        &self.inner.accounts
    }

    fn controls(&self) -> MutexGuard<'_, Controls> {
        self.inner.controls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clock(&self) -> u64 {
        (self.inner.clock)()
    }

    /// When blocks are made.
    #[must_use]
    pub fn mining(&self) -> Mining {
        self.controls().mining
    }

    /// Sets when blocks are made.
    pub fn set_mining(&self, mining: Mining) {
        self.controls().mining = mining;
        self.inner.changed.send_replace(mining);
    }

    /// A transaction waits: mines it if that is what is wanted. For the pool's hook.
    ///
    /// # Errors
    ///
    /// [`DevError`] if no block can be made.
    pub fn on_pending(&self) -> Result<(), DevError> {
        let mut controls = self.controls();
        if controls.mining != Mining::Instant {
            return Ok(());
        }
        // More may wait than fit into one block; and somebody else may have mined it meanwhile.
        while self.mine_waiting(&mut controls)?.is_some() {}
        Ok(())
    }

    /// Mines so many blocks, `seconds` apart if said, with what waits.
    ///
    /// # Errors
    ///
    /// [`DevError`] if a block cannot be made; those before it were.
    pub fn mine(&self, blocks: u64, seconds: Option<u64>) -> Result<(), DevError> {
        if blocks > MINE_MAX {
            return Err(DevError::TooMany { actual: blocks });
        }
        let mut controls = self.controls();
        for block in 0..blocks {
            if let Some(seconds) = seconds.filter(|_| block > 0) {
                let head = self.head_time()?;
                controls.time.next = Some(head.saturating_add(seconds));
            }
            self.mine_one(&mut controls)?;
        }
        Ok(())
    }

    /// Mines a block of what waits, if anything does.
    fn mine_waiting(&self, controls: &mut Controls) -> Result<Option<Built>, DevError> {
        let (attributes, fees) = self.attributes(controls)?;
        let candidates = self.inner.source.candidates(fees.0, fees.1, CANDIDATES_MAX);
        if candidates.is_empty() {
            return Ok(None);
        }
        let built = self.build(&attributes, &candidates)?;
        if built.block().transactions().is_empty() {
            return Ok(None);
        }
        self.adopt(controls, &built).map(|()| Some(built))
    }

    /// Mines a block, also of nothing.
    fn mine_one(&self, controls: &mut Controls) -> Result<Built, DevError> {
        let (attributes, (base_fee, blob_fee)) = self.attributes(controls)?;
        let candidates = self.inner.source.candidates(base_fee, blob_fee, CANDIDATES_MAX);
        let built = self.build(&attributes, &candidates)?;
        self.adopt(controls, &built).map(|()| built)
    }

    /// Builds a block; candidates that no block will take are forgotten.
    fn build(&self, attributes: &Attributes, candidates: &[Candidate]) -> Result<Built, DevError> {
        let built = self.inner.chain.build(None, attributes, candidates)?;
        for refused in &built.refused {
            tracing::debug!(hash = %refused.hash, error = %refused.error, "a transaction is not taken");
            self.inner.source.forget(refused.hash);
        }
        Ok(built)
    }

    /// Makes a block head. What was said of the next block is done then.
    fn adopt(&self, controls: &mut Controls, built: &Built) -> Result<(), DevError> {
        self.inner.chain.adopt(built)?;
        controls.time.made(self.clock(), built.block().header().timestamp);
        controls.base_fee = None;
        controls.prev_randao = None;
        Ok(())
    }

    /// Says what the next block is made of, with its base fee and price of blobs.
    fn attributes(&self, controls: &Controls) -> Result<(Attributes, (u64, u128)), DevError> {
        let reader = self.inner.chain.reader()?;
        let at = reader.head();
        let parent = reader.header(at.hash)?;
        let parent = parent.ok_or(ChainError::Damaged { what: "headers", hash: at.hash })?;
        let timestamp = controls.time.timestamp(self.clock(), parent.timestamp);
        let schedule = &reader.spec().schedule;
        let rules = schedule.rules(at.number + 1, timestamp, true);
        let base_fee = controls.base_fee.unwrap_or_else(|| base_fee::of_child(&parent));
        let blob_fee = rules.blobs.map_or(1, |blobs| {
            blobs::price_of(&blobs, blobs::excess_of_child(&rules, &blobs, &parent))
        });
        let attributes = Attributes {
            timestamp,
            prev_randao: controls
                .prev_randao
                .unwrap_or_else(|| alloy_primitives::keccak256(at.hash)),
            fee_recipient: controls.coinbase,
            withdrawals: rules.has(Fork::Shanghai).then(Vec::new),
            parent_beacon_block_root: rules.has(Fork::Cancun).then_some(B256::ZERO),
            gas_limit: controls.gas_limit,
            extra_data: Bytes::from_static(&[HEADER_VERSION]),
            base_fee: controls.base_fee,
            ..Attributes::default()
        };
        Ok((attributes, (base_fee, blob_fee)))
    }

    fn head_time(&self) -> Result<u64, DevError> {
        let reader = self.inner.chain.reader()?;
        let header = reader.header(reader.head().hash)?;
        Ok(header.map(|header| header.timestamp).unwrap_or_default())
    }

    /// The time as the chain has it, seconds since 1970.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.controls().time.now(self.clock())
    }

    /// Moves time forward, or back if negative; returns how far it is off the clock, seconds.
    pub fn increase_time(&self, seconds: i64) -> i64 {
        let mut controls = self.controls();
        controls.time.offset = controls.time.offset.saturating_add(seconds);
        controls.time.offset
    }

    /// Makes it `time` now; returns how far that is off the clock, seconds.
    pub fn set_time(&self, time: u64) -> i64 {
        let clock = self.clock();
        let mut controls = self.controls();
        controls.time.set_now(clock, time);
        controls.time.offset
    }

    /// Sets the timestamp of the next block.
    ///
    /// # Errors
    ///
    /// [`DevError::Timestamp`] if it is not after the head's.
    pub fn set_next_timestamp(&self, timestamp: u64) -> Result<(), DevError> {
        let mut controls = self.controls();
        let head = self.head_time()?;
        if timestamp <= head {
            return Err(DevError::Timestamp { head, actual: timestamp });
        }
        controls.time.next = Some(timestamp);
        Ok(())
    }

    /// Sets the seconds from each block to the next; `None` leaves that to the clock.
    pub fn set_timestamp_step(&self, seconds: Option<u64>) {
        self.controls().time.step = seconds;
    }

    /// Leaves the seconds between blocks to the clock again; returns whether they were not.
    #[must_use]
    pub fn clear_timestamp_step(&self) -> bool {
        self.controls().time.step.take().is_some()
    }

    /// Sets who gets the fees.
    pub fn set_coinbase(&self, coinbase: Address) {
        self.controls().coinbase = coinbase;
    }

    /// Who gets the fees.
    #[must_use]
    pub fn coinbase(&self) -> Address {
        self.controls().coinbase
    }

    /// Sets the limit of gas of blocks from now on.
    pub fn set_gas_limit(&self, gas_limit: u64) {
        self.controls().gas_limit = Some(gas_limit);
    }

    /// Sets the base fee of the next block.
    pub fn set_next_base_fee(&self, base_fee: u64) {
        self.controls().base_fee = Some(base_fee);
    }

    /// Sets the randomness of the next block.
    pub fn set_next_prev_randao(&self, prev_randao: B256) {
        self.controls().prev_randao = Some(prev_randao);
    }

    /// Lets anybody send in the name of an account.
    pub fn impersonate(&self, account: Address) {
        self.controls().played.insert(account);
    }

    /// Ends that.
    pub fn stop_impersonating(&self, account: Address) {
        self.controls().played.remove(&account);
    }

    /// Lets anybody send in the name of any account, or ends that.
    pub fn impersonate_all(&self, all: bool) {
        self.controls().plays_all = all;
    }

    /// Whether anybody may send in the name of an account.
    #[must_use]
    pub fn is_impersonated(&self, account: Address) -> bool {
        let controls = self.controls();
        controls.plays_all || controls.played.contains(&account)
    }

    /// The account with a key, if this chain has it.
    #[must_use]
    pub fn account(&self, address: Address) -> Option<&DevAccount> {
        self.inner.accounts.iter().find(|account| account.address == address)
    }

    /// Remembers where the chain is; returns what to give [`Self::revert`].
    #[must_use]
    pub fn snapshot(&self) -> u64 {
        let mut controls = self.controls();
        let id = controls.saved_next;
        controls.saved_next += 1;
        let saved = Saved {
            id,
            at: self.inner.chain.head(),
            amendments: controls.amendments.len(),
            time: controls.time,
        };
        if controls.saved.len() >= SNAPSHOTS_MAX {
            controls.saved.remove(0);
        }
        controls.saved.push(saved);
        id
    }

    /// The snapshots there are: number, and the block of each.
    #[must_use]
    pub fn snapshots(&self) -> Vec<(u64, BlockRef)> {
        self.controls().saved.iter().map(|saved| (saved.id, saved.at)).collect()
    }

    /// Goes back to a snapshot and forgets it and those after it; false if there is none of that number.
    ///
    /// # Errors
    ///
    /// [`DevError`] if the state does not reach so far back.
    pub fn revert(&self, id: u64) -> Result<bool, DevError> {
        let mut controls = self.controls();
        let Some(index) = controls.saved.iter().position(|saved| saved.id == id) else {
            return Ok(false);
        };
        let Some(saved) = controls.saved.get(index).cloned() else { return Ok(false) };
        self.inner.chain.rollback(saved.at.number)?;
        self.undo_amendments(&mut controls, saved.amendments, saved.at)?;
        controls.saved.truncate(index);
        controls.time = saved.time;
        drop(controls);
        self.inner.source.refresh();
        Ok(true)
    }
}
