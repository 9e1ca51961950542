//! The keys of simulated miners, and the transactions they make of what they earn.
//!
//! Every transaction spends one coin with one Schnorr signature, pays a fee and makes one or more coins of the same key: what the
//! reference's own simulator measures with. While there are few coins they are split, so that a network gets from the first spendable coinbase to
//! the traffic asked for; when there are very many they are joined, so that long simulations do not measure how the UTXO set grows.
//!
//! ```text
//!   block ─► notice ─► coin ─► looked up: ripe ───────────► transaction
//!                       ▲        │ in the set, not ripe ─► again when it is
//!                       └────────┤ not in the set ───────► again in a while
//!                                └ not, long after it was made: given up
//! ```
//!
//! Keys and signatures follow from the seed alone.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, binary_heap::PeekMut},
};

use quintet_crypto::secp::SecretKey;
use quintet_kaspa_protocol::{
    hashing::{Sighash, SighashType},
    mass::{storage_mass, tx_mass},
    params::Params,
    tx::{
        ComputeCommit, Outpoint, PopulatedTransaction, ScriptPublicKey, SubnetworkId, TX_VERSION,
        Transaction, TransactionInput, TransactionOutput, UtxoEntry,
    },
};
use quintet_primitives::random::SplitMix;

use super::SimError;

/// Sompi a transaction pays: above what the reference's memory pool asks of one of this size.
pub const FEE: u64 = 1_000_000;

/// Fewest sompi of an output. What is smaller weighs more (KIP-9) than it is worth here.
const OUTPUT_MIN: u64 = 300_000_000;

/// Most outputs of a transaction that splits a coin.
const SPLIT_MAX: u64 = 8;

/// Coins looked up at once for each transaction still wanted.
const LOOKS_PER_TRANSACTION: usize = 2;

/// How often a coin that was not found is looked up again until it is given up.
const LOOKS_MAX: u64 = 16;

/// Coins above which transactions join several, so that the set of coins does not grow with every block. Not fewer than twice what the
/// traffic needs.
const COINS_JOINED_ABOVE: usize = 1 << 15;

/// Coins a transaction joins.
const JOINED: usize = 16;

/// Most coins kept. What comes beyond is left where it is.
const COINS_MAX: usize = 1 << 20;

/// A miner's key and the script that pays it.
#[derive(Debug)]
struct Owner {
    secret: SecretKey,
    script: ScriptPublicKey,
}

/// A coin that was seen in a block. Whether that block's transaction is ever accepted is not known: of the blocks a chain block merges, the coinbase
/// of one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Coin {
    /// DAA score from which on it is worth looking up.
    look_at: u64,
    /// Coins are looked up in the order of making.
    number: u64,
    /// DAA score at which it is given up unless it was found.
    lost_at: u64,
    outpoint: Outpoint,
    owner: u32,
    /// Whether it is not a coinbase's, or was found.
    is_certain: bool,
}

/// A coin that may be spent, and what the set says of it.
type Found = (Coin, UtxoEntry);

/// What may still be in a block.
#[derive(Debug)]
struct Room {
    compute: u64,
    storage: u64,
    transient: u64,
    is_full: bool,
}

impl Room {
    fn of(params: &Params, daa_score: u64) -> Self {
        let limits = &params.rules_at(daa_score).mass;
        let (compute, storage, transient) = (limits.compute, limits.storage, limits.transient);
        Self { compute, storage, transient, is_full: false }
    }

    /// Takes a transaction's masses off if they fit; nothing is tried after the first that does not.
    fn take(&mut self, params: &Params, tx: &Transaction) -> bool {
        let mass = tx_mass(params, tx);
        let left = |room: u64, mass: u64| room.checked_sub(mass);
        let compute = left(self.compute, mass.compute);
        let storage = left(self.storage, tx.storage_mass);
        let (Some(compute), Some(storage), Some(transient)) =
            (compute, storage, left(self.transient, mass.transient))
        else {
            self.is_full = true;
            return false;
        };
        (self.compute, self.storage, self.transient) = (compute, storage, transient);
        true
    }
}

/// The coins of all miners, and what they sign with.
#[derive(Debug)]
pub struct Purse {
    owners: Vec<Owner>,
    by_script: HashMap<ScriptPublicKey, u32>,
    coins: BinaryHeap<Reverse<Coin>>,
    /// How many of the coins are certain.
    certain: usize,
    noticed: u64,
    patience: u64,
}

impl Purse {
    /// Makes the keys of `miners` miners. Coins not found `patience` blocks after they were made are given up, or after a coinbase's maturity
    /// if that is longer.
    ///
    /// # Errors
    ///
    /// [`SimError::Key`] if a seed leads to a number that is no key, which one in 2^127 does.
    pub fn new(seed: u64, miners: u32, patience: u64) -> Result<Self, SimError> {
        let mut random = SplitMix::new(seed ^ 0x6b65_7973);
        let mut owners = Vec::new();
        let mut by_script = HashMap::new();
        for number in 0..miners {
            let mut bytes = [0; 32];
            random.fill(&mut bytes);
            let secret =
                SecretKey::from_bytes(&bytes).map_err(|source| SimError::Key { number, source })?;
            let script = pay_to(&secret.x_only_public_key().0);
            by_script.insert(script.clone(), number);
            owners.push(Owner { secret, script });
        }
        Ok(Self { owners, by_script, coins: BinaryHeap::new(), certain: 0, noticed: 0, patience })
    }

    /// Returns the script that pays a miner.
    #[must_use]
    pub fn script(&self, miner: u32) -> Option<&ScriptPublicKey> {
        self.owners.get(usize::try_from(miner).ok()?).map(|owner| &owner.script)
    }

    /// Takes note of the outputs of a block's transactions that pay a miner; the first is its coinbase. `daa_score` is the block's.
    pub fn notice(
        &mut self,
        params: &Params,
        daa_score: u64,
        transactions: &[Transaction],
        ids: impl Fn(&Transaction) -> quintet_primitives::Hash256,
    ) {
        let ripe_at = daa_score.saturating_add(maturity(params, daa_score));
        let lost_at = ripe_at.max(daa_score.saturating_add(self.patience));
        for (place, tx) in transactions.iter().enumerate() {
            let mut id = None;
            // A coinbase is not spent before, a transaction is accepted within moments.
            let is_certain = place > 0;
            let look_at = if is_certain { daa_score } else { ripe_at };
            for (index, output) in (0_u32..).zip(&tx.outputs) {
                let Some(&owner) = self.by_script.get(&output.script_public_key) else { continue };
                if self.coins.len() < COINS_MAX {
                    let transaction_id = *id.get_or_insert_with(|| ids(tx));
                    let outpoint = Outpoint::new(transaction_id, index);
                    let number = self.noticed;
                    self.noticed += 1;
                    self.put(Coin { look_at, number, lost_at, outpoint, owner, is_certain });
                }
            }
        }
    }

    /// Makes up to `wanted` transactions of coins that are in the set `entries` reads and may be spent at this DAA score.
    ///
    /// A coin is spent once: its transaction reaches everybody with the block it is in. Coins are looked up until there are enough, each at
    /// most once a call.
    ///
    /// # Errors
    ///
    /// What `entries` returns.
    pub fn spend(
        &mut self,
        params: &Params,
        daa_score: u64,
        wanted: usize,
        mut entries: impl FnMut(&[Outpoint]) -> Result<Vec<Option<UtxoEntry>>, SimError>,
    ) -> Result<Vec<Transaction>, SimError> {
        let mut room = Room::of(params, daa_score);
        let mut transactions = Vec::with_capacity(wanted);
        while transactions.len() < wanted && !room.is_full {
            // Until a coin's transaction is accepted, the coins it made cannot be spent.
            let needed =
                wanted.saturating_mul(usize::try_from(self.patience).unwrap_or(usize::MAX));
            let split = self.certain < needed.min(COINS_MAX / 4);
            let many = COINS_JOINED_ABOVE.max(needed.saturating_mul(2));
            let joined = if self.certain > many { JOINED } else { 1 };
            let missing = (wanted - transactions.len()).saturating_mul(joined);
            let due = self.due(daa_score, missing.saturating_mul(LOOKS_PER_TRANSACTION));
            if due.is_empty() {
                break;
            }
            let outpoints: Vec<_> = due.iter().map(|coin| coin.outpoint).collect();
            let found = entries(&outpoints)?;
            let ripe = self.ripe(params, daa_score, due.into_iter().zip(found));
            let mut left = ripe.chunks(joined);
            for coins in left.by_ref().take(wanted - transactions.len()) {
                let Some(mut tx) = self.transaction(params, coins, split)? else { continue };
                if split && tx.storage_mass > room.storage {
                    // Splitting weighs more than paying on (KIP-9).
                    let Some(whole) = self.transaction(params, coins, false)? else { continue };
                    tx = whole;
                }
                if !room.take(params, &tx) {
                    coins.iter().for_each(|(coin, _)| self.put(*coin));
                    break;
                }
                transactions.push(tx);
            }
            left.flatten().for_each(|(coin, _)| self.put(*coin));
        }
        Ok(transactions)
    }

    fn put(&mut self, coin: Coin) {
        self.certain += usize::from(coin.is_certain);
        self.coins.push(Reverse(coin));
    }

    /// Takes out up to so many coins that are worth looking up.
    fn due(&mut self, daa_score: u64, most: usize) -> Vec<Coin> {
        let mut due = Vec::new();
        while due.len() < most
            && let Some(first) = self.coins.peek_mut()
            && first.0.look_at <= daa_score
        {
            let Reverse(coin) = PeekMut::pop(first);
            self.certain -= usize::from(coin.is_certain);
            due.push(coin);
        }
        due
    }

    /// Keeps of what was looked up that which may be spent. The rest is put back until it is ripe or accepted, or given up.
    fn ripe(
        &mut self,
        params: &Params,
        daa_score: u64,
        looked_up: impl Iterator<Item = (Coin, Option<UtxoEntry>)>,
    ) -> Vec<Found> {
        let maturity = maturity(params, daa_score);
        let mut ripe = Vec::new();
        for (mut coin, entry) in looked_up {
            match entry {
                Some(entry) => {
                    let ripe_at = entry.block_daa_score.saturating_add(maturity);
                    if !entry.is_coinbase || ripe_at <= daa_score {
                        ripe.push((coin, entry));
                        continue;
                    }
                    coin.look_at = ripe_at;
                    coin.lost_at = ripe_at.saturating_add(maturity.max(self.patience));
                    coin.is_certain = true;
                }
                None if coin.lost_at <= daa_score => continue,
                None => {
                    let wait = (maturity.max(self.patience) / LOOKS_MAX).max(1);
                    coin.look_at = daa_score.saturating_add(wait).min(coin.lost_at);
                }
            }
            self.put(coin);
        }
        ripe
    }

    /// Returns the transaction that spends coins and pays the owner of the first; none if they are not worth its fee.
    fn transaction(
        &self,
        params: &Params,
        coins: &[Found],
        split: bool,
    ) -> Result<Option<Transaction>, SimError> {
        let owner = |coin: &Coin| self.owners.get(usize::try_from(coin.owner).ok()?);
        let Some(payee) = coins.first().and_then(|(coin, _)| owner(coin)) else {
            return Ok(None);
        };
        let sum: u64 = coins.iter().map(|(_, entry)| entry.amount).sum();
        let Some(amount) = sum.checked_sub(FEE).filter(|amount| *amount > 0) else {
            return Ok(None);
        };
        let parts = if split { (amount / OUTPUT_MIN).clamp(1, SPLIT_MAX) } else { 1 };
        let outputs = (0..parts).map(|part| {
            let value =
                if part == 0 { amount - amount / parts * (parts - 1) } else { amount / parts };
            TransactionOutput::new(value, payee.script.clone())
        });
        let inputs = coins.iter().map(|(coin, _)| TransactionInput {
            previous_outpoint: coin.outpoint,
            signature_script: Vec::new(),
            sequence: 0,
            compute_commit: ComputeCommit::SigOpCount(1),
        });
        let mut tx = Transaction {
            version: TX_VERSION,
            inputs: inputs.collect(),
            outputs: outputs.collect(),
            lock_time: 0,
            subnetwork_id: SubnetworkId::NATIVE,
            gas: 0,
            payload: Vec::new(),
            storage_mass: 0,
        };
        let entries: Vec<_> = coins.iter().map(|(_, entry)| entry.clone()).collect();
        let populated = PopulatedTransaction::new(&tx, &entries).map_err(|_| SimError::Unsigned)?;
        let mass = storage_mass(params, populated).ok_or(SimError::Unsigned)?;
        let hash_type = SighashType::ALL;
        let sighash = Sighash::new(populated);
        let mut scripts = Vec::with_capacity(coins.len());
        for (index, (coin, _)) in coins.iter().enumerate() {
            let message = sighash.schnorr(index, hash_type).ok_or(SimError::Unsigned)?;
            let signer = owner(coin).ok_or(SimError::Unsigned)?;
            let signature = signer.secret.sign_schnorr(message.as_bytes(), &[0; 32]);
            scripts.push([&[65][..], &signature, &[hash_type.to_byte()]].concat());
        }
        for (input, script) in tx.inputs.iter_mut().zip(scripts) {
            input.signature_script = script;
        }
        tx.storage_mass = mass;
        Ok(Some(tx))
    }
}

/// Returns the blocks until a coinbase may be spent.
fn maturity(params: &Params, daa_score: u64) -> u64 {
    params.rules_at(daa_score).rate.coinbase_maturity
}

/// Returns the script that a key's Schnorr signature satisfies.
fn pay_to(key: &[u8; 32]) -> ScriptPublicKey {
    const PUSH_32: u8 = 0x20;
    const CHECKSIG: u8 = 0xac;
    let mut script = [0; 34];
    script[0] = PUSH_32;
    script[1..33].copy_from_slice(key);
    script[33] = CHECKSIG;
    ScriptPublicKey::new(0, &script)
}
