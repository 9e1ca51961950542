//! Blocks that are built here, and taken by others.

use std::sync::Arc;

use alloy_primitives::{Address, U256};
use quintet_eth::state::StateView as _;
use quintet_eth_chain::{BuildError, Candidate, ChainOptions, EthChain, Imported, Inserted};
use quintet_evm::execute::TransactionError;

use crate::world::{
    COUNTER, Key, assert_sound, attributes, attributes_at, build, in_memory, mine, mine_many,
    options, spec,
};

const TO: Address = Address::repeat_byte(0x77);

#[test]
fn a_block_that_is_built_is_taken_by_another_node() {
    let ours = in_memory();
    let theirs = EthChain::in_memory(spec(), ChainOptions { threads: 2, ..options() }).unwrap();
    for nonce in 0..3 {
        let candidates: Vec<_> = (0..10).map(|key| Key::new(key).candidate(nonce, TO, 5)).collect();
        let built = mine(&ours, &candidates);
        assert_eq!(theirs.import(built.block().block.clone()).unwrap(), Imported::Head);
        assert_eq!(theirs.import(built.block().block.clone()).unwrap(), Imported::Known);
    }
    assert_eq!(theirs.head(), ours.head());
    assert_sound(&theirs);
    let balance = theirs.reader().unwrap().state().account(TO).unwrap().unwrap().balance;
    assert_eq!(balance, U256::from(150));
}

#[test]
fn threads_change_nothing_of_a_block() {
    let one = in_memory();
    let many = EthChain::in_memory(spec(), ChainOptions { threads: 4, ..options() }).unwrap();
    for nonce in 0..4 {
        // Everybody calls the same contract: contended.
        let calls: Vec<_> = (0..10)
            .map(|number| {
                let key = Key::new(number);
                let transaction = Arc::new(key.call(nonce, COUNTER, 0, &[]));
                Candidate { transaction, sender: key.address }
            })
            .collect();
        assert_eq!(mine(&one, &calls).block().hash, mine(&many, &calls).block().hash);
    }
    assert_sound(&many);
}

#[test]
fn a_candidate_that_cannot_be_in_the_block_is_named_and_harms_nothing() {
    let chain = in_memory();
    let (rich, poor) = (Key::new(0), Key::new(99));
    let candidates = [
        rich.candidate(0, TO, 1),
        rich.candidate(2, TO, 1),
        poor.candidate(0, TO, 1),
        rich.candidate(1, TO, 1),
        rich.candidate(1, TO, 2),
    ];
    let reader = chain.reader().unwrap();
    let built = chain.build(None, &attributes(&reader), &candidates).unwrap();
    assert_eq!((built.block().transactions().len(), built.considered), (2, 5));
    let indices: Vec<_> = built.refused.iter().map(|refused| refused.index).collect();
    assert_eq!(indices, [1, 2, 4]);
    assert!(matches!(
        built.refused[0].error,
        TransactionError::NonceTooHigh { expected: 1, actual: 2 }
    ));
    assert!(matches!(built.refused[1].error, TransactionError::Funds { .. }));
    assert!(matches!(
        built.refused[2].error,
        TransactionError::NonceTooLow { expected: 2, actual: 1 }
    ));
    chain.adopt(&built).unwrap();
    assert_sound(&chain);
}

#[test]
fn what_does_not_fit_is_passed_over_and_not_refused() {
    let chain = in_memory();
    let key = Key::new(0);
    let candidates: Vec<_> = (0..50).map(|nonce| key.candidate(nonce, TO, 1)).collect();
    let reader = chain.reader().unwrap();
    let mut attributes = attributes(&reader);
    // Each says that it may use 100,000 and uses 21,000.
    attributes.gas_limit = Some(250_000);
    let built = chain.build(None, &attributes, &candidates).unwrap();
    assert_eq!(built.block().transactions().len(), 8);
    assert_eq!(built.refused, []);
    assert_eq!(built.block().header().gas_used, 8 * 21_000);
}

#[test]
fn attributes_of_another_fork_or_time_are_refused() {
    let chain = in_memory();
    let reader = chain.reader().unwrap();
    let good = attributes(&reader);
    let refused = |change: fn(&mut quintet_eth_chain::Attributes)| {
        let mut bad = good.clone();
        change(&mut bad);
        chain.build(None, &bad, &[]).unwrap_err()
    };
    let field = |error| match error {
        BuildError::Field { field, expected } => (field, expected),
        other => panic!("{other}"),
    };
    assert_eq!(field(refused(|bad| bad.withdrawals = None)), ("withdrawals", "some"));
    let error = refused(|bad| bad.parent_beacon_block_root = None);
    assert_eq!(field(error), ("parentBeaconBlockRoot", "some"));
    let error = refused(|bad| bad.timestamp = 100);
    assert!(matches!(error, BuildError::Timestamp { parent: 100, actual: 100 }));
    let error = refused(|bad| bad.extra_data = vec![0; 33].into());
    assert!(matches!(error, BuildError::ExtraData { most: 32, actual: 33 }));
    let error = chain.build(Some([9; 32].into()), &good, &[]).unwrap_err();
    assert!(matches!(error, BuildError::NotHead { .. }));
}

#[test]
fn a_built_block_is_inserted_and_made_head_without_being_run_again() {
    let chain = in_memory();
    let built = build(&chain, &[Key::new(0).candidate(0, TO, 1)]);
    let (hash, genesis) = (built.block().hash, chain.head());
    assert_eq!(chain.insert(built.block().block.clone()).unwrap(), Inserted::Executed);
    assert_eq!(chain.head(), genesis, "nobody made it head");
    let zero = Default::default();
    let change = chain.set_forkchoice(hash, zero, zero).unwrap();
    assert_eq!((change.connected, change.disconnected, change.head.hash), (1, 0, hash));
    assert_sound(&chain);
}

#[test]
fn a_built_block_whose_head_moved_away_is_not_adopted() {
    let chain = in_memory();
    let stale = build(&chain, &[Key::new(0).candidate(0, TO, 1)]);
    mine_many(&chain, 1);
    let before = chain.head();
    // It becomes a block beside the chain, and the head stays.
    assert_eq!(chain.adopt(&stale).unwrap(), Imported::Side);
    assert_eq!(chain.head(), before);
    assert_sound(&chain);
}

#[test]
fn what_a_state_is_amended_to_is_what_the_next_block_stands_on() {
    use quintet_eth::state::{Account, AccountChange, StateChanges};
    let chain = in_memory();
    mine_many(&chain, 2);
    let account = Account {
        nonce: 5,
        balance: U256::from(10).pow(U256::from(20)),
        code_hash: alloy_primitives::KECCAK256_EMPTY,
    };
    let mut changes = StateChanges::default();
    let key = Key::new(50);
    let change = AccountChange { account: Some(account), ..AccountChange::default() };
    changes.accounts.insert(key.address, change);
    chain.amend_state(&changes).unwrap();
    let balance = |chain: &EthChain| chain.reader().unwrap().state().account(key.address).unwrap();
    assert_eq!(balance(&chain), Some(account));
    mine(&chain, &[key.candidate(5, TO, 1)]);
    assert_sound(&chain);
    chain.rollback(2).unwrap();
    assert_eq!(balance(&chain), Some(account), "the change was made after block 2");
    chain.rollback(1).unwrap();
    assert_eq!(balance(&chain), None, "and is gone with it");
    assert_sound(&chain);
}

#[test]
fn time_may_jump_forward() {
    let chain = in_memory();
    let built = chain.build(None, &attributes_at(1 << 40), &[]).unwrap();
    chain.adopt(&built).unwrap();
    mine_many(&chain, 0);
    assert_eq!(chain.head().number, 1);
}
