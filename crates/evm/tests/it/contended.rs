//! Many threads leave what one leaves: random blocks in which transactions get in each other's way.

use alloy_consensus::{EthereumTxEnvelope, Header, Signed, TxEip1559, TxEip4844};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, hex};
use proptest::prelude::*;
use quintet_evm::{
    execute::{BlockInput, BlockOutcome, ExecuteError, Transaction, execute},
    parallel::{self, Options, Statistics},
    schedule::{Fork, Rules},
};

use crate::world::{
    COINBASE_BALANCE, COUNTER, ENDS, FACTORY, FORWARDS, LOOKS_BACK, NoCode, TOKEN, World,
};

const SENDERS: u8 = 6;
const ETHER: u64 = 1_000_000_000_000_000_000;
const GWEI: u128 = 1_000_000_000;
/// What a made contract runs when called: it ends itself, in the same transaction or in a later one.
const MAKES_ENDING: [u8; 11] = hex!("6133ff6000526002601ef3");

/// What a transaction does.
#[derive(Debug, Clone)]
enum Deed {
    Pay {
        to: u8,
        value: u64,
    },
    PayContract {
        to: u8,
        value: u64,
    },
    PayMiner {
        value: u64,
    },
    Token {
        to: u8,
    },
    Create {
        seed: u8,
    },
    Factory {
        seed: u8,
    },
    Forward {
        to: u8,
        value: u64,
    },
    /// Its nonce is ahead: it cannot be in the block.
    TooEarly,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0..SENDERS + 3, 0..ETHER / 50).prop_map(|(to, value)| Deed::Pay { to, value }),
        4 => (0..7u8, 0..1000u64).prop_map(|(to, value)| Deed::PayContract { to, value }),
        1 => (0..1000u64).prop_map(|value| Deed::PayMiner { value }),
        2 => (0..SENDERS).prop_map(|to| Deed::Token { to }),
        1 => any::<u8>().prop_map(|seed| Deed::Create { seed }),
        2 => (0..2u8).prop_map(|seed| Deed::Factory { seed }),
        1 => (0..SENDERS + 3, 0..1000u64).prop_map(|(to, value)| Deed::Forward { to, value }),
    ]
}

fn deeds() -> impl Strategy<Value = Vec<(u8, Deed)>> {
    let good = prop::collection::vec((0..SENDERS, deed()), 1..60);
    // One block in five holds what cannot be in it.
    (good, prop::option::weighted(0.2, any::<prop::sample::Index>())).prop_map(
        |(mut deeds, bad)| {
            if let Some(bad) = bad {
                let at = bad.index(deeds.len());
                deeds[at].1 = Deed::TooEarly;
            }
            deeds
        },
    )
}

fn key(index: u8) -> Address {
    Address::with_last_byte(0xa0 + index)
}

fn contract(index: u8) -> Address {
    Address::left_padding_from(&[0xc0, index])
}

fn miner() -> Address {
    Address::repeat_byte(0x77)
}

fn world(miner_is_contract: bool) -> World {
    let mut world = World::default();
    for index in 0..SENDERS {
        world.put(key(index), ETHER, &[]);
    }
    let codes = [COUNTER, COINBASE_BALANCE, TOKEN, ENDS, FACTORY, LOOKS_BACK, FORWARDS];
    for (index, code) in (0..).zip(codes) {
        let at = contract(index);
        world.put(at, 1000, code);
        world.put_slot(at, U256::ZERO, U256::from(7));
    }
    if miner_is_contract {
        world.put(miner(), 5, COUNTER);
    }
    world
}

fn transactions(deeds: &[(u8, Deed)]) -> Vec<Transaction> {
    let mut nonces = [0; SENDERS as usize];
    let made = deeds.iter().map(|(sender, deed)| {
        let nonce = nonces[usize::from(*sender)];
        nonces[usize::from(*sender)] += 1;
        let word = |address: Address| Bytes::from(address.into_word().0.to_vec());
        let (to, value, input) = match deed {
            Deed::Pay { to, value } => (TxKind::Call(key(*to)), *value, Bytes::new()),
            Deed::PayContract { to, value } => (TxKind::Call(contract(*to)), *value, Bytes::new()),
            Deed::PayMiner { value } => (TxKind::Call(miner()), *value, Bytes::new()),
            Deed::Token { to } => (TxKind::Call(contract(2)), 0, word(key(*to))),
            Deed::Create { seed } => {
                let code = [&[0x60, *seed, 0x60, 0, 0x55][..], &MAKES_ENDING].concat();
                (TxKind::Create, 0, code.into())
            }
            // Code that puts `33ff` at its place, or nothing.
            Deed::Factory { seed: 0 } => {
                (TxKind::Call(contract(4)), 0, hex!("6133ff6000526002601ef3").to_vec().into())
            }
            Deed::Factory { .. } => (TxKind::Call(contract(4)), 0, Bytes::new()),
            Deed::Forward { to, value } => (TxKind::Call(contract(6)), *value, word(key(*to))),
            Deed::TooEarly => (TxKind::Call(key(0)), 0, Bytes::new()),
        };
        let nonce = if matches!(deed, Deed::TooEarly) { nonce + 5 } else { nonce };
        let transaction = TxEip1559 {
            chain_id: 1,
            nonce,
            gas_limit: 200_000,
            max_fee_per_gas: 30 * GWEI,
            max_priority_fee_per_gas: GWEI,
            to,
            value: U256::from(value),
            access_list: Default::default(),
            input,
        };
        let signature = Signature::new(U256::ONE, U256::ONE, false);
        let envelope: EthereumTxEnvelope<TxEip4844> =
            Signed::new_unchecked(transaction, signature, B256::ZERO).into();
        Transaction::ethereum(&envelope, key(*sender))
    });
    made.collect()
}

type Executed = Result<BlockOutcome, ExecuteError<NoCode>>;

/// Runs a block by one thread and by many.
fn both(
    fork: Fork,
    deeds: &[(u8, Deed)],
    options: &Options,
    miner_is_contract: bool,
) -> (Executed, Result<(BlockOutcome, Statistics), ExecuteError<NoCode>>) {
    let header = Header {
        number: 100,
        timestamp: 1000,
        gas_limit: 30_000_000,
        base_fee_per_gas: Some(7),
        beneficiary: miner(),
        excess_blob_gas: Some(0),
        ..Header::default()
    };
    let world = world(miner_is_contract);
    let transactions = transactions(deeds);
    let input = BlockInput {
        header: &header,
        transactions: &transactions,
        ommers: &[],
        withdrawals: Some(&[]),
    };
    let hashes = |number: u64| Some(B256::from(U256::from(number)));
    let rules = Rules::of(fork);
    let one = execute(rules, &input, &world, &hashes, None);
    let many = parallel::execute(rules, &input, &world, &hashes, None, options);
    (one, many)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn many_threads_leave_what_one_leaves(
        deeds in deeds(),
        threads in 2..5usize,
        miner_is_contract in any::<bool>(),
        fork in prop::sample::select(vec![Fork::London, Fork::Shanghai, Fork::Cancun]),
    ) {
        let (one, many) = both(fork, &deeds, &Options::always(threads), miner_is_contract);
        let many = many.map(|(outcome, _)| outcome).map_err(|error| error.to_string());
        prop_assert_eq!(one.map_err(|error| error.to_string()), many);
    }

    #[test]
    fn transfers_added_up_in_order_leave_what_the_interpreter_leaves(
        deeds in deeds(),
        threads in 1..3usize,
        miner_is_contract in any::<bool>(),
        fork in prop::sample::select(vec![Fork::London, Fork::Shanghai, Fork::Cancun]),
    ) {
        let options = Options { transactions_min: usize::MAX, ..Options::new(threads) };
        let (one, many) = both(fork, &deeds, &options, miner_is_contract);
        let many = many.map(|(outcome, _)| outcome).map_err(|error| error.to_string());
        prop_assert_eq!(one.map_err(|error| error.to_string()), many);
    }

    #[test]
    fn a_block_that_is_given_up_leaves_the_same(deeds in deeds(), percent in 0..30usize) {
        let options = Options { threads: 3, transactions_min: 0, aborts_max_percent: percent };
        let (one, many) = both(Fork::Cancun, &deeds, &options, false);
        let many = many.map(|(outcome, _)| outcome).map_err(|error| error.to_string());
        prop_assert_eq!(one.map_err(|error| error.to_string()), many);
    }
}

#[test]
fn transfers_between_the_same_accounts_do_not_wait_for_each_other() {
    let deeds: Vec<_> = (0..300u32)
        .map(|index| {
            let sender = u8::try_from(index % u32::from(SENDERS)).unwrap();
            (sender, Deed::Pay { to: SENDERS, value: 1 })
        })
        .collect();
    let (one, many) = both(Fork::Cancun, &deeds, &Options::always(4), false);
    let (many, statistics) = many.unwrap();
    assert_eq!(one.unwrap(), many);
    assert_eq!(statistics, Statistics { parallel: 300, ..Statistics::default() });
}

#[test]
fn one_slot_written_by_all_ends_as_in_sequence() {
    let deeds: Vec<_> =
        (0..120u8).map(|index| (index % SENDERS, Deed::PayContract { to: 0, value: 0 })).collect();
    let (one, many) = both(Fork::Cancun, &deeds, &Options::new(2), false);
    let (many, _) = many.unwrap();
    assert_eq!(many.changes.accounts[&contract(0)].storage[&U256::ZERO], U256::from(127));
    assert_eq!(one.unwrap(), many);
}
