//! Tests of the coins cache, the check pool and the verified set, through their public faces.
//!
//! ```text
//!   ledger    a small chain with a fork: what coins there are at each block, by plain maps
//!   model     random operations beside a map, over every engine
//!   crash     the ledger's chain on a disk that loses power, at each operation
//! ```

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, also in a function it calls"
)]

mod checks;
mod crash;
mod ledger;
mod memory;
mod model;
mod prefetch;
mod verified;

use quintet_store::{Schema, Table};
use quintet_utxo::{CoinTable, HeadTable, Key, Tables};

const COINS: CoinTable = Table::new("coins");
const HEAD: HeadTable = Table::new("head");
const TABLES: Tables = Tables { coins: COINS, head: HEAD };
const SCHEMA: Schema = Schema { name: "utxo-tests", version: 1, migrations: &[] };

/// A key that differs from others in its first byte, as transaction ids do, and in its index.
const fn key(n: u8) -> Key {
    let mut key = [0x5a; 36];
    key[0] = n.wrapping_mul(151);
    key[32] = n;
    key
}
