//! A chain whose process is really killed, while blocks are imported and while the chain goes back and forth between two branches, with
//! coins that go to disk every few blocks in many small commits.
//!
//! The test starts itself as a child and kills it at some moment. Whatever the moment, the next one opens what is there, and at the end the
//! chain and its coins are those of a run nobody disturbed.

use std::{collections::BTreeMap, env, ops::ControlFlow, path::Path};

use bitcoin::BlockHash;
use quintet_bitcoin_node::{
    chain::{Chain, ChainOptions, VerifyLevel},
    storage::{COIN_TABLES, Storage, StorageOptions, blk::BlkFiles},
};
use quintet_bitcoin_protocol::network::Params;
use quintet_store::{
    Batch, Durability,
    testing::kill::{child_directory, kill_a_child, ready, report, rounds},
};
use quintet_utxo::{CoinBytes, Head};

use crate::{
    chain_regtest::{TRUNK, block_files, coins, open, open_with, options},
    regtest::{Kind, Mined, NOW},
    storage::between_record,
};

const ROUNDS: u64 = 10;

const TEST: &str = "chain_kill::a_killed_chain_ends_as_if_nothing_had_been";

/// Set for the child: whether it rebuilds from the blocks first.
const CHILD_REINDEX: &str = "QUINTET_IMPORT_CHILD_REINDEX";

/// What is imported: a long chain, a shorter one from its middle, and bad blocks between.
fn blocks() -> Vec<Mined> {
    let long = TRUNK[110].grow(60, Kind::Spends, 1);
    let short = long[29].grow(20, Kind::Spends, 2);
    let bad = [long[10].child(Kind::BadScript, 3), long[40].child(Kind::TooMuchMoney, 4)];
    let mut all = [&TRUNK[1..], &long[..30], &short, &bad[..1], &long[30..], &bad[1..]].concat();
    all.swap(60, 70);
    all.swap(150, 165);
    all
}

/// Coins go to disk nearly after each block, in commits of two or three coins.
fn tiny(directory: &Path) -> ChainOptions {
    let mut options = options(directory);
    options.coins_bytes = 1;
    options.coins_batch_bytes = 256;
    options
}

/// Tells the parent that something was done, which is when it may kill.
fn step() {
    assert!(report(0), "a child has a parent that listens");
}

/// Imports, and then reorganises for ever.
fn work_until_killed(directory: &Path, reindex: bool) {
    let files = BlkFiles::from_paths([directory.join("blocks.dat")], Params::regtest().magic);
    let options = ChainOptions { reindex, ..tiny(&directory.join("chain")) };
    ready();
    let mut chain = open_with(options);
    step();
    let mut tell = |_: &_| {
        step();
        ControlFlow::Continue(())
    };
    chain.import(&files.expect("block files"), NOW, &mut tell).expect("an import");
    // What a child before this one left invalid, and what is bad indeed, which is found out again.
    for index in 0..chain.headers().len() {
        let id = chain.headers().id(index).expect("a header");
        if chain.status(id).is_failed() {
            chain.reconsider(id).expect("a sound chain");
        }
    }
    loop {
        let at = chain.active().at(141).expect("a block");
        chain.invalidate(at).expect("the chain goes back");
        chain.flush().expect("a flush");
        step();
        chain.reconsider(at).expect("the chain comes back");
        chain.flush().expect("a flush");
        step();
    }
}

#[test]
fn a_killed_chain_ends_as_if_nothing_had_been() {
    if let Some(directory) = child_directory() {
        return work_until_killed(&directory, env::var_os(CHILD_REINDEX).is_some());
    }
    let rounds = usize::try_from(rounds(ROUNDS)).expect("a small number");
    let place = tempfile::tempdir().expect("a directory");
    let (_, files) = block_files(place.path(), &blocks());
    let mut undisturbed = open(&place.path().join("undisturbed"));
    let go_on = &mut |_: &_| ControlFlow::Continue(());
    undisturbed.import(&files, NOW, go_on).expect("an import");
    assert_eq!(undisturbed.height(), 170);
    let expected = coins(&mut undisturbed);
    let steps = [0, 7, 40, 93, 150, 170, 205, 199, 230, 210];
    for (round, steps) in steps.into_iter().cycle().take(rounds).enumerate() {
        let reindex: &[_] = if round % 4 == 3 { &[(CHILD_REINDEX, "1")] } else { &[] };
        // The first step says that the chain is open.
        kill_a_child(TEST, place.path(), steps + 1, reindex);
    }
    let mut chain = open_with(tiny(&place.path().join("chain")));
    // A branch that was left when the process was killed is come back to by the operator.
    let left = chain.headers().find(&undisturbed.tip_hash()).expect("a header");
    chain.reconsider(left).expect("a sound chain");
    chain.import(&files, NOW, &mut |_| ControlFlow::Continue(())).expect("an import");
    assert_eq!(chain.tip_hash(), undisturbed.tip_hash());
    assert_eq!(coins(&mut chain), expected);
    let go_on = &mut |_: &_| ControlFlow::Continue(());
    let verified = chain.verify(VerifyLevel::Connect, 0, go_on).expect("what is there holds");
    assert_eq!(verified.blocks, 170);
}

type Rows = BTreeMap<[u8; 36], CoinBytes>;

fn storage(directory: &Path) -> Storage {
    let genesis = Params::regtest().genesis_hash();
    Storage::open(directory, &genesis, &StorageOptions::new(4 << 20)).expect("it opens")
}

fn rows(chain: &mut Chain) -> Rows {
    chain.flush().expect("a flush");
    let view = chain.storage().store().snapshot().expect("a view");
    view.range(&COIN_TABLES.coins, ..).expect("a walk").collect::<Result<_, _>>().expect("coins")
}

/// Leaves what a flush from `old` to `new` leaves that is cut short: each coin as before or as after it, as the bits of `seed` have it.
fn cut_short(directory: &Path, old: (BlockHash, &Rows), new: (BlockHash, &Rows), seed: u32) {
    let storage = storage(directory);
    let mut batch = Batch::new();
    batch.put(&COIN_TABLES.head, &(), &between_record(old.0, new.0));
    for key in old.1.keys().chain(new.1.keys()) {
        let bit = key.iter().fold(seed, |bits, byte| bits.rotate_left(5) ^ u32::from(*byte));
        let from = if bit.wrapping_mul(0x9e37_79b1) >> 31 == 0 { old.1 } else { new.1 };
        match from.get(key) {
            Some(coin) => batch.put(&COIN_TABLES.coins, key, coin),
            None => batch.delete(&COIN_TABLES.coins, key),
        };
    }
    storage.store().commit(batch, Durability::Sync).expect("a commit");
    assert!(matches!(storage.coins_head().expect("a read"), Head::Between { .. }));
}

#[test]
fn a_flush_cut_short_over_a_reorganisation_is_brought_to_its_end() {
    let place = tempfile::tempdir().expect("a directory");
    let one = TRUNK[110].grow(12, Kind::Spends, 1);
    let two = TRUNK[110].grow(13, Kind::Spends, 2);
    let connect = |chain: &mut Chain, blocks: &[Mined]| {
        for mined in blocks {
            chain.accept_block(mined.block(), NOW).expect("a block");
        }
    };
    let mut chain = open(place.path());
    connect(&mut chain, &TRUNK[1..]);
    connect(&mut chain, &one);
    let (before, rows_before) = (coins(&mut chain), rows(&mut chain));
    connect(&mut chain, &two);
    let (after, rows_after) = (coins(&mut chain), rows(&mut chain));
    assert_eq!(chain.tip_hash(), two[12].hash);
    assert_ne!(before, after);
    drop(chain);
    let ends = [(one[11].hash, &rows_before), (two[12].hash, &rows_after)];
    for seed in 0..6 {
        cut_short(place.path(), ends[0], ends[1], seed);
        let mut chain = open(place.path());
        assert_eq!((chain.tip_hash(), coins(&mut chain)), (two[12].hash, after), "seed {seed}");
        drop(chain);
        // The other way: brought to its end, and then back to the better chain. Tiny, so that the replay spills.
        cut_short(place.path(), ends[1], ends[0], seed);
        let mut chain = open_with(tiny(place.path()));
        assert_eq!((chain.tip_hash(), coins(&mut chain)), (two[12].hash, after), "seed {seed}");
    }
}
