//! The keys of simulated miners, and the transactions they make of what they earn.
//!
//! Every transaction spends one coin with one Schnorr signature, pays a fee and makes one or more coins of the same key: what the
//! reference's own simulator measures with. While there are few coins they are split, so that a network gets from the first spendable coinbase to
//! the traffic asked for.
//!
//! Keys and signatures follow from the seed alone.

use std::collections::{HashMap, VecDeque};

use quintet_crypto::secp::SecretKey;
use quintet_kaspa_protocol::{
    hashing::{Sighash, SighashType},
    mass::storage_mass,
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

/// Coins looked at for each transaction wanted.
const LOOKS_PER_TRANSACTION: usize = 4;

/// Coins that were looked for in vain this often are given up: their transaction was never merged.
const LOOKS_MAX: u32 = 1_000;

/// Most coins kept. What comes beyond is left where it is.
const COINS_MAX: usize = 1 << 20;

/// A miner's key and the script that pays it.
#[derive(Debug)]
struct Owner {
    secret: SecretKey,
    script: ScriptPublicKey,
}

#[derive(Debug, Clone, Copy)]
struct Coin {
    outpoint: Outpoint,
    owner: u32,
    looks: u32,
}

/// The coins of all miners, and what they sign with.
#[derive(Debug)]
pub struct Purse {
    owners: Vec<Owner>,
    by_script: HashMap<ScriptPublicKey, u32>,
    coins: VecDeque<Coin>,
}

impl Purse {
    /// Makes the keys of `miners` miners.
    ///
    /// # Errors
    ///
    /// [`SimError::Key`] if a seed leads to a number that is no key, which one in 2^127 does.
    pub fn new(seed: u64, miners: u32) -> Result<Self, SimError> {
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
        Ok(Self { owners, by_script, coins: VecDeque::new() })
    }

    /// Returns the script that pays a miner.
    #[must_use]
    pub fn script(&self, miner: u32) -> Option<&ScriptPublicKey> {
        self.owners.get(usize::try_from(miner).ok()?).map(|owner| &owner.script)
    }

    /// Takes note of the outputs of a block's transactions that pay a miner.
    pub fn notice(
        &mut self,
        transactions: &[Transaction],
        ids: impl Fn(&Transaction) -> quintet_primitives::Hash256,
    ) {
        for tx in transactions {
            let mut id = None;
            for (index, output) in (0_u32..).zip(&tx.outputs) {
                let Some(&owner) = self.by_script.get(&output.script_public_key) else { continue };
                if self.coins.len() < COINS_MAX {
                    let transaction_id = *id.get_or_insert_with(|| ids(tx));
                    self.coins.push_back(Coin {
                        outpoint: Outpoint::new(transaction_id, index),
                        owner,
                        looks: 0,
                    });
                }
            }
        }
    }

    /// Makes up to `wanted` transactions of coins that are in the set `entries` reads and may be spent at this DAA score.
    ///
    /// A coin is spent once: its transaction reaches everybody with the block it is in.
    ///
    /// # Errors
    ///
    /// What `entries` returns.
    pub fn spend(
        &mut self,
        params: &Params,
        daa_score: u64,
        wanted: usize,
        entries: impl FnOnce(&[Outpoint]) -> Result<Vec<Option<UtxoEntry>>, SimError>,
    ) -> Result<Vec<Transaction>, SimError> {
        let looks = (wanted * LOOKS_PER_TRANSACTION).min(self.coins.len());
        let coins: Vec<_> = self.coins.drain(..looks).collect();
        let outpoints: Vec<_> = coins.iter().map(|coin| coin.outpoint).collect();
        let found = entries(&outpoints)?;
        let maturity = params.rules_at(daa_score).rate.coinbase_maturity;
        let split = self.coins.len() < wanted.saturating_mul(64);
        let mut transactions = Vec::with_capacity(wanted);
        for (mut coin, entry) in coins.into_iter().zip(found) {
            let ripe = |entry: &UtxoEntry| {
                !entry.is_coinbase || entry.block_daa_score.saturating_add(maturity) <= daa_score
            };
            match entry.filter(ripe) {
                Some(entry) if transactions.len() < wanted => {
                    transactions.extend(self.transaction(params, &coin, &entry, split)?);
                }
                _ => {
                    coin.looks += 1;
                    if coin.looks < LOOKS_MAX {
                        self.coins.push_back(coin);
                    }
                }
            }
        }
        Ok(transactions)
    }

    /// Returns the transaction that spends a coin; none if it is not worth its fee.
    fn transaction(
        &self,
        params: &Params,
        coin: &Coin,
        entry: &UtxoEntry,
        split: bool,
    ) -> Result<Option<Transaction>, SimError> {
        let Some(owner) = self.owners.get(usize::try_from(coin.owner).unwrap_or(usize::MAX)) else {
            return Ok(None);
        };
        let Some(amount) = entry.amount.checked_sub(FEE).filter(|amount| *amount > 0) else {
            return Ok(None);
        };
        let parts = if split { (amount / OUTPUT_MIN).clamp(1, SPLIT_MAX) } else { 1 };
        let outputs = (0..parts).map(|part| {
            let value =
                if part == 0 { amount - amount / parts * (parts - 1) } else { amount / parts };
            TransactionOutput::new(value, owner.script.clone())
        });
        let mut tx = Transaction {
            version: TX_VERSION,
            inputs: vec![TransactionInput {
                previous_outpoint: coin.outpoint,
                signature_script: Vec::new(),
                sequence: 0,
                compute_commit: ComputeCommit::SigOpCount(1),
            }],
            outputs: outputs.collect(),
            lock_time: 0,
            subnetwork_id: SubnetworkId::NATIVE,
            gas: 0,
            payload: Vec::new(),
            storage_mass: 0,
        };
        let entries = [entry.clone()];
        let populated = PopulatedTransaction::new(&tx, &entries).map_err(|_| SimError::Unsigned)?;
        let mass = storage_mass(params, populated).ok_or(SimError::Unsigned)?;
        let hash_type = SighashType::ALL;
        let message = Sighash::new(populated).schnorr(0, hash_type).ok_or(SimError::Unsigned)?;
        let signature = owner.secret.sign_schnorr(message.as_bytes(), &[0; 32]);
        tx.storage_mass = mass;
        let script = &mut tx.inputs[0].signature_script;
        script.push(65);
        script.extend_from_slice(&signature);
        script.push(hash_type.to_byte());
        Ok(Some(tx))
    }
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
