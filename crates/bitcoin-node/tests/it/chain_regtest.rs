//! The chain over blocks made for it: forks, bad blocks found late, preferences, rebuilding, snapshots.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use proptest::prelude::*;
use quintet_bitcoin_node::{
    chain::{
        AcceptError, Accepted, Chain, ChainError, ChainEvent, ChainOptions, CoinSetError,
        OpenProgress, VerifyLevel,
    },
    storage::blk::BlkFiles,
};
use quintet_bitcoin_protocol::{
    Block,
    coins::stats::{SetHash, SetStats},
    network::{AssumeUtxo, Params},
};

use crate::regtest::{Kind, Mined, NOW};

pub(crate) fn options(directory: &Path) -> ChainOptions {
    let mut options = ChainOptions::new(directory.to_owned(), &Params::regtest(), [7; 32]);
    options.assume_valid = None;
    options.check_threads = 2;
    options.store_bytes = 4 << 20;
    options.verified_bytes = 1 << 16;
    options
}

pub(crate) fn open_with(options: ChainOptions) -> Chain {
    Chain::open(Arc::new(Params::regtest()), options, NOW).expect("the chain opens")
}

pub(crate) fn open(directory: &Path) -> Chain {
    open_with(options(directory))
}

pub(crate) fn coins(chain: &mut Chain) -> SetStats {
    let stats = chain.coin_stats(SetHash::MuHash, &mut |_| ControlFlow::Continue(()));
    stats.expect("the coins are counted")
}

fn give(chain: &mut Chain, mined: &Mined) {
    let accepted = chain.accept_block(mined.block(), NOW);
    assert!(matches!(accepted, Ok(Accepted::Stored(_))), "{accepted:?}");
}

fn headers(chain: &mut Chain, blocks: &[Mined]) {
    for mined in blocks {
        chain.accept_header(mined.block().header(), NOW).expect("a header");
    }
}

/// A chain whose first coinbases can be spent, the genesis block first.
pub(crate) static TRUNK: LazyLock<Vec<Mined>> = LazyLock::new(|| {
    let genesis = Mined::genesis(&Params::regtest());
    let grown = genesis.grow(110, Kind::Empty, 0);
    [vec![genesis], grown].concat()
});

fn with_trunk() -> (tempfile::TempDir, Chain) {
    let directory = tempfile::tempdir().expect("a directory");
    let mut chain = open(directory.path());
    TRUNK[1..].iter().for_each(|mined| give(&mut chain, mined));
    chain.settle().expect("a sound chain");
    assert_eq!((chain.height(), chain.take_refused()), (110, vec![]));
    chain.take_events();
    (directory, chain)
}

/// Returns the coins of a new chain that is given these blocks in order.
fn coins_of(blocks: &[Mined]) -> SetStats {
    let directory = tempfile::tempdir().expect("a directory");
    let mut chain = open(directory.path());
    blocks.iter().for_each(|mined| give(&mut chain, mined));
    coins(&mut chain)
}

#[test]
fn scripts_that_fail_late_take_back_all_that_was_connected_on_top() {
    let (_directory, mut chain) = with_trunk();
    let good = TRUNK[110].grow(3, Kind::Spends, 1);
    let bad = good[2].child(Kind::BadScript, 2);
    let above = bad.grow(30, Kind::Spends, 3);
    let rival = good[2].grow(2, Kind::Spends, 4);
    headers(&mut chain, &[&good[..], std::slice::from_ref(&bad), &above, &rival].concat());
    // The lowest comes last, so that everything is connected in one go.
    let blocks: Vec<_> = [&good[..], std::slice::from_ref(&bad), &above, &rival].concat();
    blocks.iter().rev().for_each(|mined| give(&mut chain, mined));
    chain.settle().expect("a sound chain");
    assert_eq!(chain.tip_hash(), rival[1].hash);
    let refused = chain.take_refused();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].hash, bad.hash);
    let name = refused[0].error.reject_reason().into_owned();
    assert!(name.contains("script"), "{name}");
    let expected = coins_of(&[&TRUNK[1..], &good, &rival].concat());
    assert_eq!(coins(&mut chain), expected);
    let refused = chain.accept_block(above[29].child(Kind::Empty, 5).block(), NOW);
    assert!(matches!(refused, Err(AcceptError::Header(_))), "{refused:?}");
}

#[test]
fn events_tell_each_step_in_order() {
    let (_directory, mut chain) = with_trunk();
    let short = TRUNK[110].grow(1, Kind::Spends, 1);
    let long = TRUNK[110].grow(2, Kind::Spends, 2);
    give(&mut chain, &short[0]);
    headers(&mut chain, &long);
    give(&mut chain, &long[1]);
    give(&mut chain, &long[0]);
    let connected =
        |mined: &Mined| ChainEvent::Connected { hash: mined.hash, height: mined.height };
    let gone = ChainEvent::Disconnected { hash: short[0].hash, height: 111 };
    let expected = [connected(&short[0]), gone, connected(&long[0]), connected(&long[1])];
    assert_eq!(chain.take_events(), expected);
    assert_eq!(chain.take_events(), []);
}

#[test]
fn of_equal_chains_the_first_stays_until_another_is_precious() {
    let (directory, mut chain) = with_trunk();
    let first = TRUNK[110].child(Kind::Spends, 1);
    let second = TRUNK[110].child(Kind::Spends, 2);
    give(&mut chain, &first);
    give(&mut chain, &second);
    assert_eq!(chain.tip_hash(), first.hash);
    let id = |chain: &Chain, mined: &Mined| chain.headers().find(&mined.hash).expect("a header");
    for preferred in [&second, &first, &second] {
        let at = id(&chain, preferred);
        chain.precious(at).expect("a sound chain");
        assert_eq!(chain.tip_hash(), preferred.hash);
    }
    chain.flush().expect("a flush");
    drop(chain);
    let mut chain = open(directory.path());
    assert_eq!(chain.tip_hash(), second.hash, "a restart changes nothing");
    let at = id(&chain, &TRUNK[50]);
    chain.precious(at).expect("a sound chain");
    assert_eq!(chain.tip_hash(), second.hash, "less work is never preferred");
}

#[test]
fn a_block_made_invalid_stays_so_until_it_is_reconsidered() {
    let (directory, mut chain) = with_trunk();
    let tip = chain.tip();
    let at_100 = chain.active().at(100).expect("a block");
    let whole = coins(&mut chain);
    chain.invalidate(at_100).expect("the chain goes back");
    assert_eq!(chain.height(), 99);
    assert_eq!(coins(&mut chain), coins_of(&TRUNK[1..100]));
    assert!(chain.status(tip).is_failed());
    chain.flush().expect("a flush");
    drop(chain);
    let mut chain = open(directory.path());
    assert_eq!(chain.height(), 99);
    let rival = TRUNK[99].child(Kind::Empty, 9);
    give(&mut chain, &rival);
    assert_eq!(chain.tip_hash(), rival.hash);
    chain.reconsider(tip).expect("the chain comes back");
    assert_eq!((chain.tip(), chain.status(tip).is_failed()), (tip, false));
    assert_eq!(coins(&mut chain), whole);
    let genesis = chain.active().at(0).expect("genesis");
    assert!(matches!(chain.invalidate(genesis), Err(ChainError::Genesis)));
}

#[test]
fn a_spoilt_copy_does_not_make_the_block_invalid() {
    let (_directory, mut chain) = with_trunk();
    let mined = TRUNK[110].child(Kind::Spends, 1);
    assert_eq!(mined.block().transactions().len(), 4);
    let mut spoilt = mined.bytes.clone();
    let last = spoilt.len() - 5;
    spoilt[last] ^= 1;
    let refused = chain.accept_block(Block::decode(spoilt).expect("a block"), NOW);
    assert!(matches!(refused, Err(AcceptError::Block { .. })), "{refused:?}");
    give(&mut chain, &mined);
    assert_eq!(chain.tip_hash(), mined.hash);
}

#[test]
fn what_a_block_alone_shows_does_not_mark_its_header() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut params = Params::regtest();
    // Nobody can sign for this, and nothing but a spoilt copy fails for another reason first.
    params.signet_challenge = Some(vec![0x00]);
    let mut chain = Chain::open(Arc::new(params), options(directory.path()), NOW).expect("a chain");
    let mined = TRUNK[1].clone();
    let mut spoilt = mined.bytes.clone();
    let last = spoilt.len() - 5;
    spoilt[last] ^= 1;
    let refused = chain.accept_block(Block::decode(spoilt).expect("a block"), NOW);
    assert!(matches!(refused, Err(AcceptError::Block { .. })), "{refused:?}");
    let id = chain.headers().find(&mined.hash).expect("its header");
    assert!(!chain.status(id).is_failed(), "the copy is to blame");
    let refused = chain.accept_block(mined.block(), NOW);
    assert!(matches!(refused, Err(AcceptError::Block { .. })), "{refused:?}");
    // Nor is the block's own fault held against its header: Bitcoin Core's `ProcessNewBlock` does not get so far.
    assert!(!chain.status(id).is_failed(), "it may be a form of a spoilt copy nobody knows yet");
}

#[test]
fn rebuilding_from_the_blocks_gives_the_same_coins() {
    let (directory, mut chain) = with_trunk();
    let branch = TRUNK[110].grow(20, Kind::Spends, 1);
    headers(&mut chain, &branch);
    // Out of order, so that a reindex meets children in front of their parents.
    branch.iter().rev().for_each(|mined| give(&mut chain, mined));
    let (expected, tip) = (coins(&mut chain), chain.tip_hash());
    chain.flush().expect("a flush");
    drop(chain);
    for (reindex, reindex_chainstate) in [(true, false), (false, true), (false, false)] {
        let options = ChainOptions { reindex, reindex_chainstate, ..options(directory.path()) };
        let mut chain = open_with(options);
        assert_eq!(chain.tip_hash(), tip, "reindex {reindex}, coins {reindex_chainstate}");
        assert_eq!(coins(&mut chain), expected);
        let whole = |_: &_| ControlFlow::Continue(());
        let verified = chain.verify(VerifyLevel::Connect, 0, &mut { whole });
        assert_eq!(verified.expect("what is there holds").disconnected, 130);
    }
}

#[test]
fn a_reindex_that_is_stopped_goes_on_where_it_was() {
    let (directory, mut chain) = with_trunk();
    let branch = TRUNK[110].grow(20, Kind::Spends, 1);
    headers(&mut chain, &branch);
    branch.iter().rev().for_each(|mined| give(&mut chain, mined));
    let (expected, tip) = (coins(&mut chain), chain.tip_hash());
    drop(chain);
    let mut steps = 0;
    for reindex in std::iter::once(true).chain(std::iter::repeat(false)) {
        // More than the blocks that wait for their parents, or each opening would only find them again.
        let mut left = 30;
        let mut finished = true;
        let options = ChainOptions { reindex, ..options(directory.path()) };
        let mut stop = |_: &OpenProgress| {
            left -= 1;
            finished = left > 0;
            if finished { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let opened = Chain::open_with(Arc::new(Params::regtest()), options, NOW, &mut stop);
        let mut chain = opened.expect("the chain opens");
        steps += 1;
        assert!(steps < 100, "it does not end");
        if finished {
            assert_eq!((chain.height(), chain.tip_hash()), (130, tip), "after {steps} openings");
            assert_eq!(coins(&mut chain), expected);
            break;
        }
    }
    assert!(steps > 5, "{steps} openings are too few to have been stopped");
}

fn snapshot_params(listed: AssumeUtxo) -> Arc<Params> {
    let mut params = Params::regtest();
    params.assume_utxo = vec![listed];
    Arc::new(params)
}

#[test]
fn a_snapshot_is_loaded_and_the_chain_goes_on_from_it() {
    let (directory, mut chain) = with_trunk();
    let branch = TRUNK[110].grow(5, Kind::Spends, 1);
    branch[..3].iter().for_each(|mined| give(&mut chain, mined));
    let file = directory.path().join("coins.dat");
    let go_on = &mut |_: &_| ControlFlow::Continue(());
    let dumped = chain.dump_snapshot(&file, go_on).expect("a dump");
    let again = chain.dump_snapshot(&file, go_on);
    assert!(matches!(again, Err(CoinSetError::Exists { .. })), "{again:?}");
    assert!(!directory.path().join("coins.dat.incomplete").exists());
    branch[3..].iter().for_each(|mined| give(&mut chain, mined));
    let expected = coins(&mut chain);
    let listed = AssumeUtxo {
        height: 113,
        block: dumped.base,
        hash_serialized: dumped.stats.hash.expect("a hash"),
        chain_tx_count: dumped.chain_tx_count,
    };

    let place = tempfile::tempdir().expect("a directory");
    let open = |listed: &AssumeUtxo| {
        Chain::open(snapshot_params(*listed), options(place.path()), NOW).expect("a chain")
    };
    let wrong = AssumeUtxo { hash_serialized: [1; 32], ..listed };
    let mut fresh = open(&wrong);
    let refused = fresh.load_snapshot(&file, go_on);
    assert!(matches!(refused, Err(CoinSetError::HeaderAbsent { .. })), "{refused:?}");
    headers(&mut fresh, &TRUNK[1..]);
    headers(&mut fresh, &branch);
    let refused = fresh.load_snapshot(&file, go_on);
    assert!(matches!(refused, Err(CoinSetError::HashMismatch { .. })), "{refused:?}");
    assert_eq!((fresh.height(), coins(&mut fresh).outputs), (0, 0));
    drop(fresh);

    let mut fresh = open(&listed);
    assert_eq!(fresh.load_snapshot(&file, go_on).expect("it is loaded"), dumped);
    assert_eq!((fresh.height(), fresh.tx_count()), (113, dumped.chain_tx_count));
    drop(fresh);
    let mut fresh = open(&listed);
    branch[3..].iter().for_each(|mined| give(&mut fresh, mined));
    assert_eq!(coins(&mut fresh), expected);
    let refused = fresh.load_snapshot(&file, go_on);
    assert!(matches!(refused, Err(CoinSetError::NotEmpty { actual: 115 })), "{refused:?}");
    let below = fresh.headers().find(&TRUNK[50].hash).expect("a header");
    assert!(matches!(fresh.invalidate(below), Err(ChainError::DataAbsent { .. })));
    drop(fresh);
    let mut fresh = open(&listed);
    assert_eq!((fresh.height(), coins(&mut fresh)), (115, expected));
}

/// Writes blocks as Bitcoin Core does, in the order given.
pub(crate) fn block_files(directory: &Path, blocks: &[Mined]) -> (PathBuf, BlkFiles) {
    let magic = Params::regtest().magic;
    let mut bytes = Vec::new();
    for mined in blocks {
        bytes.extend_from_slice(&magic);
        let length = u32::try_from(mined.bytes.len()).expect("a block's length");
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&mined.bytes);
    }
    let path = directory.join("blocks.dat");
    std::fs::write(&path, bytes).expect("a file");
    let files = BlkFiles::from_paths([path.clone()], magic).expect("block files");
    (path, files)
}

#[test]
fn files_in_any_order_give_the_same_chain() {
    let branch = TRUNK[110].grow(10, Kind::Spends, 1);
    let whole = [&TRUNK[1..], &branch].concat();
    let expected = coins_of(&whole);
    let directory = tempfile::tempdir().expect("a directory");
    let mut shuffled: Vec<_> = whole.iter().rev().cloned().collect();
    shuffled.swap(3, 60);
    let (_, files) = block_files(directory.path(), &shuffled);
    let mut chain = open(&directory.path().join("chain"));
    let report = chain.import(&files, NOW, &mut |_| ControlFlow::Continue(())).expect("an import");
    assert_eq!((report.progress.blocks, report.orphans, report.refused_count), (120, 0, 0));
    assert_eq!((chain.height(), coins(&mut chain)), (120, expected));
}

/// A tree on top of the trunk: parents (0 is the trunk) and kinds.
fn any_tree() -> impl Strategy<Value = Vec<(usize, Kind)>> {
    let kind = prop_oneof![
        6 => Just(Kind::Spends),
        2 => Just(Kind::Empty),
        2 => (0..Kind::ALL.len()).prop_map(|at| Kind::ALL[at]),
    ];
    let node = (any::<prop::sample::Index>(), any::<bool>(), kind);
    prop::collection::vec(node, 1..16).prop_map(|nodes| {
        let parent = |(at, (index, high, kind)): (usize, (prop::sample::Index, bool, Kind))| {
            // Often the one before, so that chains grow.
            (if high { at } else { index.index(at + 1) }, kind)
        };
        nodes.into_iter().enumerate().map(parent).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn whatever_the_order_the_best_valid_chain_wins(
        nodes in any_tree(),
        order in Just(()).prop_perturb(|(), mut rng| {
            (0..16).map(|_| rng.next_u64()).collect::<Vec<_>>()
        }),
        settle_every in 1_usize..5,
        tiny in any::<bool>(),
    ) {
        let mut tree = vec![TRUNK[110].clone()];
        let mut paths: Vec<Option<Vec<Mined>>> = vec![Some(Vec::new())];
        for (number, &(parent, kind)) in (1..).zip(&nodes) {
            let mined = tree[parent].child(kind, number);
            let path = paths[parent].clone().filter(|_| kind.is_valid());
            paths.push(path.map(|path| [path, vec![mined.clone()]].concat()));
            tree.push(mined);
        }
        let (directory, chain) = with_trunk();
        drop(chain);
        let mut options = options(directory.path());
        if tiny {
            options.coins_bytes = 1;
            options.coins_batch_bytes = 256;
        }
        let mut chain = open_with(options);
        headers(&mut chain, &tree[1..]);
        let mut shuffled: Vec<_> = (1..tree.len()).collect();
        shuffled.sort_by_key(|at| order[at - 1]);
        for (turn, &at) in shuffled.iter().enumerate() {
            // A block on one that has failed is refused; what counts is the end.
            let _ = chain.accept_block(tree[at].block(), NOW);
            if turn % settle_every == 0 {
                chain.settle().expect("a sound chain");
            }
        }
        let stats = coins(&mut chain);
        let height = paths.iter().flatten().map(|path| 110 + path.len()).max().unwrap_or(110);
        prop_assert_eq!(chain.height() as usize, height);
        let tip = tree.iter().position(|mined| mined.hash == chain.tip_hash()).expect("a block");
        let path = paths[tip].as_ref().expect("a valid chain");
        prop_assert_eq!(stats, coins_of(&[&TRUNK[1..], path].concat()));
        drop(chain);
        let mut chain = open(directory.path());
        prop_assert_eq!(chain.tip_hash(), tree[tip].hash);
        prop_assert_eq!(coins(&mut chain), stats);
    }
}
