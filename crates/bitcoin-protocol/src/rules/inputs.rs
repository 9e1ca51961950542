//! What a transaction must satisfy together with the coins it spends.
//!
//! **Spec:** Bitcoin Core, `CheckTxInputs` and `CalculateSequenceLocks`; BIP-0068.

use super::{Ancestors, InputError, MONEY_MAX};
use crate::{coin::CoinRef, transaction::Tx};

/// Blocks until a coinbase's outputs may be spent: a reorganisation unmakes them, and with them all that followed.
pub const COINBASE_MATURITY: u32 = 100;

/// The sequence number's bits (BIP-0068).
const SEQUENCE_DISABLE: u32 = 1 << 31;
const SEQUENCE_IS_TIME: u32 = 1 << 22;
const SEQUENCE_VALUE: u32 = 0xffff;
/// Relative times count in 512 seconds.
const SEQUENCE_TIME_SHIFT: u32 = 9;
/// The first version whose sequence numbers lock.
const SEQUENCE_VERSION: u32 = 2;

/// Checks that the coins are ripe and cover `paid`, the sum of the outputs, and returns the fee, satoshis (Bitcoin
/// Core's `CheckTxInputs`, the coins being there).
///
/// `coins` are those of the transaction's inputs, in their order; `height` is the block's that spends them.
///
/// # Errors
///
/// [`InputError`]: the first rule it breaks.
pub fn check_inputs<'a>(
    tx: Tx<'_>,
    coins: impl Iterator<Item = CoinRef<'a>>,
    paid: u64,
    height: u32,
) -> Result<u64, InputError> {
    let mut sum = 0u64;
    for (input, (coin, spend)) in coins.zip(tx.inputs()).enumerate() {
        let depth = height.saturating_sub(coin.height);
        if coin.coinbase && depth < COINBASE_MATURITY {
            return Err(InputError::PrematureCoinbaseSpend {
                previous: spend.previous,
                actual: depth,
            });
        }
        sum = sum.saturating_add(coin.value);
        if sum > MONEY_MAX {
            return Err(InputError::ValueOutOfRange { input, actual: sum });
        }
    }
    sum.checked_sub(paid).ok_or(InputError::InBelowOut { expected: sum, actual: paid })
}

/// The last height and the last median time past at which a transaction's relative locks still hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequenceLock {
    /// The last height of a block that may not contain it; -1 if any may.
    pub height: i64,
    /// The last median time past, Unix seconds, of the parent of a block that may not; -1 if any may.
    pub time: i64,
}

impl SequenceLock {
    /// Returns whether a block of this height, whose parent has this median time past, may contain the transaction.
    #[must_use]
    pub fn is_over(self, height: u32, median_time_past: u32) -> bool {
        self.height < i64::from(height) && self.time < i64::from(median_time_past)
    }
}

/// Returns the relative locks of a transaction (BIP-0068; Bitcoin Core's `CalculateSequenceLocks`).
///
/// `heights` are those of the coins its inputs spend, in their order. A lock by time counts from the median
/// time past of the block before the one that made the coin.
#[must_use]
pub fn sequence_lock(
    tx: Tx<'_>,
    heights: impl Iterator<Item = u32>,
    ancestors: &dyn Ancestors,
) -> SequenceLock {
    let mut lock = SequenceLock { height: -1, time: -1 };
    if tx.version() < SEQUENCE_VERSION {
        return lock;
    }
    for (input, coin_height) in tx.inputs().zip(heights) {
        let value = i64::from(input.sequence & SEQUENCE_VALUE);
        if input.sequence & SEQUENCE_DISABLE != 0 {
        } else if input.sequence & SEQUENCE_IS_TIME != 0 {
            let since = i64::from(ancestors.median_time_past(coin_height.saturating_sub(1)));
            lock.time = lock.time.max(since + (value << SEQUENCE_TIME_SHIFT) - 1);
        } else {
            lock.height = lock.height.max(i64::from(coin_height) + value - 1);
        }
    }
    lock
}
