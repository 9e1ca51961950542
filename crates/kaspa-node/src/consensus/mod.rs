//! Consensus: from a block to the virtual state.
//!
//! ```text
//!   submit_header ─► header stage ─► row ────────┐
//!   submit_block ──► header ─► body stage ───────┼──► Columns (memory) and Ledger (disk)
//!                                  └► resolve ───┘         │
//!                                       └─► VirtualState, published: templates, mempool, clients read it
//! ```
//!
//! [`Consensus`] holds no threads but those that check scripts: whoever calls it brings the thread. Its stages may be called side by side
//! ([`pipeline`](crate::pipeline) does so); each takes the locks it needs, and for short.
//!
//! # Locks, in the order in which they may be taken
//!
//! `resolving` → `numbering` → `offer` → `pruning_set` → `published` → `columns`; while scripts run no more than the first two are held. `numbering` is never taken
//! twice by a thread, and listeners are told without it.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    hash::{BuildHasher, Hasher},
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{SystemTime, UNIX_EPOCH},
};

use quintet_kaspa_protocol::{
    block::Block,
    dag::BlockId,
    hashing::UtxoMuHash,
    header::Header,
    params::Params,
    state::{DiffEntry, UtxoDiff},
    tx::{Outpoint, UtxoEntry},
    validation::RuleError,
};
use quintet_primitives::Hash256;

mod bodies;
mod body;
mod candidates;
mod chain;
mod columns;
mod error;
mod events;
mod header;
mod lanes;
mod memory;
mod offer;
mod open;
mod pool;
mod prune;
mod query;
mod records;
mod renumber;
mod resolve;
mod rules;
mod scripts;
mod start;
mod submit;
mod sync;
mod template;
mod virtual_state;

pub use error::{ConsensusError, Outcome};
pub use events::{Event, Listener};
pub use memory::MemoryLedger;
pub use offer::{Offered, OfferedLanes};
pub use pool::{Prepared, Unprepared};
pub use query::{AcceptedBy, BlockPlace, ChainPath, VirtualChanges};
pub use start::{Start, StartError};
pub use sync::HeadersAbove;
pub use template::BlockTemplate;
pub use virtual_state::VirtualState;

use bodies::Bodies;
use columns::Columns;
use offer::Offer;
use records::Records;
use scripts::Scripts;

use crate::ports::{BlockStatus, Ledger};

/// Refused headers remembered, so that they are not judged again and what builds on them is refused.
const REFUSED_MAX: usize = 1 << 14;

/// Reasons remembered why blocks are no chain blocks.
const DISQUALIFIED_MAX: usize = 1 << 10;

/// Tells the time, milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How consensus runs.
#[derive(Clone)]
pub struct Options {
    /// Threads that check scripts, at least 1.
    pub threads: usize,
    /// Bytes for remembering verified scripts.
    pub verified_bytes: usize,
    /// Bytes of recent bodies kept at hand.
    pub bodies_bytes: usize,
    /// Latest headers kept at hand, about a kilobyte each: those parents are among.
    pub recent_headers: usize,
    /// Salts the map of block hashes.
    pub seed: u64,
    /// Salts the memory of verified scripts.
    pub salt: [u8; 32],
    /// What time it is.
    pub clock: Clock,
    /// Whether everything is kept: the pruning point moves, and nothing is deleted.
    pub archival: bool,
    /// Rows of deleted blocks, at least, from which on memory is given back; a row is some hundred bytes.
    pub sparse_rows_min: usize,
    /// Who is told of events.
    pub listener: Listener,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("threads", &self.threads)
            .field("verified_bytes", &self.verified_bytes)
            .field("bodies_bytes", &self.bodies_bytes)
            .field("recent_headers", &self.recent_headers)
            .field("archival", &self.archival)
            .field("sparse_rows_min", &self.sparse_rows_min)
            .field("listener", &self.listener)
            .finish_non_exhaustive()
    }
}

impl Default for Options {
    /// A thread for each core, the system's clock, random salts.
    fn default() -> Self {
        let random = || std::collections::hash_map::RandomState::new().build_hasher().finish();
        let mut salt = [0; 32];
        salt.chunks_mut(8).for_each(|part| part.copy_from_slice(&random().to_le_bytes()));
        Self {
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            verified_bytes: 32 << 20,
            bodies_bytes: 64 << 20,
            recent_headers: 1 << 14,
            seed: random(),
            salt,
            clock: Arc::new(|| {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            }),
            archival: false,
            sparse_rows_min: 1 << 12,
            listener: Listener::default(),
        }
    }
}

/// A set that forgets its oldest members.
#[derive(Debug, Default)]
struct Refused {
    known: HashSet<Hash256>,
    order: VecDeque<Hash256>,
}

impl Refused {
    fn insert(&mut self, hash: Hash256) {
        if self.known.insert(hash) {
            self.order.push_back(hash);
        }
        while self.order.len() > REFUSED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

/// Consensus over a ledger.
#[derive(Debug)]
pub struct Consensus {
    params: Params,
    options: Options,
    ledger: Arc<dyn Ledger>,
    columns: RwLock<Columns>,
    bodies: Bodies,
    records: Records,
    scripts: Scripts,
    published: RwLock<Arc<VirtualState>>,
    resolving: Mutex<()>,
    /// Held for reading while a block's number is held, for writing while numbers change.
    numbering: RwLock<()>,
    refused: Mutex<Refused>,
    disqualified: Mutex<HashMap<Hash256, RuleError>>,
    /// First headers of the levels of the last proof.
    proof_roots: Mutex<Vec<Hash256>>,
    /// What whoever starts from the pruning point is offered.
    offer: Mutex<Offer>,
    /// Held for writing while the pruning point and its set move, so that who reads the set knows whose it is.
    pruning_set: RwLock<()>,
    listener: Listener,
}

impl Consensus {
    fn columns(&self) -> RwLockReadGuard<'_, Columns> {
        self.columns.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn columns_mut(&self) -> RwLockWriteGuard<'_, Columns> {
        self.columns.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn numbering(&self) -> RwLockReadGuard<'_, ()> {
        self.numbering.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn published_guard(&self) -> RwLockReadGuard<'_, Arc<VirtualState>> {
        self.published.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn published(&self) -> Arc<VirtualState> {
        Arc::clone(&self.published_guard())
    }

    fn note_disqualified(&self, hash: Hash256, error: RuleError) {
        let mut known = self.disqualified.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= DISQUALIFIED_MAX {
            known.clear();
        }
        known.insert(hash, error);
    }

    /// Returns the network's parameters.
    #[must_use]
    pub const fn params(&self) -> &Params {
        &self.params
    }

    /// Returns the virtual block.
    #[must_use]
    pub fn virtual_state(&self) -> Arc<VirtualState> {
        self.published()
    }

    /// Returns the hash of the sink: the tip of the selected chain.
    #[must_use]
    pub fn sink(&self) -> Hash256 {
        self.published().sink_hash()
    }

    /// Returns the blocks with a body of which no child has one.
    #[must_use]
    pub fn tips(&self) -> Vec<Hash256> {
        let columns = self.columns();
        columns.tips().iter().map(|&tip| columns.hash(tip)).collect()
    }

    /// Returns the hash of the header with most blue work, and its blue score.
    #[must_use]
    pub fn header_tip(&self) -> (Hash256, u64) {
        let columns = self.columns();
        (columns.hash(columns.header_tip()), columns.dag.blue_score(columns.header_tip()))
    }

    /// Returns the pruning point.
    #[must_use]
    pub fn pruning_point(&self) -> Hash256 {
        let columns = self.columns();
        columns.hash(columns.pruning_point())
    }

    /// Returns how many headers there are in memory, deleted ones among them.
    #[must_use]
    pub fn header_count(&self) -> usize {
        self.columns().dag.len() - 1
    }

    /// Returns a block's status; `None` if it is not known.
    #[must_use]
    pub fn status(&self, hash: &Hash256) -> Option<BlockStatus> {
        let columns = self.columns();
        columns.dag.find(hash).map(|block| columns.status(block))
    }

    /// Returns whether a header is known, or known to be refused: whoever waits for it need not wait any longer.
    pub(crate) fn is_settled_header(&self, hash: &Hash256) -> bool {
        self.columns().dag.find(hash).is_some() || self.is_refused(hash)
    }

    /// Returns whether a body is known, or can no longer come.
    pub(crate) fn is_settled_body(&self, hash: &Hash256) -> bool {
        let columns = self.columns();
        let status = columns.dag.find(hash).map(|block| columns.status(block));
        status.is_some_and(|status| status.has_body() || status == BlockStatus::Invalid)
    }

    /// Returns why a block is no chain block, if that was found lately.
    #[must_use]
    pub fn disqualification(&self, hash: &Hash256) -> Option<RuleError> {
        let known = self.disqualified.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(hash).cloned()
    }

    /// Returns a header by its hash.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn header(&self, hash: &Hash256) -> Result<Option<Arc<Header>>, ConsensusError> {
        let _numbering = self.numbering();
        let block = self.columns().dag.find(hash);
        block.map(|block| self.header_of(block)).transpose()
    }

    /// Returns whole a block by its hash; `None` if it or its body is not there.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn block(&self, hash: &Hash256) -> Result<Option<Block>, ConsensusError> {
        let _numbering = self.numbering();
        let found = {
            let columns = self.columns();
            columns.dag.find(hash).filter(|&block| columns.status(block).has_body())
        };
        let Some(block) = found else { return Ok(None) };
        let header = (*self.header_of(block)?).clone();
        let body = self.bodies.get(&*self.ledger, block)?;
        Ok(Some(Block { header, transactions: body.transactions.to_vec() }))
    }

    /// Looks an outpoint up in the UTXO set of the virtual block.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn utxo(&self, outpoint: &Outpoint) -> Result<Option<UtxoEntry>, ConsensusError> {
        Ok(self.utxos(std::slice::from_ref(outpoint))?.pop().flatten())
    }

    /// Looks outpoints up in the UTXO set of the virtual block, with one question to the ledger; the answers stand in the order asked.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn utxos(&self, outpoints: &[Outpoint]) -> Result<Vec<Option<UtxoEntry>>, ConsensusError> {
        let published = self.published_guard();
        let mut found = vec![None; outpoints.len()];
        let (mut places, mut asked) = (Vec::new(), Vec::new());
        for (place, outpoint) in outpoints.iter().enumerate() {
            match published.diff.get(outpoint) {
                DiffEntry::Unspent(entry) => found[place] = Some(entry.clone()),
                DiffEntry::Spent => {}
                DiffEntry::Unchanged => {
                    places.push(place);
                    asked.push(*outpoint);
                }
            }
        }
        if !asked.is_empty() {
            for (place, entry) in places.into_iter().zip(self.ledger.utxos(&asked)?) {
                found[place] = entry;
            }
        }
        Ok(found)
    }
}

/// The virtual block over a genesis before anything was resolved.
fn first_state(
    params: &Params,
    genesis: Hash256,
    sink: BlockId,
    lanes: quintet_kaspa_protocol::lanes::LaneTree,
) -> VirtualState {
    VirtualState {
        parents: vec![sink],
        parent_hashes: vec![genesis],
        sink,
        ghostdag: quintet_kaspa_protocol::dag::Ghostdag {
            selected_parent: sink,
            ..Default::default()
        },
        daa_score: params.genesis.daa_score,
        bits: params.genesis.bits,
        past_median_time: params.genesis.timestamp,
        pruning_point: genesis,
        multiset: UtxoMuHash::new(),
        diff: Arc::new(UtxoDiff::new()),
        acceptance: Vec::new(),
        rewards: quintet_kaspa_protocol::state::Rewards::default(),
        accepted_id_root: Hash256::default(),
        lanes,
    }
}
