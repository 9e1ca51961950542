//! Local transactions over a restart.

use quintet_eth::tx::{Limits, TxRules};
use quintet_eth_pool::{Decoded, Origin, journal::Journal};
use quintet_store::{Schema, Store};

use crate::{
    chain::{RICH, World, address, pool, tx},
    signed,
};

const SCHEMA: Schema = Schema { name: "pool-test", version: 1, migrations: &[] };

#[test]
fn local_transactions_come_back_in_their_order_and_the_mined_do_not() {
    let store = Store::memory(&SCHEMA).unwrap();
    let (mut journal, rows) = Journal::open(store.clone()).unwrap();
    assert_eq!(rows, []);
    let verified: Vec<_> = (0..5).map(|nonce| tx(1, nonce).build()).collect();
    for one in &verified {
        assert!(journal.keep(one.transaction()).unwrap());
    }
    // A second time changes nothing, least of all the order.
    assert!(journal.keep(verified[1].transaction()).unwrap());
    let hash = |at: usize| verified[at].transaction().hash();
    journal.forget([hash(0), alloy_primitives::B256::ZERO]).unwrap();
    let expected: Vec<_> = (1..5).map(hash).collect();
    let (mut again, rows) = Journal::open(store.clone()).unwrap();
    assert_eq!(rows.iter().map(|row| row.hash).collect::<Vec<_>>(), expected);
    // What comes after a restart stands behind what was there before it.
    again.keep(verified[0].transaction()).unwrap();
    let (_, rows) = Journal::open(store).unwrap();
    assert_eq!(rows.last().map(|row| row.hash), Some(hash(0)));
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
    let (mut journal, _) = Journal::open(store.clone()).unwrap();
    journal.keep(read(&bytes).transaction()).unwrap();
    let (_, rows) = Journal::open(store).unwrap();
    let mut pool = pool();
    pool.add(read(&rows[0].bytes), Origin::Local, &world, 0).unwrap();
    assert_eq!(pool.status().pending, 1);
}
