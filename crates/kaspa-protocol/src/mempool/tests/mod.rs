//! The pool against a plain model of it, and its rules one by one.

use std::sync::Arc;

use quintet_primitives::{Hash256, random::SplitMix};

use super::*;
use crate::{
    params::{Era, Network, Params},
    tx::{
        ComputeCommit, Outpoint, ScriptPublicKey, SubnetworkId, Transaction, TransactionInput,
        TransactionOutput, UtxoEntry,
    },
};

mod frontier;
mod model;
mod rules;

fn params() -> Params {
    Params::of(Network::Devnet)
}

fn policy() -> Policy {
    Policy { accept_non_standard: true, ..Policy::of(&params(), Era::Crescendo) }
}

fn entry(amount: u64) -> UtxoEntry {
    UtxoEntry {
        amount,
        script_public_key: ScriptPublicKey::new(0, &[0x51]),
        block_daa_score: 1,
        is_coinbase: false,
        covenant_id: None,
    }
}

/// An outpoint of the set, made by nobody of the pool.
fn coin(number: u64) -> Outpoint {
    let mut id = [0xcc; 32];
    id[..8].copy_from_slice(&number.to_le_bytes());
    Outpoint::new(Hash256::new(id), 0)
}

fn tx(spends: &[Outpoint], outputs: usize, salt: u64) -> Arc<Transaction> {
    let input = |outpoint: &Outpoint| TransactionInput {
        previous_outpoint: *outpoint,
        signature_script: vec![],
        sequence: 0,
        compute_commit: ComputeCommit::SigOpCount(1),
    };
    let output = TransactionOutput::new(1000, ScriptPublicKey::new(0, &[0x51]));
    Arc::new(Transaction {
        version: 0,
        inputs: spends.iter().map(input).collect(),
        outputs: vec![output; outputs],
        lock_time: salt,
        subnetwork_id: SubnetworkId::NATIVE,
        gas: 0,
        payload: vec![],
        storage_mass: 0,
    })
}

/// A transaction as if all checks were passed, with this fee.
fn checked(pool: &Pool, tx: &Arc<Transaction>, fee: u64) -> Checked {
    let of_pool = pool.entries_of(tx).unwrap();
    let entries = of_pool.into_iter().map(|found| found.unwrap_or_else(|| entry(1000))).collect();
    let masses = pool.policy().check_in_isolation(&params(), tx, tx.id()).unwrap();
    Checked { tx: Arc::clone(tx), id: tx.id(), entries, masses, fee }
}

fn add(pool: &mut Pool, tx: &Arc<Transaction>, fee: u64) -> Result<Added, Refusal> {
    let checked = checked(pool, tx, fee);
    pool.add(checked, Priority::Low, Replacement::Allowed, 1)
}

/// A source of numbers in [0, 1).
fn uniform(dice: &mut SplitMix) -> f64 {
    f64::from(u32::try_from(dice.next() >> 32).unwrap()) / (f64::from(u32::MAX) + 1.0)
}
