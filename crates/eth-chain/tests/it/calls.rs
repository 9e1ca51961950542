//! Calls that nobody signed, and blocks run again under watch.

use alloy_primitives::{Address, B256, TxKind, U256};
use quintet_eth_chain::{BlockTag, ChainError, EstimateError, EthChain};
use quintet_evm::execute::{
    AccountOverride, CallTransaction, Ending, Inspector, TransactionError,
    inspect::{Call, CallEnd, CallKind, Step, opcode_name},
};

use crate::world::{COUNTER, Key, LOOKS_BACK, REVERTS, in_memory, mine_many};

const GAS: u64 = 10_000_000;

fn call(to: Address) -> CallTransaction {
    CallTransaction { to: TxKind::Call(to), gas_limit: GAS, ..CallTransaction::default() }
}

fn chain() -> EthChain {
    let chain = in_memory();
    mine_many(&chain, 5);
    chain
}

#[test]
fn a_call_is_run_at_any_kept_state_and_keeps_nothing() {
    let chain = chain();
    let reader = chain.reader().unwrap();
    for number in [5, 2, 5] {
        let simulator = reader.simulator(BlockTag::Number(number)).unwrap();
        let called = simulator.call(&call(COUNTER), None).unwrap();
        assert!(called.is_success());
        assert_eq!(called.logs[0].data.data[..], U256::from(number + 1).to_be_bytes::<32>());
        let counter = called.touched.iter().find(|touched| touched.address == COUNTER).unwrap();
        assert_eq!(counter.slots, [(U256::ZERO, U256::from(number), U256::from(number + 1))]);
    }
}

#[test]
fn what_a_revert_says_comes_back() {
    let reader = chain().reader().unwrap();
    let simulator = reader.simulator(BlockTag::Latest).unwrap();
    let called = simulator.call(&call(REVERTS), None).unwrap();
    let Ending::Reverted { output } = called.ending else { panic!("{:?}", called.ending) };
    assert_eq!(output[..], U256::from(7).to_be_bytes::<32>());
    let error = simulator.estimate_gas(&call(REVERTS), GAS).unwrap_err();
    assert!(matches!(error, EstimateError::Reverted { output: said } if said == output));
}

#[test]
fn accounts_and_the_block_may_be_taken_to_be_other_than_they_are() {
    let reader = chain().reader().unwrap();
    let mut simulator = reader.simulator(BlockTag::Latest).unwrap();
    let slots = [(U256::ZERO, U256::from(41))].into();
    simulator.overrides.insert(COUNTER, AccountOverride { slots, ..AccountOverride::default() });
    let called = simulator.call(&call(COUNTER), None).unwrap();
    assert_eq!(called.logs[0].data.data[..], U256::from(42).to_be_bytes::<32>());
    // NUMBER, returned.
    let code = Some(alloy_primitives::bytes!("435f5260205ff3"));
    simulator.overrides.insert(REVERTS, AccountOverride { code, ..AccountOverride::default() });
    simulator.header.number = 1_000;
    let called = simulator.call(&call(REVERTS), None).unwrap();
    let Ending::Returned { output, .. } = called.ending else { panic!("{:?}", called.ending) };
    assert_eq!(output[..], U256::from(1_000).to_be_bytes::<32>());
    let mut pays = call(Address::ZERO);
    pays.value = U256::from(5);
    let error = simulator.call(&pays, None).unwrap_err();
    assert!(matches!(error, ChainError::Refused(TransactionError::Funds { .. })), "{error}");
    let balance = Some(U256::from(5));
    simulator
        .overrides
        .insert(Address::ZERO, AccountOverride { balance, ..AccountOverride::default() });
    assert!(simulator.call(&pays, None).unwrap().is_success());
}

#[test]
fn hashes_of_earlier_blocks_are_known_to_calls() {
    let reader = chain().reader().unwrap();
    let simulator = reader.simulator(BlockTag::Number(4)).unwrap();
    for (number, expected) in [(1, reader.canonical_hash(1).unwrap().unwrap()), (4, B256::ZERO)] {
        let mut asks = call(LOOKS_BACK);
        asks.input = U256::from(number).to_be_bytes::<32>().into();
        let called = simulator.call(&asks, None).unwrap();
        let Ending::Returned { output, .. } = called.ending else { panic!("{:?}", called.ending) };
        assert_eq!(B256::from_slice(&output), expected);
    }
}

#[test]
fn an_estimate_is_enough_and_hardly_more() {
    let reader = chain().reader().unwrap();
    let simulator = reader.simulator(BlockTag::Latest).unwrap();
    for to in [COUNTER, Address::repeat_byte(9)] {
        let estimate = simulator.estimate_gas(&call(to), GAS).unwrap();
        let with = |gas_limit| {
            let call = CallTransaction { gas_limit, ..call(to) };
            simulator.call(&call, None).is_ok_and(|called| called.is_success())
        };
        assert!(with(estimate), "{estimate}");
        assert!(!with(estimate * 98 / 100), "{estimate}");
    }
    let error = simulator.estimate_gas(&call(COUNTER), 22_000).unwrap_err();
    assert!(matches!(error, EstimateError::Allowance { allowance: 22_000 }));
}

#[test]
fn an_access_list_names_slots_and_makes_the_call_no_dearer_twice() {
    let reader = chain().reader().unwrap();
    let simulator = reader.simulator(BlockTag::Latest).unwrap();
    let outcome = simulator.access_list(&call(COUNTER)).unwrap();
    assert_eq!(outcome.list.0.len(), 1);
    assert_eq!(
        (outcome.list.0[0].address, &outcome.list.0[0].storage_keys[..]),
        (COUNTER, &[B256::ZERO][..])
    );
    assert!(outcome.called.is_success());
}

/// Notes what it sees.
#[derive(Default)]
struct Notes {
    instructions: Vec<&'static str>,
    frames: Vec<String>,
    logs: usize,
    steps: (usize, usize),
}

impl Inspector for Notes {
    fn step(&mut self, step: &Step<'_>) {
        self.steps.0 += 1;
        self.instructions.push(opcode_name(step.opcode()).unwrap_or("?"));
        assert_eq!(step.depth, 1);
    }

    fn step_end(&mut self, _step: &Step<'_>, halt: Option<&quintet_evm::execute::Halt>) {
        self.steps.1 += 1;
        assert_eq!(halt, None);
    }

    fn enter(&mut self, call: &Call<'_>) {
        assert_eq!(call.kind, CallKind::Call);
        self.frames.push(format!("in {}", call.depth));
    }

    fn exit(&mut self, end: &CallEnd<'_>) {
        assert!(!end.reverted && end.halt.is_none());
        self.frames.push(format!("out {}", end.output.len()));
    }

    fn log(&mut self, _log: &alloy_primitives::Log) {
        self.logs += 1;
    }
}

#[test]
fn a_block_is_run_again_under_watch_and_does_what_it_did() {
    let reader = chain().reader().unwrap();
    let hash = reader.canonical_hash(3).unwrap().unwrap();
    let receipts = reader.receipts(hash).unwrap().unwrap();
    let (notes, step) = reader
        .replay(hash, |replay| {
            let mut notes = Notes::default();
            let step = replay.inspect(Some(&mut notes)).unwrap().unwrap();
            replay.skip_to(3).unwrap();
            assert!(replay.inspect(None).unwrap().is_none());
            (notes, step)
        })
        .unwrap();
    assert_eq!(step.receipt, receipts[0]);
    assert_eq!(step.called.gas_used, receipts[0].gas_used);
    assert_eq!(notes.instructions.iter().filter(|name| **name == "SSTORE").count(), 1);
    assert_eq!(notes.instructions.last(), Some(&"STOP"));
    assert_eq!((notes.frames, notes.logs), (vec!["in 1".to_owned(), "out 0".to_owned()], 1));
    assert_eq!(notes.steps.0, notes.steps.1);
    let sender =
        step.called.touched.iter().find(|touched| touched.address == Key::new(0).address).unwrap();
    assert_eq!((sender.before.unwrap().nonce, sender.after.unwrap().nonce), (2, 3));
}

#[test]
fn a_call_is_given_up_when_it_is_told_to_and_is_the_same_when_it_is_not() {
    let reader = chain().reader().unwrap();
    let mut simulator = reader.simulator(BlockTag::Latest).unwrap();
    // So short that nobody is asked.
    let run = simulator.call_while(&call(COUNTER), &mut || false).unwrap();
    assert_eq!(run, Some(simulator.call(&call(COUNTER), None).unwrap()));
    // A loop without end: JUMPDEST PUSH0 JUMP. It is asked about every few hundred instructions.
    let code = Some(alloy_primitives::bytes!("5b5f56"));
    simulator.overrides.insert(REVERTS, AccountOverride { code, ..AccountOverride::default() });
    let mut left = 100;
    let mut for_some_time = || {
        left -= 1;
        left > 0
    };
    assert_eq!(simulator.call_while(&call(REVERTS), &mut for_some_time).unwrap(), None);
    assert_eq!(left, 0);
    // Called from another, which must not take its failing for its answer: PUSH0 x5, PUSH20 callee, GAS, CALL, STOP.
    let code = [&[0x5f; 5][..], &[0x73], REVERTS.as_slice(), &[0x5a, 0xf1, 0x00]].concat();
    simulator
        .overrides
        .insert(COUNTER, AccountOverride { code: Some(code.into()), ..AccountOverride::default() });
    let mut left = 100;
    let mut for_some_time = || {
        left -= 1;
        left > 0
    };
    assert_eq!(simulator.call_while(&call(COUNTER), &mut for_some_time).unwrap(), None);
    // What a precompile costs nobody knows before it ran: MODEXP is not tried.
    let to_modexp = Address::with_last_byte(5);
    assert_eq!(simulator.call_while(&call(to_modexp), &mut || true).unwrap(), None);
}
