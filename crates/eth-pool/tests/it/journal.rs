//! Local transactions over a restart.

use quintet_eth::tx::{Limits, TxRules};
use quintet_eth_pool::{Decoded, Origin, journal};
use quintet_store::{Batch, Durability, Schema, Store};

use crate::{
    chain::{RICH, World, address, pool, tx},
    signed,
};

const SCHEMA: Schema = Schema { name: "pool-test", version: 1, migrations: &[] };

#[test]
fn local_transactions_come_back_in_their_order_and_the_mined_do_not() {
    let store = Store::memory(&SCHEMA).unwrap();
    let mut batch = Batch::new();
    let verified: Vec<_> = (0..5).map(|nonce| tx(1, nonce).build()).collect();
    for (arrival, one) in verified.iter().enumerate() {
        journal::put(&mut batch, one.transaction(), arrival as u64);
    }
    store.commit(batch, Durability::Sync).unwrap();
    let mut batch = Batch::new();
    journal::delete(&mut batch, &verified[0].transaction().hash());
    store.commit(batch, Durability::Sync).unwrap();
    let rows = journal::read(&store.snapshot().unwrap()).unwrap();
    let hashes: Vec<_> = rows.iter().map(|row| row.hash).collect();
    let expected: Vec<_> = verified[1..].iter().map(|one| one.transaction().hash()).collect();
    assert_eq!(hashes, expected);
}

#[test]
fn a_signed_one_goes_from_the_journal_into_the_pool() {
    let sender = signed::address_of(signed::key(1));
    let world = World::default().with(sender, 0, RICH).with(address(1), 0, RICH);
    let store = Store::memory(&SCHEMA).unwrap();
    let bytes = signed::transfer_bytes(0, 1);
    let read = |bytes: &[u8]| {
        Decoded::read(bytes, TxRules::Osaka, &Limits::of_chain(1), 1 << 17)
            .unwrap()
            .verify()
            .unwrap()
    };
    let mut batch = Batch::new();
    journal::put(&mut batch, read(&bytes).transaction(), 1);
    store.commit(batch, Durability::Sync).unwrap();
    let rows = journal::read(&store.snapshot().unwrap()).unwrap();
    let mut pool = pool();
    pool.add(read(&rows[0].bytes), Origin::Local, &world, 0).unwrap();
    assert_eq!(pool.status().pending, 1);
}
