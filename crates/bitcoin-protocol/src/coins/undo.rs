//! Undo data: the coins a block spent, as stored beside the block.
//!
//! Shape: how many, a compact size; then each coin as [`compress`](super::compress) writes it, in the order of the block's inputs without the coinbase's. Which
//! input spent which follows from the block. The storage layer adds checksum and block hash.
//!
//! # Deviations
//!
//! Core's `CBlockUndo` counts coins for each transaction, and writes a zero byte where a version stood before 2017. Both can be derived
//! from the block, so neither is stored.

use super::compress::{CoinError, ScriptBuffer, encode_coin, read_coin};
use crate::{
    coin::SpentCoins,
    encode::{Reader, put_size},
};

/// Fewest bytes of a coin: what a claimed count is measured against.
const COIN_BYTES_MIN: usize = 3;

/// Coins that room is made for in advance. A block of usual transactions spends no more.
const RESERVED_COINS_MAX: usize = 16_384;

/// Appends the undo data of a block that spent `coins`.
pub fn encode_undo(coins: &SpentCoins, out: &mut Vec<u8>) {
    put_size(out, coins.len() as u64);
    for coin in coins.iter() {
        encode_coin(coin, out);
    }
}

/// Reads undo data that is the whole of `bytes`.
///
/// # Errors
///
/// [`CoinError`] if it is damaged.
pub fn decode_undo(bytes: &[u8]) -> Result<SpentCoins, CoinError> {
    let mut reader = Reader::new(bytes)?;
    let (count, room) = reader.count(COIN_BYTES_MIN)?;
    let mut coins = SpentCoins::with_capacity(room.min(RESERVED_COINS_MAX));
    let mut buffer = ScriptBuffer::default();
    for _ in 0..count {
        coins.push(read_coin(&mut reader, &mut buffer)?);
    }
    reader.finish()?;
    Ok(coins)
}
