//! Coins as bytes: how they are stored, given back, handed to others and counted.
//!
//! ```text
//!   CoinRef ──► compress ──► the value of a coin in the cache and on disk, 27 to 44 bytes mostly
//!                  ├──► undo       the coins a block spent, to give them back
//!                  ├──► snapshot   the whole set as a file that Bitcoin Core reads and writes
//!                  └──► stats      the whole set as numbers and one hash, equal to Core's
//! ```
//!
//! One encoding of a coin serves all of them, Bitcoin Core's: so a snapshot is a copy of what is on disk.

pub mod compress;
pub mod snapshot;
pub mod stats;
pub mod undo;

use bitcoin::{OutPoint, Txid, hashes::Hash};
pub use compress::{CoinError, ScriptBuffer, decode_coin, encode_coin};

/// Names a coin in the cache and on disk: the outpoint as transactions write it.
///
/// Shape: transaction id as hashed, 32 bytes; index, little-endian, 4 bytes. Sorted, it groups a transaction's coins, though not
/// in the order of their indexes.
pub type CoinKey = [u8; 36];

/// Returns the key of `outpoint`.
#[must_use]
pub fn coin_key(outpoint: &OutPoint) -> CoinKey {
    key_of(outpoint.txid.as_byte_array(), outpoint.vout)
}

/// Returns the outpoint of `key`.
#[must_use]
pub fn outpoint(key: &CoinKey) -> OutPoint {
    let (txid, vout) = split(key);
    OutPoint { txid: Txid::from_byte_array(txid), vout }
}

fn key_of(txid: &[u8; 32], vout: u32) -> CoinKey {
    let mut key = [0; 36];
    key[..32].copy_from_slice(txid);
    key[32..].copy_from_slice(&vout.to_le_bytes());
    key
}

fn split(key: &CoinKey) -> ([u8; 32], u32) {
    let (mut txid, mut vout) = ([0; 32], [0; 4]);
    txid.copy_from_slice(&key[..32]);
    vout.copy_from_slice(&key[32..]);
    (txid, u32::from_le_bytes(vout))
}

#[cfg(test)]
mod tests;
