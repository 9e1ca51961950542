//! What a block does to the coins, and what it must satisfy together with them.
//!
//! Scripts are left out: they are independent of each other and of the coins once these are known,
//! so the caller runs them wherever and whenever it likes, from the coins that were spent.
//!
//! **Spec:** Bitcoin Core, `ConnectBlock`, `UpdateCoins`.

use bitcoin::OutPoint;

use super::{
    BLOCK_SIGOP_COST_MAX, BlockContext, BlockError, CoinAccess, ConnectError, InputError,
    MONEY_MAX,
    inputs::{check_inputs, sequence_lock},
    transaction::output_total,
};
use crate::{
    block::Block,
    coin::{CoinRef, SpentCoins},
    script::{input_sigop_cost, is_unspendable, legacy_sigops},
    transaction::{Tx, WITNESS_SCALE_FACTOR},
};

/// What a block did to the coins.
#[derive(Debug, Clone, Default)]
pub struct Connected {
    /// The coins it spent, in the order of its inputs: what undoes it, and what its scripts are checked against.
    pub spent: SpentCoins,
    /// What its transactions pay to the coinbase, satoshis.
    pub fees: u64,
    /// Its signature operation cost.
    pub sigop_cost: u64,
}

/// Applies a block to the coins (Bitcoin Core's `ConnectBlock` without scripts).
///
/// The block has passed [`super::check_block`] and [`super::check_block_in_context`]. Genesis changes nothing: its coinbase
/// was never spendable.
///
/// Outputs that nobody can spend are not created: the hash of the set depends on that.
///
/// # Errors
///
/// [`ConnectError`]: the first rule the block breaks, or why the coins cannot be reached. Either way `coins`
/// may have changed in part.
pub fn connect_block<C: CoinAccess>(
    block: &Block,
    context: &BlockContext<'_>,
    coins: &mut C,
) -> Result<Connected, ConnectError<C::Error>> {
    let mut done = Connected::default();
    if context.height == 0 {
        return Ok(done);
    }
    if context.check_overwrites {
        refuse_overwrites(block, coins)?;
    }
    done.spent = SpentCoins::with_capacity(block.transactions().input_count());
    let mut reward = 0;
    for tx in block.transactions().iter() {
        let txid = tx.txid();
        let paid = output_total(tx).map_err(|source| BlockError::Transaction { txid, source })?;
        let first = done.spent.len();
        let coinbase = tx.is_coinbase();
        if coinbase {
            reward = paid;
        } else {
            spend_inputs(tx, coins, &mut done.spent)?;
            done.fees += check_spends(tx, context, &done.spent, first, paid)?;
            if done.fees > MONEY_MAX {
                return Err(BlockError::FeesOutOfRange { actual: done.fees }.into());
            }
            check_locks(tx, context, &done.spent, first)?;
        }
        done.sigop_cost += sigop_cost(tx, context, &done.spent, first);
        if done.sigop_cost > BLOCK_SIGOP_COST_MAX {
            return Err(BlockError::Sigops { actual: done.sigop_cost }.into());
        }
        create_outputs(tx, context.height, coinbase, coins)?;
    }
    let expected = done.fees + context.params.subsidy(context.height);
    if reward > expected {
        return Err(BlockError::CoinbaseAmount { expected, actual: reward }.into());
    }
    Ok(done)
}

/// Refuses a block that repeats a transaction with unspent outputs (BIP-0030).
///
/// Two coinbases may have the same id; the later one's outputs would take the place of the earlier one's, and
/// a reorganisation could not bring those back (CVE-2012-1909).
fn refuse_overwrites<C: CoinAccess>(
    block: &Block,
    coins: &mut C,
) -> Result<(), ConnectError<C::Error>> {
    for tx in block.transactions().iter() {
        for (vout, output) in (0..).zip(tx.outputs()) {
            let outpoint = OutPoint { txid: tx.txid(), vout };
            if !is_unspendable(output.script_pubkey)
                && coins.contains(&outpoint).map_err(ConnectError::Coins)?
            {
                return Err(BlockError::Overwrite { outpoint }.into());
            }
        }
    }
    Ok(())
}

/// Moves the coins of every input from `coins` to `spent`.
///
/// A missing coin is reported before anything else about the transaction, as Bitcoin Core does.
fn spend_inputs<C: CoinAccess>(
    tx: Tx<'_>,
    coins: &mut C,
    spent: &mut SpentCoins,
) -> Result<(), ConnectError<C::Error>> {
    for input in tx.inputs() {
        let previous = input.previous;
        match coins.spend(&previous).map_err(ConnectError::Coins)? {
            Some(coin) => spent.push(coin),
            None => {
                let source = InputError::MissingOrSpent { previous };
                return Err(BlockError::Inputs { txid: tx.txid(), source }.into());
            }
        }
    }
    Ok(())
}

/// Checks the coins from `first` on, which `tx` spends, and returns its fee.
fn check_spends(
    tx: Tx<'_>,
    context: &BlockContext<'_>,
    spent: &SpentCoins,
    first: usize,
    paid: u64,
) -> Result<u64, BlockError> {
    check_inputs(tx, spent.iter_from(first), paid, context.height)
        .map_err(|source| BlockError::Inputs { txid: tx.txid(), source })
}

fn check_locks(
    tx: Tx<'_>,
    context: &BlockContext<'_>,
    spent: &SpentCoins,
    first: usize,
) -> Result<(), BlockError> {
    if context.csv_active() {
        let heights = spent.iter_from(first).map(|coin| coin.height);
        let lock = sequence_lock(tx, heights, context.ancestors);
        if !lock.is_over(context.height, context.median_time_past) {
            return Err(BlockError::SequenceLocked { txid: tx.txid() });
        }
    }
    Ok(())
}

/// Returns the signature operation cost of `tx`, which spends the coins from `first` on (Bitcoin Core's
/// `GetTransactionSigOpCost`).
fn sigop_cost(tx: Tx<'_>, context: &BlockContext<'_>, spent: &SpentCoins, first: usize) -> u64 {
    let spends = tx.inputs().zip(spent.iter_from(first));
    let costs =
        spends.map(|(input, coin)| input_sigop_cost(input, coin.script_pubkey, context.flags));
    legacy_sigops(tx) * WITNESS_SCALE_FACTOR as u64 + costs.sum::<u64>()
}

fn create_outputs<C: CoinAccess>(
    tx: Tx<'_>,
    height: u32,
    coinbase: bool,
    coins: &mut C,
) -> Result<(), ConnectError<C::Error>> {
    for (vout, output) in (0..).zip(tx.outputs()) {
        let script_pubkey = output.script_pubkey;
        if is_unspendable(script_pubkey) {
            continue;
        }
        // `output_total` has refused negative values.
        let value = output.value.unsigned_abs();
        let coin = CoinRef { value, height, coinbase, script_pubkey };
        let outpoint = OutPoint { txid: tx.txid(), vout };
        // Any coinbase may take the place of an equal one: that is how the two repeats went.
        coins.create(outpoint, coin, coinbase).map_err(ConnectError::Coins)?;
    }
    Ok(())
}
