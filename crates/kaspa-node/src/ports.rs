//! What this crate's parts ask of one another: consensus of whoever keeps its data, the [`Ledger`]; the network of whoever keeps
//! unconfirmed transactions, the [`TransactionPool`].
//!
//! # The ledger
//!
//! Blocks go by their dense number ([`BlockId`]); hashes are looked up nowhere but in memory.
//!
//! ```text
//!   header accepted ──► append_header(id, header, row)      ┐ appended in order, not waited for
//!   body accepted ────► append_body(id, transactions)       ┘
//!   virtual resolved ─► commit(step)                          atomic; durable with all appended before it
//!   pruning point moves ─► prune(step)                        atomic; what it names may be gone at once
//!
//!   start ──► load(visit): every row in the order of numbers, then the last committed step
//!
//!   a DAG that begins at a pruning point of a peer:
//!   stage() ──► append_header*, append_body*, import_utxos*, begin(step) ──► promote(): in this one's place
//! ```
//!
//! # What a ledger owes
//!
//! - **Order.** Appends and commits become durable in the order they were made. After a crash a prefix is left: the last commit that is
//!   whole, and everything appended before it. What was appended after it may be there or not, again as a prefix; a header whose
//!   number is missing is not there, nor is anything later.
//! - **Atomic steps.** [`Ledger::commit`] and [`Ledger::prune`] happen whole or not at all. After an error the ledger takes no more
//!   writes.
//! - **Reading back.** What was appended or committed is read at once, durable or not, from any thread.
//! - **The set.** [`Ledger::utxos`] answers for the UTXO set of the committed sink: the set after the sink accepted its mergeset.
//!
//! The in-memory ledger of tests and simulations is [`MemoryLedger`](crate::consensus::MemoryLedger).

use std::{fmt, sync::Arc};

use quintet_kaspa_protocol::{
    dag::{BlockId, Expected, ExpectedDepths, ExpectedPruning, Ghostdag, Sampling},
    hashing::UtxoMuHash,
    header::Header,
    state::{MergedBlock, UtxoDiff},
    tx::{Outpoint, Transaction, UtxoEntry},
};
use quintet_primitives::Hash256;
use ruint::aliases::U192;
use thiserror::Error;

/// A ledger that cannot do what was asked: a broken disk, a damaged file. It never says anything about a block.
#[derive(Debug, Clone, Error)]
pub enum LedgerError {
    /// Reading or writing failed.
    #[error("could not {action}: {source}")]
    Io {
        /// What was tried.
        action: String,
        /// Why it failed.
        source: Arc<std::io::Error>,
    },
    /// What was read is not what was written.
    #[error("expected {expected}, got {actual}; restore the data directory or start anew")]
    Damaged {
        /// What should be there.
        expected: String,
        /// What is.
        actual: String,
    },
    /// What consensus needs is not there.
    #[error("expected {what} of block number {} to be kept, it is not", block.number())]
    Missing {
        /// What is missing.
        what: &'static str,
        /// Whose.
        block: BlockId,
    },
    /// An earlier write failed.
    #[error("the ledger takes no more writes since an earlier one failed: {reason}")]
    Poisoned {
        /// The earlier failure.
        reason: String,
    },
    /// The engine below failed.
    #[error("the store failed: {reason}")]
    Store {
        /// Its words.
        reason: String,
    },
}

/// The transactions of a block, shared.
pub type Body = Arc<Vec<Transaction>>;

/// What is known of a block besides its place in the DAG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockStatus {
    /// The header is valid; there is no body, or no longer.
    HeaderOnly,
    /// The body is valid; whether its chain's transactions are is not known. The reference's `UTXOPendingVerification`.
    BodyPending,
    /// A chain block whose mergeset was accepted and whose header says so.
    UtxoValid,
    /// Its header does not say what its mergeset leads to: no chain goes through it, but it is merged like others.
    Disqualified,
    /// The body is invalid: nothing may build on it.
    Invalid,
    /// Pruned: the header is gone too, and its number names nothing.
    Deleted,
}

impl BlockStatus {
    /// Returns whether the block's body is there.
    #[must_use]
    pub const fn has_body(self) -> bool {
        matches!(self, Self::BodyPending | Self::UtxoValid | Self::Disqualified)
    }

    /// Returns whether blocks may name it as a parent.
    #[must_use]
    pub const fn has_header(self) -> bool {
        !matches!(self, Self::Invalid | Self::Deleted)
    }
}

/// The row of every column for an accepted header: what makes [`Dag`](quintet_kaspa_protocol::dag::Dag),
/// [`Windows`](quintet_kaspa_protocol::dag::Windows), [`Depths`](quintet_kaspa_protocol::dag::Depths) and
/// [`PruningPoints`](quintet_kaspa_protocol::dag::PruningPoints) again by pushing, without computing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderRow {
    /// The block's hash.
    pub hash: Hash256,
    /// Its parents in the header's order; the origin for those that are not known.
    pub parents: Vec<BlockId>,
    /// Its own work.
    pub work: U192,
    /// Its level of proof of work.
    pub level: u8,
    /// Its place in the DAG.
    pub ghostdag: Ghostdag,
    /// What its windows say.
    pub expected: Expected,
    /// Which windows.
    pub sampling: Sampling,
    /// Its time, milliseconds.
    pub timestamp: u64,
    /// Its difficulty bits.
    pub bits: u32,
    /// Its depth points.
    pub depths: ExpectedDepths,
    /// Its pruning sample and pruning point.
    pub pruning: ExpectedPruning,
}

/// The state of a lane of KIP-21.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneState {
    /// Its tip.
    pub tip: Hash256,
    /// Blue score of the chain block that moved it last.
    pub blue_score: u64,
}

/// What a chain block changed of one lane; what was before is there to go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneChange {
    /// The lane's key.
    pub lane: Hash256,
    /// Before the block; none if it was not active.
    pub before: Option<LaneState>,
    /// After it; none if it is not active any more.
    pub after: Option<LaneState>,
}

/// What acceptance made of a chain block: kept as long as a chain might go back over it.
#[derive(Debug, Clone)]
pub struct ChainRecord {
    /// From the set of its selected parent to its own.
    pub diff: UtxoDiff,
    /// What it accepted, the selected parent first, then the others in the order of acceptance.
    pub acceptance: Vec<MergedBlock>,
    /// The hash of its set, in the running form.
    pub multiset: UtxoMuHash,
    /// What it changed of lanes; empty before Toccata.
    pub lanes: Vec<LaneChange>,
    /// Digest of its context and payloads, which whoever starts from it as a pruning point is told; zeros before Toccata.
    pub payload_and_context: Hash256,
}

/// The outcome of one resolution of the virtual block: applied whole or not at all.
#[derive(Debug)]
pub struct VirtualStep<'a> {
    /// The sink from now on.
    pub sink: BlockId,
    /// Chain blocks left, from the old sink down.
    pub removed: &'a [BlockId],
    /// Chain blocks joined, upwards to the new sink.
    pub added: &'a [BlockId],
    /// From the set of the old sink to that of the new one.
    pub diff: &'a UtxoDiff,
    /// Blocks found valid, on the chain or beside it, with what acceptance made of them. Their status is
    /// [`BlockStatus::UtxoValid`] from now on.
    pub validated: &'a [(BlockId, Arc<ChainRecord>)],
    /// Blocks found not to be valid as chain blocks: [`BlockStatus::Disqualified`] from now on.
    pub disqualified: &'a [BlockId],
}

/// The pruning point's move and what goes with it: applied whole or not at all.
#[derive(Debug)]
pub struct PruneStep<'a> {
    /// The pruning points passed, upwards; the last is the pruning point from now on.
    pub points: &'a [BlockId],
    /// From the set of the last pruning point to that of the new one. Each pruning point's set can be read by
    /// [`Ledger::pruning_utxos`].
    pub diff: &'a UtxoDiff,
    /// Blocks whose body and chain record go while the header stays: [`BlockStatus::HeaderOnly`] from now on.
    pub bodies: &'a [BlockId],
    /// Blocks that go with all they have: [`BlockStatus::Deleted`] from now on.
    pub blocks: &'a [BlockId],
}

/// The beginning of a DAG at a pruning point that came from a peer: applied whole or not at all.
#[derive(Debug)]
pub struct StartStep<'a> {
    /// All pruning points so far, upwards; the genesis is the first, and the last is the sink from now on.
    pub points: &'a [BlockId],
    /// What is known of the acceptance of the last one: the hash of its set, and its lanes.
    pub record: &'a Arc<ChainRecord>,
}

/// A block as it is read back at start.
#[derive(Debug, Clone)]
pub struct LoadedBlock {
    /// Its number.
    pub block: BlockId,
    /// Its row.
    pub row: HeaderRow,
    /// Its status.
    pub status: BlockStatus,
}

/// Where the virtual state stands after the last commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The sink.
    pub sink: BlockId,
    /// All pruning points so far, upwards; the genesis is the first.
    pub pruning_points: Vec<BlockId>,
}

/// Keeps headers, bodies, the rows of the DAG, the UTXO set at the sink and what leads from one chain block to the next.
///
/// See the [module](self) for what it owes. Every method may be called from any thread; appends of one block come in order.
pub trait Ledger: Send + Sync + fmt::Debug {
    /// Returns whether [`Self::load`] leaves deleted blocks out and numbers the rest anew.
    fn numbers_anew(&self) -> bool;

    /// Reads every block back in the order of numbers, then says where the virtual state stands; `None` if the ledger is new.
    ///
    /// It may be called again at any time: from then on all calls speak of the numbers it told.
    ///
    /// # Errors
    ///
    /// [`LedgerError`], also what `visit` returns.
    fn load(
        &self,
        visit: &mut dyn FnMut(LoadedBlock) -> Result<(), LedgerError>,
    ) -> Result<Option<Committed>, LedgerError>;

    /// Appends an accepted header and its row. Numbers come one after another, beginning with that of the genesis, 1.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    fn append_header(
        &self,
        block: BlockId,
        header: &Arc<Header>,
        row: &HeaderRow,
    ) -> Result<(), LedgerError>;

    /// Appends a valid body; the status is [`BlockStatus::BodyPending`] from now on.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    fn append_body(&self, block: BlockId, body: &Body) -> Result<(), LedgerError>;

    /// Appends that a block's body is invalid.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    fn append_invalid(&self, block: BlockId) -> Result<(), LedgerError>;

    /// Returns a header; `None` if it was deleted.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    fn header(&self, block: BlockId) -> Result<Option<Arc<Header>>, LedgerError>;

    /// Returns a body; `None` if there is none, or no longer.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    fn body(&self, block: BlockId) -> Result<Option<Body>, LedgerError>;

    /// Returns what acceptance made of a chain block; `None` if it never was accepted, or was pruned.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    fn chain_record(&self, block: BlockId) -> Result<Option<Arc<ChainRecord>>, LedgerError>;

    /// Looks outpoints up in the set of the committed sink, all at once; the answers stand in the order asked.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    fn utxos(&self, outpoints: &[Outpoint]) -> Result<Vec<Option<UtxoEntry>>, LedgerError>;

    /// Applies a resolution of the virtual block. The very first one's sink is the genesis, which is the first pruning point from then on.
    ///
    /// # Errors
    ///
    /// [`LedgerError`]; the ledger takes no more writes then.
    fn commit(&self, step: &VirtualStep<'_>) -> Result<(), LedgerError>;

    /// Applies a move of the pruning point.
    ///
    /// # Errors
    ///
    /// [`LedgerError`]; the ledger takes no more writes then.
    fn prune(&self, step: &PruneStep<'_>) -> Result<(), LedgerError>;

    /// Returns up to `limit` entries of the pruning point's set in the order of outpoints, those after `after`.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    fn pruning_utxos(
        &self,
        after: Option<Outpoint>,
        limit: usize,
    ) -> Result<Vec<(Outpoint, UtxoEntry)>, LedgerError>;

    /// Brings everything appended and committed to where it outlives this process, though not a power cut.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    fn write_out(&self) -> Result<(), LedgerError>;

    /// Adds entries to the set of the pruning point, which is that of the sink, of a ledger that begins at one. Before
    /// [`Self::begin`].
    ///
    /// # Errors
    ///
    /// [`LedgerError`]; the ledger takes no more writes then.
    fn import_utxos(&self, entries: &[(Outpoint, UtxoEntry)]) -> Result<(), LedgerError>;

    /// Begins at a pruning point whose header, body and set came before. The first commit of such a ledger.
    ///
    /// # Errors
    ///
    /// [`LedgerError`]; the ledger takes no more writes then.
    fn begin(&self, step: &StartStep<'_>) -> Result<(), LedgerError>;

    /// Makes an empty ledger beside this one, for a DAG that begins at a pruning point. What was made there before and not promoted goes.
    ///
    /// # Errors
    ///
    /// [`LedgerError`], also if this ledger has no place for another.
    fn stage(&self) -> Result<Arc<dyn Ledger>, LedgerError> {
        Err(LedgerError::Damaged {
            expected: "a ledger with a place for another beside it".to_owned(),
            actual: "one without".to_owned(),
        })
    }

    /// Puts the ledger that [`Self::stage`] made in the place of this one, durably and whole or not at all: from then on every call is about
    /// that DAG, with the numbers it has there.
    ///
    /// # Errors
    ///
    /// [`LedgerError`], also if none was made.
    fn promote(&self) -> Result<(), LedgerError> {
        Err(LedgerError::Damaged {
            expected: "a ledger that was staged".to_owned(),
            actual: "none".to_owned(),
        })
    }

    /// Makes everything appended and committed durable before it returns.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    fn flush(&self) -> Result<(), LedgerError>;
}

/// What became of a transaction that the pool did not refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// It is in the pool: its id first, then those of orphans that became whole with it. All of them are worth telling peers.
    Accepted(Vec<Hash256>),
    /// It waits in the pool for transactions that made what it spends; nobody is told of it.
    Orphan {
        /// Ids of the transactions that are missing.
        missing: Vec<Hash256>,
    },
}

/// Why the pool does not take a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PoolRefusal {
    /// It can never be part of a block: who sent it misbehaves.
    #[error("transaction {id} is invalid: {reason}")]
    Invalid {
        /// Its id.
        id: Hash256,
        /// The rule that is broken.
        reason: String,
    },
    /// It is valid, but not of a form that this node relays.
    #[error("transaction {id} is not standard: {reason}")]
    NonStandard {
        /// Its id.
        id: Hash256,
        /// What is not standard.
        reason: String,
    },
    /// It is known, spends what another one spends, pays too little, or there is no room. Nobody is to blame.
    #[error("transaction {id} is not taken: {reason}")]
    NotTaken {
        /// Its id.
        id: Hash256,
        /// Why.
        reason: String,
    },
}

/// Keeps unconfirmed transactions; what the network asks of the mempool.
///
/// Every method may be called from any thread and may run scripts: it must not be called on an asynchronous worker, [`Self::has`] aside.
/// The pool follows the virtual block by itself ([`Event`](crate::consensus::Event)) and hands what became whole or is to be told again to
/// [`Network::announce_transactions`](crate::p2p::Network::announce_transactions).
pub trait TransactionPool: Send + Sync + fmt::Debug {
    /// Returns whether a transaction is in the pool, as an orphan too: then nobody is asked for it. Fast.
    fn has(&self, id: &Hash256) -> bool;

    /// Returns a transaction of the pool that may be shown to others; no orphan.
    fn get(&self, id: &Hash256) -> Option<Arc<Transaction>>;

    /// Takes transactions that a peer sent, in their order; the verdicts stand in the same order. A transaction may spend what one before it makes.
    fn submit(&self, transactions: Vec<Transaction>) -> Vec<Result<Submitted, PoolRefusal>>;
}

/// A pool that takes nothing: for a node that relays blocks alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTransactions;

impl TransactionPool for NoTransactions {
    fn has(&self, _: &Hash256) -> bool {
        false
    }

    fn get(&self, _: &Hash256) -> Option<Arc<Transaction>> {
        None
    }

    fn submit(&self, transactions: Vec<Transaction>) -> Vec<Result<Submitted, PoolRefusal>> {
        let refuse = |tx: &Transaction| {
            let reason = "this node keeps no transactions".to_owned();
            Err(PoolRefusal::NotTaken { id: tx.id(), reason })
        };
        transactions.iter().map(refuse).collect()
    }
}
