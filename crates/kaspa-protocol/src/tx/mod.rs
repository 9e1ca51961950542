//! Transactions, their parts, and the entries of the UTXO set they spend and make.
//!
//! Two versions exist. Version 1 came with Toccata; it commits to a compute budget in each input in
//! place of a count of signature operations, binds outputs to covenants, and may live on a lane
//! (subnetwork) of a user. What a version must not carry is refused by validation, not by the types:
//! hashing has to be defined for whatever a peer sends.
//!
//! Scripts of up to [`SCRIPT_INLINE`] bytes, all standard ones, lie inside the value that has them.
//!
//! **Spec:** rusty-kaspa's `consensus/core/src/tx.rs`.

use core::fmt;

use quintet_primitives::{Hash256, hex};
use smallvec::SmallVec;
use thiserror::Error;

mod subnetwork;

pub use subnetwork::SubnetworkId;

/// The version of transactions before Toccata.
pub const TX_VERSION: u16 = 0;

/// The version Toccata brought.
pub const TX_VERSION_TOCCATA: u16 = 1;

/// Sompi in one kaspa.
pub const SOMPI_PER_KASPA: u64 = 100_000_000;

/// Most sompi an amount may be.
pub const MAX_SOMPI: u64 = 29_000_000_000 * SOMPI_PER_KASPA;

/// Bytes of a script kept without an allocation of its own; the longest standard script has 35.
pub const SCRIPT_INLINE: usize = 40;

/// The bytes of a script that locks an output.
pub type Script = SmallVec<[u8; SCRIPT_INLINE]>;

/// Names an output: the transaction that made it and its place there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Outpoint {
    /// Id of the transaction.
    pub transaction_id: Hash256,
    /// Index of the output.
    pub index: u32,
}

impl Outpoint {
    /// Names output `index` of a transaction.
    #[must_use]
    pub const fn new(transaction_id: Hash256, index: u32) -> Self {
        Self { transaction_id, index }
    }
}

impl fmt::Display for Outpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transaction_id, self.index)
    }
}

impl fmt::Debug for Outpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What an input commits to about the cost of its scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ComputeCommit {
    /// Signature operations; belongs to version 0.
    SigOpCount(u8),
    /// Units of 100 grams; belongs to version 1.
    ComputeBudget(u16),
}

impl ComputeCommit {
    /// Returns the zero that belongs to a transaction of this version.
    #[must_use]
    pub const fn none(version: u16) -> Self {
        if version == TX_VERSION { Self::SigOpCount(0) } else { Self::ComputeBudget(0) }
    }

    /// Returns the count of signature operations, if that is what is committed to.
    #[must_use]
    pub const fn sig_op_count(self) -> Option<u8> {
        match self {
            Self::SigOpCount(count) => Some(count),
            Self::ComputeBudget(_) => None,
        }
    }

    /// Returns the compute budget, if that is what is committed to.
    #[must_use]
    pub const fn compute_budget(self) -> Option<u16> {
        match self {
            Self::SigOpCount(_) => None,
            Self::ComputeBudget(budget) => Some(budget),
        }
    }
}

/// What a transaction spends.
#[derive(Clone, PartialEq, Eq)]
pub struct TransactionInput {
    /// The output spent.
    pub previous_outpoint: Outpoint,
    /// The script that satisfies the output's.
    pub signature_script: Vec<u8>,
    /// Relative lock time, or the flag that there is none.
    pub sequence: u64,
    /// Signature operations (version 0) or compute budget (version 1).
    pub compute_commit: ComputeCommit,
}

impl fmt::Debug for TransactionInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransactionInput")
            .field("previous_outpoint", &self.previous_outpoint)
            .field("signature_script", &hex::encode(&self.signature_script))
            .field("sequence", &self.sequence)
            .field("compute_commit", &self.compute_commit)
            .finish()
    }
}

/// A script that locks an output, and the version of the language it is written in.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ScriptPublicKey {
    /// Version of the script language; 0 is the only one there is.
    pub version: u16,
    /// The script.
    pub script: Script,
}

impl ScriptPublicKey {
    /// Wraps a script.
    #[must_use]
    pub fn new(version: u16, script: &[u8]) -> Self {
        Self { version, script: Script::from_slice(script) }
    }
}

impl fmt::Debug for ScriptPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{}", self.version, hex::encode(&self.script))
    }
}

/// Binds an output to a covenant.
///
/// **Spec:** KIP-20.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CovenantBinding {
    /// Index of the input that authorises the output.
    pub authorizing_input: u16,
    /// The covenant's id.
    pub covenant_id: Hash256,
}

/// What a transaction makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionOutput {
    /// Amount in sompi.
    pub value: u64,
    /// Who may spend it.
    pub script_public_key: ScriptPublicKey,
    /// The covenant it belongs to; version 1 only.
    pub covenant: Option<CovenantBinding>,
}

impl TransactionOutput {
    /// Makes an output that belongs to no covenant.
    #[must_use]
    pub const fn new(value: u64, script_public_key: ScriptPublicKey) -> Self {
        Self { value, script_public_key, covenant: None }
    }
}

/// A transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Version: 0, or 1 since Toccata.
    pub version: u16,
    /// What it spends; a coinbase spends nothing.
    pub inputs: Vec<TransactionInput>,
    /// What it makes.
    pub outputs: Vec<TransactionOutput>,
    /// DAA score or time before which it is not final.
    pub lock_time: u64,
    /// The subnetwork, or lane, it belongs to.
    pub subnetwork_id: SubnetworkId,
    /// Gas of its lane; zero unless on a user's lane.
    pub gas: u64,
    /// Bytes of no meaning to the ledger, a coinbase's aside.
    pub payload: Vec<u8>,
    /// Commitment to the storage mass (KIP-9); not part of the id.
    pub storage_mass: u64,
}

impl Transaction {
    /// Returns whether the subnetwork says that this is a coinbase.
    #[must_use]
    pub fn is_coinbase(&self) -> bool {
        self.subnetwork_id == SubnetworkId::COINBASE
    }
}

/// An unspent output, as the UTXO set keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UtxoEntry {
    /// Amount in sompi.
    pub amount: u64,
    /// Who may spend it.
    pub script_public_key: ScriptPublicKey,
    /// DAA score of the block that accepted its transaction.
    pub block_daa_score: u64,
    /// Whether a coinbase made it.
    pub is_coinbase: bool,
    /// The covenant it belongs to.
    pub covenant_id: Option<Hash256>,
}

/// Entries that do not fit a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected one entry for each of {inputs} inputs, got {entries}")]
pub struct EntryCountError {
    /// Inputs of the transaction.
    pub inputs: usize,
    /// Entries that came.
    pub entries: usize,
}

/// A transaction with the entries its inputs spend, one for each.
#[derive(Debug, Clone, Copy)]
pub struct PopulatedTransaction<'a> {
    tx: &'a Transaction,
    entries: &'a [UtxoEntry],
}

impl<'a> PopulatedTransaction<'a> {
    /// Brings a transaction and the entries of its inputs, in their order, together.
    ///
    /// # Errors
    ///
    /// [`EntryCountError`] if there are more or fewer entries than inputs.
    pub const fn new(
        tx: &'a Transaction,
        entries: &'a [UtxoEntry],
    ) -> Result<Self, EntryCountError> {
        if tx.inputs.len() != entries.len() {
            return Err(EntryCountError { inputs: tx.inputs.len(), entries: entries.len() });
        }
        Ok(Self { tx, entries })
    }

    /// Returns the transaction.
    #[must_use]
    pub const fn tx(&self) -> &'a Transaction {
        self.tx
    }

    /// Returns the entries, one for each input.
    #[must_use]
    pub const fn entries(&self) -> &'a [UtxoEntry] {
        self.entries
    }

    /// Returns an input and the entry it spends.
    #[must_use]
    pub fn input(&self, index: usize) -> Option<(&'a TransactionInput, &'a UtxoEntry)> {
        Some((self.tx.inputs.get(index)?, self.entries.get(index)?))
    }
}
