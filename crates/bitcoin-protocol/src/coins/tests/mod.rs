//! Coins as bytes, held against Bitcoin Core's own examples and constants.

mod compress;
mod snapshot;
mod stats;
mod undo;

use super::*;
use crate::coin::{Coin, CoinRef};

/// Bytes of a hexadecimal string.
fn hex(text: &str) -> Vec<u8> {
    bitcoin::hex::FromHex::from_hex(text).unwrap()
}

fn coin(height: u32, value: u64, script: &str) -> Coin {
    Coin { value, height, coinbase: height % 2 == 1, script_pubkey: hex(script).into() }
}

fn encoded(coin: CoinRef<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_coin(coin, &mut bytes);
    bytes
}

/// The key of the secret 1, compressed.
const KEY: &str = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

/// The same, uncompressed.
const KEY_FULL: &str = "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798\
                        483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";

/// One coin of each form.
fn coins() -> Vec<Coin> {
    vec![
        coin(0, 0, ""),
        coin(203_998, 60_000_000_000, "76a914816115944e077fe7c803cfa57f29b36bf87c1d3588ac"),
        coin(1, 1, "a914816115944e077fe7c803cfa57f29b36bf87c1d3587"),
        coin(2, 50 * 100_000_000, &format!("21{KEY}ac")),
        coin(3, 50 * 100_000_000, &format!("41{KEY_FULL}ac")),
        coin(840_000, 12_345_678, "0014816115944e077fe7c803cfa57f29b36bf87c1d35"),
        coin(840_001, 21_000_000 * 100_000_000, &format!("5120{}", &KEY[2..])),
        coin(0x7fff_ffff, 10, &"51".repeat(10_000)),
    ]
}
