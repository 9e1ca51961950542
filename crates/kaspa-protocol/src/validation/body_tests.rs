//! One body that breaks each rule, and one that does not.

use super::*;
use crate::{
    coinbase::CoinbaseError,
    params::{BlockMassLimits, Network},
    tx::{ComputeCommit, ScriptPublicKey, TransactionInput, TransactionOutput},
    validation::TxRuleError,
};

fn params() -> Params {
    Params::of(Network::Simnet)
}

fn tx(index: u32) -> Transaction {
    Transaction {
        version: 1,
        inputs: vec![TransactionInput {
            previous_outpoint: Outpoint::new(Hash256::new([9; 32]), index),
            signature_script: vec![],
            sequence: 0,
            compute_commit: ComputeCommit::ComputeBudget(0),
        }],
        outputs: vec![TransactionOutput::new(10, ScriptPublicKey::default())],
        lock_time: 0,
        subnetwork_id: SubnetworkId::NATIVE,
        gas: 0,
        payload: vec![],
        storage_mass: 7,
    }
}

fn block(others: impl IntoIterator<Item = Transaction>) -> Block {
    let mut block = params().genesis.block();
    block.transactions.extend(others);
    block.header.hash_merkle_root = hash_merkle_root(&block.transactions);
    block
}

fn broken(params: &Params, others: impl IntoIterator<Item = Transaction>) -> RuleError {
    check_body_in_isolation(params, &block(others)).unwrap_err()
}

fn lane(number: u8) -> SubnetworkId {
    let mut bytes = [0; 20];
    bytes[1] = number;
    SubnetworkId::new(bytes)
}

#[test]
fn a_sound_body_keeps_what_was_computed() {
    let block = block([tx(0), tx(1)]);
    let checked = check_body_in_isolation(&params(), &block).unwrap();
    let ids: Vec<_> = block.transactions.iter().map(Transaction::id).collect();
    assert_eq!(checked.ids(), ids);
    assert_eq!(checked.storage_mass(), 14);
    let mass = tx_mass(&params(), &tx(0));
    assert_eq!(checked.compute_mass(), 2 * mass.compute);
    assert_eq!(checked.transient_mass(), 2 * mass.transient);
}

#[test]
fn the_header_commits_to_the_transactions_and_one_coinbase_comes_first() {
    let mut empty = block([]);
    empty.transactions.clear();
    assert_eq!(check_body_in_isolation(&params(), &empty), Err(RuleError::NoTransactions));
    let mut other = block([tx(0)]);
    other.transactions[1].outputs[0].value += 1;
    let error = check_body_in_isolation(&params(), &other).unwrap_err();
    assert!(
        matches!(error, RuleError::BadMerkleRoot { actual, .. } if actual == other.header.hash_merkle_root)
    );
    let mut none = block([tx(0)]);
    none.transactions.remove(0);
    none.header.hash_merkle_root = hash_merkle_root(&none.transactions);
    assert_eq!(check_body_in_isolation(&params(), &none), Err(RuleError::FirstTxNotCoinbase));
    let second = params().genesis.block().transactions.remove(0);
    assert_eq!(broken(&params(), [tx(0), second]), RuleError::MultipleCoinbases { index: 2 });
}

#[test]
fn the_mass_is_no_part_of_the_root_before_crescendo() {
    let old = Params::devnet_pre_crescendo();
    let heavy = Transaction {
        version: 0,
        inputs: vec![TransactionInput {
            compute_commit: ComputeCommit::SigOpCount(0),
            ..tx(0).inputs.remove(0)
        }],
        ..tx(0)
    };
    let mut block = block([heavy]);
    assert!(matches!(check_body_in_isolation(&old, &block), Err(RuleError::BadMerkleRoot { .. })));
    block.header.hash_merkle_root = hash_merkle_root_pre_crescendo(&block.transactions);
    let checked = check_body_in_isolation(&old, &block).unwrap();
    assert_eq!((checked.storage_mass(), checked.transient_mass()), (0, 0));
}

#[test]
fn a_bad_transaction_is_named() {
    let bad = Transaction {
        outputs: vec![TransactionOutput::new(0, ScriptPublicKey::default())],
        ..tx(0)
    };
    let error = RuleError::TxInIsolationValidationFailed {
        transaction_id: bad.id(),
        source: Box::new(TxRuleError::TxOutZero { output: 0 }),
    };
    assert_eq!(broken(&params(), [bad]), error);
}

#[test]
fn each_mass_has_its_limit() {
    let mass = tx_mass(&params(), &tx(0));
    let with = |limits: BlockMassLimits| {
        let mut params = params();
        params.toccata.mass = limits;
        params
    };
    let (compute, transient, storage) = (mass.compute, mass.transient, 7);
    let tight = BlockMassLimits { storage, compute, transient };
    assert!(check_body_in_isolation(&with(tight), &block([tx(0)])).is_ok());
    let less = with(BlockMassLimits { compute: compute - 1, ..tight });
    let error = RuleError::ExceedsComputeMassLimit { max: compute - 1, actual: compute };
    assert_eq!(broken(&less, [tx(0)]), error);
    let less = with(BlockMassLimits { transient: transient - 1, ..tight });
    let error = RuleError::ExceedsTransientMassLimit { max: transient - 1, actual: transient };
    assert_eq!(broken(&less, [tx(0)]), error);
    let less = with(BlockMassLimits { storage: 6, ..tight });
    assert_eq!(broken(&less, [tx(0)]), RuleError::ExceedsStorageMassLimit { max: 6, actual: 7 });
}

#[test]
fn lanes_are_few_and_their_gas_is_bounded() {
    let on =
        |number: u8, gas| Transaction { subnetwork_id: lane(number), gas, ..tx(number.into()) };
    assert!(
        check_body_in_isolation(&params(), &block((1..=50).map(|number| on(number, 1)))).is_ok()
    );
    let error = RuleError::ExceedsLanesPerBlockLimit { max: 50, actual: 51 };
    assert_eq!(broken(&params(), (1..=51).map(|number| on(number, 1))), error);
    let half = 500_000_000;
    let more = Transaction { subnetwork_id: lane(1), gas: half + 1, ..tx(99) };
    let (max, actual) = (2 * half, 2 * half + 1);
    let error = RuleError::ExceedsGasPerLaneLimit { lane: lane(1), max, actual };
    assert_eq!(broken(&params(), [on(1, half), more]), error);
}

#[test]
fn transactions_of_a_block_are_strangers_to_each_other() {
    let transaction_id = tx(0).id();
    assert_eq!(
        broken(&params(), [tx(0), tx(0)]),
        RuleError::DuplicateTransactions { transaction_id }
    );
    let outpoint = tx(0).inputs[0].previous_outpoint;
    let other = Transaction { lock_time: 1, ..tx(0) };
    assert_eq!(broken(&params(), [tx(0), other]), RuleError::DoubleSpendInSameBlock { outpoint });

    let mut child = tx(1);
    child.inputs[0].previous_outpoint = Outpoint::new(transaction_id, 0);
    let outpoint = child.inputs[0].previous_outpoint;
    assert_eq!(
        broken(&params(), [tx(0), child.clone()]),
        RuleError::ChainedTransaction { outpoint }
    );
    child.inputs[0].previous_outpoint.index = 1;
    assert!(check_body_in_isolation(&params(), &block([tx(0), child])).is_ok(), "no such output");
}

#[test]
fn a_coinbase_says_the_scores_of_its_header() {
    let params = Params::of(Network::Mainnet);
    let mut block = params.genesis.block();
    block.transactions[0].payload = vec![0; 18];
    let source = CoinbaseError::PayloadTooShort { min: 19, actual: 18 };
    assert_eq!(
        check_coinbase_payload(&params, &block),
        Err(RuleError::BadCoinbasePayload { source })
    );
    let mut payload = [0; 19];
    payload[0] = 1;
    payload[8..16].copy_from_slice(&50_000_000_000_u64.to_le_bytes());
    block.transactions[0].payload = payload.to_vec();
    let error = RuleError::BadCoinbasePayloadBlueScore { expected: 0, actual: 1 };
    assert_eq!(check_coinbase_payload(&params, &block), Err(error));
    block.header.blue_score = 1;
    assert_eq!(check_coinbase_payload(&params, &block), Ok(()));
    block.transactions[0].payload[8] += 1;
    let (expected, actual) = (50_000_000_000, 50_000_000_001);
    assert_eq!(
        check_coinbase_payload(&params, &block),
        Err(RuleError::WrongSubsidy { expected, actual })
    );
}
