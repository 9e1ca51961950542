//! The embedded execution layer under derivation: what is invalid, what is there already, what survives.

use std::sync::Arc;

use quintet_rollup_node::{
    derive::{Progress, SafeHeads},
    engine::{Embedded, Engine as _, EngineError, Processed, UnsafeBlock, actor},
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

#[test]
fn unsafe_blocks_are_consolidated_with_what_is_derived_by_an_engine_that_is_shared() {
    let mut world = World::new();
    world.grow(4, By::Calldata, false);
    let mut sequencer = actor::start(world.embedded()).unwrap();
    let mut verifier = actor::start(world.embedded()).unwrap();
    let mut gossip = verifier.clone();
    // A sequencer's block is built, sealed, and goes to the verifier before L1 tells of it.
    let node = world.node(Manners::default());
    let source = world.source(&[&node], world.options());
    let last = Some(world.newest());
    let mut driver = world.driver(source.clone(), world.embedded(), world.memory(), last).unwrap();
    for derived in to_the_end(&mut driver).unwrap().into_iter().take(5) {
        let attributes = &derived.attributes;
        sequencer.build(&attributes.parent, &attributes.attributes).unwrap();
        let sealed = sequencer.seal().unwrap();
        assert_eq!(sealed.hash, derived.block.hash);
        let inserted = gossip.insert(&sealed).unwrap();
        let expected = Processed::Valid { hash: sealed.hash, is_consolidated: false };
        assert_eq!(inserted, expected);
        let spoilt = UnsafeBlock { hash: derived.block.parent_hash, ..sealed };
        assert!(matches!(gossip.insert(&spoilt).unwrap(), Processed::Invalid { .. }));
    }
    assert!(matches!(sequencer.seal(), Err(EngineError::NothingBuilding)));
    assert!(verifier.flush().is_ok());
    let mut driver = world.driver(source, verifier, world.memory(), last).unwrap();
    let derived = to_the_end(&mut driver).unwrap();
    let consolidated = derived.iter().filter(|block| block.is_consolidated).count();
    assert_eq!(consolidated, 5);
    assert_eq!(driver.safe_head().hash, world.sequencer.head().hash);
}
