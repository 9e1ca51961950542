//! The set of coins as numbers and one hash, equal to those of Bitcoin Core's `gettxoutsetinfo`.
//!
//! Two ways lead to them:
//!
//! ```text
//!   SetScan      all coins, in the order of the store ──► SetStats        minutes, on any node
//!   ChainStats   block by block, back and forth        ──► Totals, MuHash  at once, for each height (coinstatsindex)
//! ```
//!
//! An element of the hash is `outpoint │ height * 2 + coinbase, u32 │ amount, i64 │ script behind its compact size`, little-endian: Core's `TxOutSer`. Two hashes are made of
//! them: `hash_serialized_3`, the double SHA-256 of all elements one after the other, to which snapshots are committed; and the
//! MuHash, which does not depend on the order and so can follow the chain.
//!
//! **Spec:** Bitcoin Core, `kernel/coinstats.cpp`, `index/coinstatsindex.cpp`.

use bitcoin::hashes::{Hash, HashEngine, sha256, sha256d};
use quintet_crypto::muhash::{MuHash, Sha256ChaCha20};
use thiserror::Error;

use super::{CoinKey, coin_key, key_of, split};
use crate::{
    block::Block,
    coin::{CoinRef, SpentCoins},
    encode::put_size,
    script::is_unspendable,
    transaction::Tx,
};

/// The set hash that does not depend on the order of its elements, as Bitcoin Core computes it.
pub type CoinsMuHash = MuHash<Sha256ChaCha20>;

/// The coinbases of these blocks were repeated by later ones while still unspent, and so lost (BIP-0030). `coinstatsindex` counts the
/// first of each pair as never made: Core's `IsBIP30Unspendable`. Hashes as displayed.
const BIP30_UNSPENDABLE: [(u32, &str); 2] = [
    (91_722, "00000000000271a2dc26e7667f8419f2e15416dc6955e5a6c6cdf3f2574dd08e"),
    (91_812, "00000000000af0aed4792b1acee3d966af36cf5def14935db8de83d6f9306f2f"),
];

/// Bytes that `bogosize` counts for a coin besides its script: id, index, height, amount, length.
const BOGO_BYTES: u64 = 32 + 4 + 4 + 8 + 2;

/// Why statistics cannot be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StatsError {
    /// Coins did not come in the order of their keys.
    #[error("expected coins by ascending transaction id")]
    Order,
    /// The undo data is another block's.
    #[error("expected the coins of {expected} inputs, got {actual}")]
    Undo {
        /// Inputs of the block without the coinbase's.
        expected: usize,
        /// Coins given.
        actual: usize,
    },
    /// The numbers do not belong to the chain the block is on.
    #[error("the statistics do not fit the block: rebuild them")]
    Mismatch,
}

/// Returns what `bogosize` counts for a coin with this script (Core's `GetBogoSize`).
#[must_use]
pub const fn bogo_size(script: &[u8]) -> u64 {
    BOGO_BYTES + script.len() as u64
}

/// Appends the element that a coin is in the set's hashes (Core's `TxOutSer`).
pub fn put_element(key: &CoinKey, coin: CoinRef<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    out.extend_from_slice(&((coin.height << 1) | u32::from(coin.coinbase)).to_le_bytes());
    out.extend_from_slice(&coin.value.to_le_bytes());
    put_size(out, coin.script_pubkey.len() as u64);
    out.extend_from_slice(coin.script_pubkey);
}

/// Which hash a scan computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetHash {
    /// `hash_serialized_3`.
    Serialized,
    /// `muhash`.
    MuHash,
    /// None.
    None,
}

/// What a scan found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetStats {
    /// Transactions with unspent outputs.
    pub transactions: u64,
    /// Unspent outputs.
    pub outputs: u64,
    /// A size of the set that does not depend on how it is stored.
    pub bogosize: u64,
    /// Satoshis; `None` if a damaged set holds more than can be.
    pub amount: Option<u64>,
    /// The hash asked for, in the order that is displayed reversed.
    pub hash: Option<[u8; 32]>,
}

/// Counts all coins. They come in the order of the store: by transaction id, within a transaction in any.
pub struct SetScan {
    stats: SetStats,
    hash: Running,
    txid: [u8; 32],
    /// The elements of one transaction: index, start, end. Bounded by what a block can make.
    group: Vec<(u32, usize, usize)>,
    elements: Vec<u8>,
}

enum Running {
    Serialized(Box<sha256::HashEngine>),
    MuHash(Box<CoinsMuHash>),
    None,
}

impl std::fmt::Debug for SetScan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetScan").field("stats", &self.stats).finish_non_exhaustive()
    }
}

impl SetScan {
    /// Begins with the empty set.
    #[must_use]
    pub fn new(hash: SetHash) -> Self {
        let hash = match hash {
            SetHash::Serialized => Running::Serialized(Box::new(sha256d::Hash::engine())),
            SetHash::MuHash => Running::MuHash(Box::new(CoinsMuHash::new())),
            SetHash::None => Running::None,
        };
        let stats =
            SetStats { transactions: 0, outputs: 0, bogosize: 0, amount: Some(0), hash: None };
        Self { stats, hash, txid: [0; 32], group: Vec::new(), elements: Vec::new() }
    }

    /// Counts the next coin.
    ///
    /// # Errors
    ///
    /// [`StatsError::Order`] if its transaction id is lower than the last coin's.
    pub fn push(&mut self, key: &CoinKey, coin: CoinRef<'_>) -> Result<(), StatsError> {
        let (txid, vout) = split(key);
        if self.stats.outputs == 0 || txid != self.txid {
            if self.stats.outputs > 0 && txid < self.txid {
                return Err(StatsError::Order);
            }
            self.end_group();
            self.stats.transactions += 1;
            self.txid = txid;
        }
        self.stats.outputs += 1;
        self.stats.bogosize += bogo_size(coin.script_pubkey);
        self.stats.amount = self.stats.amount.and_then(|sum| sum.checked_add(coin.value));
        if !matches!(self.hash, Running::None) {
            let start = self.elements.len();
            put_element(key, coin, &mut self.elements);
            self.group.push((vout, start, self.elements.len()));
        }
        Ok(())
    }

    /// Ends the scan.
    #[must_use]
    pub fn finish(mut self) -> SetStats {
        self.end_group();
        let hash = match self.hash {
            Running::Serialized(engine) => {
                Some(sha256d::Hash::from_engine(*engine).to_byte_array())
            }
            Running::MuHash(set) => Some(set.finalise().into_bytes()),
            Running::None => None,
        };
        SetStats { hash, ..self.stats }
    }

    fn end_group(&mut self) {
        self.group.sort_unstable();
        for (_, start, end) in self.group.drain(..) {
            let element = &self.elements[start..end];
            match &mut self.hash {
                Running::Serialized(engine) => engine.input(element),
                Running::MuHash(set) => set.insert(&[element]),
                Running::None => {}
            }
        }
        self.elements.clear();
    }
}

/// What `coinstatsindex` keeps for each block: sums over the chain up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Unspent outputs.
    pub outputs: u64,
    /// A size of the set that does not depend on how it is stored.
    pub bogosize: u64,
    /// Satoshis unspent.
    pub amount: u64,
    /// Satoshis that blocks were allowed to make.
    pub subsidy: u64,
    /// Satoshis spent, each time they were. Their sum over the years does not fit 64 bits for ever.
    pub prevouts_spent: u128,
    /// Satoshis of outputs, without coinbases'.
    pub new_outputs: u128,
    /// Satoshis of coinbases' outputs.
    pub coinbase: u128,
    /// Satoshis of the genesis block, which nobody can spend: Core never put its output into the set.
    pub unspendable_genesis: u64,
    /// Satoshis of coinbases that were repeated.
    pub unspendable_bip30: u64,
    /// Satoshis of outputs whose script cannot be run.
    pub unspendable_scripts: u64,
}

impl Totals {
    /// Length of [`Totals::to_bytes`].
    pub const LEN: usize = 4 * 8 + 3 * 16 + 3 * 8;

    /// Returns satoshis that miners were allowed to take and did not: what is missing between what came and what is accounted for.
    #[must_use]
    pub fn unclaimed(&self) -> u64 {
        let came = self.prevouts_spent + u128::from(self.subsidy);
        let known = self.new_outputs
            + self.coinbase
            + u128::from(self.unspendable_genesis)
            + u128::from(self.unspendable_bip30)
            + u128::from(self.unspendable_scripts);
        u64::try_from(came.saturating_sub(known)).unwrap_or(u64::MAX)
    }

    /// Returns satoshis that were made or could have been, and that nobody will spend.
    #[must_use]
    pub fn unspendable(&self) -> u64 {
        self.unspendable_genesis
            .saturating_add(self.unspendable_bip30)
            .saturating_add(self.unspendable_scripts)
            .saturating_add(self.unclaimed())
    }

    /// Returns the fields in their order, little-endian.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        };
        for field in [self.outputs, self.bogosize, self.amount, self.subsidy] {
            put(&field.to_le_bytes());
        }
        for field in [self.prevouts_spent, self.new_outputs, self.coinbase] {
            put(&field.to_le_bytes());
        }
        for field in [self.unspendable_genesis, self.unspendable_bip30, self.unspendable_scripts] {
            put(&field.to_le_bytes());
        }
        bytes
    }

    /// Reads the form of [`Totals::to_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let word =
            |at: usize| bytes[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
        let wide =
            |at: usize| bytes[at..].first_chunk().map_or(0, |word| u128::from_le_bytes(*word));
        Self {
            outputs: word(0),
            bogosize: word(8),
            amount: word(16),
            subsidy: word(24),
            prevouts_spent: wide(32),
            new_outputs: wide(48),
            coinbase: wide(64),
            unspendable_genesis: word(80),
            unspendable_bip30: word(88),
            unspendable_scripts: word(96),
        }
    }

    /// Adds what a block changes, or takes it away; `None` if a sum leaves its range.
    fn moved(&self, block: &Changes, way: Way) -> Option<Self> {
        let (come, gone) = match way {
            Way::Forth => (block.made, block.spent),
            Way::Back => (block.spent, block.made),
        };
        let coins = |sum: u64, come: u64, gone: u64| sum.checked_add(come)?.checked_sub(gone);
        let sum = |sum: u64, by: u64| match way {
            Way::Forth => sum.checked_add(by),
            Way::Back => sum.checked_sub(by),
        };
        let wide = |sum: u128, by: u64| match way {
            Way::Forth => sum.checked_add(u128::from(by)),
            Way::Back => sum.checked_sub(u128::from(by)),
        };
        Some(Self {
            outputs: coins(self.outputs, come.outputs, gone.outputs)?,
            bogosize: coins(self.bogosize, come.bogosize, gone.bogosize)?,
            amount: coins(self.amount, come.amount, gone.amount)?,
            subsidy: sum(self.subsidy, block.subsidy)?,
            prevouts_spent: wide(self.prevouts_spent, block.spent.amount)?,
            new_outputs: wide(self.new_outputs, block.made.amount.checked_sub(block.coinbase)?)?,
            coinbase: wide(self.coinbase, block.coinbase)?,
            unspendable_genesis: sum(self.unspendable_genesis, block.genesis)?,
            unspendable_bip30: sum(self.unspendable_bip30, block.bip30)?,
            unspendable_scripts: sum(self.unspendable_scripts, block.scripts)?,
        })
    }
}

/// Whether a block comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Forth,
    Back,
}

/// A block as the statistics see it.
#[derive(Debug, Clone, Copy)]
pub struct StatsBlock<'a> {
    /// The block.
    pub block: &'a Block,
    /// Its height.
    pub height: u32,
    /// The subsidy at its height, satoshis.
    pub subsidy: u64,
    /// The coins it spends.
    pub spent: &'a SpentCoins,
}

/// The statistics of the chain up to a block, which follow it back and forth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainStats {
    /// The sums.
    pub totals: Totals,
    /// The set's hash before its end; [`MuHash::finalise`] gives what is displayed.
    pub muhash: CoinsMuHash,
}

impl Default for ChainStats {
    fn default() -> Self {
        Self { totals: Totals::default(), muhash: CoinsMuHash::new() }
    }
}

impl ChainStats {
    /// Adds the next block; genesis is the first.
    ///
    /// # Errors
    ///
    /// [`StatsError::Undo`], [`StatsError::Mismatch`]; nothing is changed then.
    pub fn connect(&mut self, block: StatsBlock<'_>) -> Result<(), StatsError> {
        self.apply(block, Way::Forth)
    }

    /// Takes the last block away.
    ///
    /// # Errors
    ///
    /// As for [`ChainStats::connect`].
    pub fn disconnect(&mut self, block: StatsBlock<'_>) -> Result<(), StatsError> {
        self.apply(block, Way::Back)
    }

    fn apply(&mut self, block: StatsBlock<'_>, way: Way) -> Result<(), StatsError> {
        let transactions = block.block.transactions();
        let inputs =
            transactions.iter().filter(|tx| !tx.is_coinbase()).map(|tx| tx.inputs().len()).sum();
        if inputs != block.spent.len() {
            return Err(StatsError::Undo { expected: inputs, actual: block.spent.len() });
        }
        let changes = Changes::of(block).ok_or(StatsError::Mismatch)?;
        self.totals = self.totals.moved(&changes, way).ok_or(StatsError::Mismatch)?;
        match way {
            Way::Forth => self.muhash.combine(&changes.muhash),
            Way::Back => self.muhash.separate(&changes.muhash),
        }
        Ok(())
    }
}

/// Some coins, summed.
#[derive(Debug, Clone, Copy, Default)]
struct Coins {
    outputs: u64,
    bogosize: u64,
    amount: u64,
}

impl Coins {
    /// Counts one more; `None` if there is more money than can be.
    fn add(&mut self, coin: CoinRef<'_>) -> Option<()> {
        self.outputs += 1;
        self.bogosize += bogo_size(coin.script_pubkey);
        self.amount = self.amount.checked_add(coin.value)?;
        Some(())
    }
}

/// What a block changes, going forth. Apart from the sums over the chain, because within a block a coin may come and go.
struct Changes {
    made: Coins,
    spent: Coins,
    subsidy: u64,
    coinbase: u64,
    genesis: u64,
    bip30: u64,
    scripts: u64,
    muhash: CoinsMuHash,
    /// Where an element is put together.
    element: Vec<u8>,
}

impl Changes {
    /// Sums a block up; `None` if an amount leaves its range.
    fn of(block: StatsBlock<'_>) -> Option<Self> {
        let mut changes = Self {
            made: Coins::default(),
            spent: Coins::default(),
            subsidy: block.subsidy,
            coinbase: 0,
            genesis: 0,
            bip30: 0,
            scripts: 0,
            muhash: CoinsMuHash::new(),
            element: Vec::with_capacity(128),
        };
        if block.height == 0 {
            changes.genesis = block.subsidy;
            return Some(changes);
        }
        let repeated = BIP30_UNSPENDABLE.iter().any(|&(height, hash)| {
            height == block.height && block.block.hash().to_string() == hash
        });
        let mut spent = block.spent.iter();
        for tx in block.block.transactions().iter() {
            if tx.is_coinbase() && repeated {
                changes.bip30 = block.subsidy;
                continue;
            }
            changes.outputs(tx, block.height)?;
            if tx.is_coinbase() {
                changes.coinbase = changes.made.amount;
            } else {
                for (input, coin) in tx.inputs().zip(&mut spent) {
                    changes.element(&coin_key(&input.previous), coin);
                    changes.muhash.remove(&[&changes.element]);
                    changes.spent.add(coin)?;
                }
            }
        }
        Some(changes)
    }

    fn outputs(&mut self, tx: Tx<'_>, height: u32) -> Option<()> {
        let txid = tx.txid();
        let coinbase = tx.is_coinbase();
        for (vout, output) in (0..).zip(tx.outputs()) {
            let script_pubkey = output.script_pubkey;
            let value = u64::try_from(output.value).ok()?;
            if is_unspendable(script_pubkey) {
                self.scripts = self.scripts.checked_add(value)?;
                continue;
            }
            let coin = CoinRef { value, height, coinbase, script_pubkey };
            self.element(&key_of(txid.as_byte_array(), vout), coin);
            self.muhash.insert(&[&self.element]);
            self.made.add(coin)?;
        }
        Some(())
    }

    fn element(&mut self, key: &CoinKey, coin: CoinRef<'_>) {
        self.element.clear();
        put_element(key, coin, &mut self.element);
    }
}
