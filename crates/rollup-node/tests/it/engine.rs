//! The embedded execution layer under derivation: what is invalid, what is there already, what survives.

use std::sync::Arc;

use quintet_rollup_node::{
    derive::{Progress, SafeHeads},
    engine::{Embedded, EngineError},
    testing::Manners,
};

use crate::world::{By, World, to_the_end};

#[test]
fn a_block_that_cannot_be_is_replaced_by_its_deposits() {
    let mut world = World::new();
    world.grow(2, By::Calldata, false);
    {
        let mut l1 = world.l1.lock().unwrap();
        let mut bad = world.sequencer.next(&l1, 0).unwrap();
        // A transaction that is none; the sequencer's own block is empty.
        bad.transactions = vec![vec![2, 0xc0].into()];
        let pieces = world.batcher.channel(&[bad], None);
        let post = world.batcher.calldata(&pieces);
        l1.mine(post.transactions, Vec::new(), post.blobs);
    }
    let node = world.node(Manners::default());
    let source = world.source(&[&node], world.options());
    let mut driver =
        world.driver(source, world.embedded(), world.memory(), Some(world.newest())).unwrap();
    let (mut blocks, mut invalid) = (Vec::new(), Vec::new());
    loop {
        match driver.step().unwrap() {
            Progress::Block(block) => blocks.push(block),
            Progress::Invalid { number, .. } => invalid.push(number),
            Progress::Done => break,
            _ => {}
        }
    }
    let last = blocks.last().unwrap();
    assert_eq!(invalid, [last.block.number]);
    assert!(last.attributes.is_deposits_only);
    assert_eq!(last.block.hash, world.sequencer.head().hash, "deposits alone make the empty block");
}

#[test]
fn what_is_on_disk_is_not_executed_again() {
    let mut world = World::new();
    world.grow(6, By::Calldata, true);
    let dir = tempfile::tempdir().unwrap();
    let config = Arc::clone(world.sequencer.config());
    let node = world.node(Manners::default());
    let open = |heads: &str| {
        let spec = Embedded::spec(world.sequencer.genesis_json().as_bytes(), &config).unwrap();
        let engine = Embedded::open(&dir.path().join("chain"), spec, Arc::clone(&config)).unwrap();
        let record = SafeHeads::open(&dir.path().join(heads), &config).unwrap();
        let source = world.source(&[&node], world.options());
        world.driver(source, engine, record, Some(world.newest())).unwrap()
    };
    let mut driver = open("heads");
    let first = to_the_end(&mut driver).unwrap();
    assert!(first.iter().all(|block| !block.is_consolidated));
    drop(driver.close().unwrap());
    // The heads are lost, the chain is not: everything is derived again and found there.
    let mut driver = open("other");
    let second = to_the_end(&mut driver).unwrap();
    assert!(second.iter().all(|block| block.is_consolidated));
    assert_eq!(driver.safe_head().hash, world.sequencer.head().hash);
    drop(driver.close().unwrap());
    // Neither is lost: nothing is left to do.
    let mut driver = open("other");
    assert_eq!(driver.safe_head().hash, world.sequencer.head().hash);
    assert!(to_the_end(&mut driver).unwrap().is_empty());
}

#[test]
fn the_genesis_of_another_chain_is_refused() {
    let world = World::new();
    let config = Arc::clone(world.sequencer.config());
    let genesis = quintet_rollup_node::testing::genesis_json(alloy_primitives::Address::ZERO);
    let spec = Embedded::spec(genesis.as_bytes(), &config).unwrap();
    let error = Embedded::in_memory(spec, config).unwrap_err();
    assert!(matches!(error, EngineError::Genesis { .. }), "{error}");
}
