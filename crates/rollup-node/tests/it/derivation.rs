//! Derivation from nodes: what a batcher posted comes out, whatever the nodes offer and L1 does.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use quintet_rollup_node::{
    derive::{Progress, SafeHeads},
    engine::Unexecuted,
    testing::Manners,
};

use crate::world::{By, World, to_the_end, until_safe};

#[test]
fn what_was_posted_is_derived_from_every_kind_of_node() {
    for (by, span) in [(By::Calldata, false), (By::Calldata, true), (By::Blobs, true)] {
        let mut world = World::new();
        world.grow(6, by, span);
        let plain = Manners::default();
        for manners in [
            plain,
            Manners { raw: true, ..plain },
            Manners { no_block_receipts: true, ..plain },
            Manners { no_block_receipts: true, no_batches: true, ..plain },
            Manners { sidecars: true, ..plain },
        ] {
            let node = world.node(manners);
            let derived = world.derive(world.source(&[&node], world.options())).unwrap();
            if span {
                // A span says its first parent alone.
                assert_eq!(
                    derived.len(),
                    world.sequencer.blocks().count() - 1,
                    "{by:?} {manners:?}"
                );
            } else {
                world.assert_same(&derived);
            }
        }
        let node = world.node(plain);
        let options = quintet_rollup_node::l1::rpc::RpcOptions { trust: true, ..world.options() };
        assert_eq!(
            world.derive(world.source(&[&node], options)).unwrap().len(),
            world.sequencer.blocks().count() - 1
        );
    }
}

#[test]
fn receipts_are_asked_for_only_where_the_bloom_may_hold_what_counts() {
    let mut world = World::new();
    world.grow(4, By::Calldata, false);
    let node = world.node(Manners::default());
    world.derive(world.source(&[&node], world.options())).unwrap();
    assert_eq!(node.receipts_asked(), 0);
}

#[test]
fn executed_blocks_have_the_hashes_the_sequencer_gave_them() {
    let mut world = World::new();
    world.grow(5, By::Blobs, true);
    let node = world.node(Manners::default());
    let source = world.source(&[&node], world.options());
    let mut driver =
        world.driver(source, world.embedded(), world.memory(), Some(world.newest())).unwrap();
    let derived = to_the_end(&mut driver).unwrap();
    let hashes: Vec<_> = derived.iter().map(|block| block.block).collect();
    let expected: Vec<_> = world.sequencer.blocks().skip(1).copied().collect();
    assert_eq!(hashes, expected);
}

#[test]
fn blocks_in_flight_hide_the_latency_of_the_link() {
    let mut world = World::new();
    world.grow(40, By::Calldata, false);
    let latency = Duration::from_millis(50);
    let node = world.node(Manners { latency, raw: true, ..Manners::default() });
    let begun = Instant::now();
    let derived = world.derive(world.source(&[&node], world.options())).unwrap();
    world.assert_same(&derived);
    // One after the other they would take two seconds for the blocks alone; what is asserted is that they do not.
    assert!(begun.elapsed() < 40 * latency, "{:?}", begun.elapsed());
}

#[test]
fn a_reorganisation_of_ten_l1_blocks_is_followed() {
    let mut world = World::new();
    world.grow(14, By::Calldata, false);
    let node = world.node(Manners::default());
    let source = world.source(&[&node], world.options());
    let mut driver = world.driver(source, world.embedded(), world.memory(), None).unwrap();
    assert_eq!(until_safe(&mut driver, world.sequencer.head().hash), 0);
    let before = *driver.safe_head();
    world.reorganise(10);
    let kept = world.sequencer.head();
    world.grow_empty(12);
    let resets = until_safe(&mut driver, world.sequencer.head().hash);
    assert!(resets > 0);
    let after = *driver.safe_head();
    assert_ne!(before.hash, after.hash);
    assert!(kept.number < before.number && kept.number < after.number);
    // What is written is of the new branch throughout.
    let record = driver.record();
    let last = record.last().unwrap().unwrap();
    let l1 = world.l1.lock().unwrap();
    assert_eq!(l1.block(last.l1.number).unwrap().hash, last.l1.hash);
}

#[test]
fn a_reorganisation_below_what_is_final_ends_derivation() {
    let mut world = World::new();
    world.l1.lock().unwrap().set_finality(2);
    world.grow(8, By::Calldata, false);
    let node = world.node(Manners::default());
    let source = world.source(&[&node], world.options());
    let mut driver = world.driver(source, world.embedded(), world.memory(), None).unwrap();
    let mut finalized = 0;
    while finalized == 0 || driver.safe_head().hash != world.sequencer.head().hash {
        if let Progress::Finalized(block) = driver.step().unwrap() {
            finalized = block.number;
        }
    }
    world.reorganise(6);
    world.grow_empty(8);
    let error = loop {
        if let Err(error) = driver.step() {
            break error.to_string();
        }
    };
    assert!(error.contains("below its final block"), "{error}");
}

#[test]
fn a_new_driver_goes_on_where_the_last_one_stopped() {
    let mut world = World::new();
    world.grow(8, By::Calldata, false);
    let dir = tempfile::tempdir().unwrap();
    let config = Arc::clone(world.sequencer.config());
    let node = world.node(Manners::default());
    let open = |last| {
        let record = SafeHeads::open(dir.path(), &config).unwrap();
        let source = world.source(&[&node], world.options());
        world.driver(source, Unexecuted::default(), record, Some(last)).unwrap()
    };
    let mut driver = open(5);
    let first = to_the_end(&mut driver).unwrap();
    let stopped = *driver.safe_head();
    driver.close().unwrap();
    let mut driver = open(8);
    assert_eq!(driver.safe_head().number, stopped.number);
    let second = to_the_end(&mut driver).unwrap();
    let all: Vec<_> = first.into_iter().chain(second).collect();
    let numbers: Vec<_> = all.iter().map(|block| block.block.number).collect();
    let expected: Vec<_> = world.sequencer.blocks().skip(1).map(|block| block.number).collect();
    assert_eq!(numbers, expected);
}
