//! What a transaction must satisfy by itself.
//!
//! **Spec:** Bitcoin Core, `CheckTransaction` and `IsFinalTx`.

use bitcoin::{OutPoint, hashes::Hash};

use super::{BLOCK_WEIGHT_MAX, TxError};
use crate::transaction::{Tx, WITNESS_SCALE_FACTOR};

/// More satoshis than this will never exist; a larger sum anywhere is an overflow in the making.
pub const MONEY_MAX: u64 = 21_000_000 * 100_000_000;

/// Lock times below are heights, others Unix seconds.
pub const LOCK_TIME_THRESHOLD: u32 = 500_000_000;

/// Bytes of a coinbase's script.
pub(super) const COINBASE_SCRIPT_MIN: usize = 2;
pub(super) const COINBASE_SCRIPT_MAX: usize = 100;

/// The sequence number with which an input gives up on the lock time.
const SEQUENCE_FINAL: u32 = 0xffff_ffff;

/// Up to this many inputs are compared in pairs, on the stack.
const FEW_INPUTS: usize = 16;

/// Checks what needs nothing but the transaction (Bitcoin Core's `CheckTransaction`).
///
/// # Errors
///
/// [`TxError`]: the first rule it breaks, in Bitcoin Core's order.
pub fn check_transaction(tx: Tx<'_>) -> Result<(), TxError> {
    let inputs = tx.inputs();
    if inputs.len() == 0 {
        return Err(TxError::NoInputs);
    }
    if tx.outputs().len() == 0 {
        return Err(TxError::NoOutputs);
    }
    let weight = tx.base_size() * WITNESS_SCALE_FACTOR;
    if weight > BLOCK_WEIGHT_MAX {
        return Err(TxError::TooLarge { actual: weight });
    }
    output_total(tx)?;
    if inputs.len() > 1
        && let Some(previous) = duplicate_input(tx)
    {
        return Err(TxError::DuplicateInputs { previous });
    }
    if tx.is_coinbase() {
        let actual = inputs.map(|input| input.script_sig.len()).sum();
        if !(COINBASE_SCRIPT_MIN..=COINBASE_SCRIPT_MAX).contains(&actual) {
            return Err(TxError::CoinbaseScriptLength { actual });
        }
    } else if let Some(input) = tx.inputs().position(|input| input.previous.is_null()) {
        return Err(TxError::NoPrevious { input });
    }
    Ok(())
}

/// Returns what the outputs pay together, satoshis.
///
/// Block 74,638 paid 184 billion bitcoins to two outputs whose sum, in 64 bits, came to less than
/// the input (CVE-2010-5139); since then each output and each partial sum must be in range.
///
/// # Errors
///
/// [`TxError`] if a value or a partial sum is out of range.
pub fn output_total(tx: Tx<'_>) -> Result<u64, TxError> {
    let mut total = 0;
    for (output, actual) in tx.outputs().map(|output| output.value).enumerate() {
        let Ok(value) = u64::try_from(actual) else {
            return Err(TxError::NegativeOutput { output, actual });
        };
        if value > MONEY_MAX {
            return Err(TxError::OutputTooLarge { output, actual });
        }
        total += value;
        if total > MONEY_MAX {
            return Err(TxError::OutputTotalTooLarge { output, actual: total });
        }
    }
    Ok(total)
}

/// Returns an output that two inputs spend.
///
/// From 0.14.0 to 0.16.2 Bitcoin Core left this to the coins, which counted such an output twice: money out of nothing
/// (CVE-2018-17144).
fn duplicate_input(tx: Tx<'_>) -> Option<OutPoint> {
    // Keys decide almost always: who wants equal keys must find two ids that agree in 64 bits, and gains a sort.
    let count = tx.inputs().len();
    if count <= FEW_INPUTS {
        let mut keys = [0; FEW_INPUTS];
        for (index, input) in tx.inputs().enumerate() {
            let key = key(&input.previous);
            if keys[..index].contains(&key)
                && tx.inputs().take(index).any(|earlier| earlier.previous == input.previous)
            {
                return Some(input.previous);
            }
            keys[index] = key;
        }
        return None;
    }
    let mut keys: Vec<u64> = tx.inputs().map(|input| key(&input.previous)).collect();
    keys.sort_unstable();
    if keys.windows(2).all(|pair| pair[0] != pair[1]) {
        return None;
    }
    let mut all: Vec<OutPoint> = tx.inputs().map(|input| input.previous).collect();
    all.sort_unstable();
    all.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

fn key(previous: &OutPoint) -> u64 {
    let id = previous.txid.as_byte_array().first_chunk().copied().map_or(0, u64::from_le_bytes);
    id.wrapping_add(u64::from(previous.vout).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Returns whether the transaction may be in a block of this height and time (Bitcoin Core's `IsFinalTx`).
///
/// `time` is the median time past of the block's parent once BIP-0113 holds, the block's own before.
#[must_use]
pub fn is_final(tx: Tx<'_>, height: u32, time: u32) -> bool {
    let lock_time = tx.lock_time();
    let now = if lock_time < LOCK_TIME_THRESHOLD { height } else { time };
    lock_time == 0 || lock_time < now || tx.inputs().all(|input| input.sequence == SEQUENCE_FINAL)
}
