//! One transaction that breaks each rule, and one that does not.

use quintet_primitives::Hash256;

use super::*;
use crate::{
    params::Network,
    tx::{
        CovenantBinding, ScriptPublicKey, SubnetworkId, TransactionInput, TransactionOutput,
        UtxoEntry,
    },
};

fn input(index: u32, compute_commit: ComputeCommit) -> TransactionInput {
    TransactionInput {
        previous_outpoint: Outpoint::new(Hash256::new([9; 32]), index),
        signature_script: vec![],
        sequence: 0,
        compute_commit,
    }
}

fn output(value: u64) -> TransactionOutput {
    TransactionOutput::new(value, ScriptPublicKey::new(0, &[0x51]))
}

fn tx(version: u16) -> Transaction {
    Transaction {
        version,
        inputs: vec![input(0, ComputeCommit::none(version))],
        outputs: vec![output(10)],
        lock_time: 0,
        subnetwork_id: SubnetworkId::NATIVE,
        gas: 0,
        payload: vec![],
        storage_mass: 0,
    }
}

fn coinbase() -> Transaction {
    Transaction { inputs: vec![], subnetwork_id: SubnetworkId::COINBASE, ..tx(0) }
}

fn lane() -> SubnetworkId {
    let mut bytes = [0; 20];
    bytes[..4].copy_from_slice(b"lane");
    SubnetworkId::new(bytes)
}

fn check(rules: &Rules, tx: &Transaction) -> Result<(), TxRuleError> {
    check_tx_in_isolation(&Params::of(Network::Mainnet), rules, tx)
}

fn broken(tx: &Transaction) -> TxRuleError {
    check(&Rules::TOCCATA, tx).unwrap_err()
}

#[test]
fn plain_transactions_pass_in_their_eras() {
    for rules in [Rules::PRE_CRESCENDO, Rules::CRESCENDO, Rules::TOCCATA] {
        assert_eq!(check(&rules, &tx(0)), Ok(()));
        assert_eq!(check(&rules, &coinbase()), Ok(()));
        let new = check(&rules, &tx(1));
        match rules.era {
            Era::Toccata => assert_eq!(new, Ok(())),
            Era::PreCrescendo | Era::Crescendo => {
                assert_eq!(new, Err(TxRuleError::UnknownTxVersion { max: 0, actual: 1 }));
            }
        }
    }
    assert_eq!(broken(&tx(2)), TxRuleError::UnknownTxVersion { max: 1, actual: 2 });
}

#[test]
fn counts_and_sizes_have_limits() {
    assert_eq!(broken(&Transaction { inputs: vec![], ..tx(0) }), TxRuleError::NoTxInputs);
    let many = |count| (0..count).map(|index| input(index, ComputeCommit::SigOpCount(0))).collect();
    assert_eq!(check(&Rules::TOCCATA, &Transaction { inputs: many(1000), ..tx(0) }), Ok(()));
    let too_many = Transaction { inputs: many(1001), ..tx(0) };
    assert_eq!(broken(&too_many), TxRuleError::TooManyInputs { max: 1000, actual: 1001 });
    let too_many = Transaction { outputs: vec![output(1); 1001], ..tx(0) };
    assert_eq!(broken(&too_many), TxRuleError::TooManyOutputs { max: 1000, actual: 1001 });

    let mut long = tx(0);
    long.inputs[0].signature_script = vec![0; 10_001];
    assert_eq!(check(&Rules::TOCCATA, &long), Ok(()));
    assert_eq!(check(&Rules::PRE_CRESCENDO, &long), Ok(()));
    assert_eq!(
        check(&Rules::CRESCENDO, &long),
        Err(TxRuleError::TooBigSignatureScript { input: 0, max: 10_000, actual: 10_001 })
    );
    let mut long = tx(0);
    long.outputs[0].script_public_key = ScriptPublicKey::new(0, &[0; 10_001]);
    assert_eq!(
        broken(&long),
        TxRuleError::TooBigScriptPublicKey { output: 0, max: 10_000, actual: 10_001 }
    );
}

#[test]
fn coinbases_have_rules_of_their_own() {
    let spends = Transaction { inputs: tx(0).inputs, ..coinbase() };
    assert_eq!(broken(&spends), TxRuleError::CoinbaseHasInputs { actual: 1 });
    let heavy = Transaction { storage_mass: 1, ..coinbase() };
    assert_eq!(broken(&heavy), TxRuleError::CoinbaseNonZeroMassCommitment { actual: 1 });
    assert_eq!(check(&Rules::PRE_CRESCENDO, &heavy), Ok(()));
    let wide = |outputs| Transaction { outputs: vec![output(1); outputs], ..coinbase() };
    assert_eq!(check(&Rules::CRESCENDO, &wide(126)), Ok(()));
    assert_eq!(broken(&wide(127)), TxRuleError::CoinbaseTooManyOutputs { max: 126, actual: 127 });
    assert_eq!(
        check(&Rules::PRE_CRESCENDO, &wide(21)),
        Err(TxRuleError::CoinbaseTooManyOutputs { max: 20, actual: 21 })
    );
    let mut long = coinbase();
    long.outputs[0].script_public_key = ScriptPublicKey::new(0, &[0; 151]);
    assert_eq!(
        broken(&long),
        TxRuleError::CoinbaseScriptPublicKeyTooLong { output: 0, max: 150, actual: 151 }
    );
}

#[test]
fn values_are_positive_and_bounded() {
    let of = |values: &[u64]| Transaction {
        outputs: values.iter().copied().map(output).collect(),
        ..tx(0)
    };
    assert_eq!(broken(&of(&[1, 0])), TxRuleError::TxOutZero { output: 1 });
    let actual = MAX_SOMPI + 1;
    assert_eq!(broken(&of(&[actual])), TxRuleError::TxOutTooHigh { output: 0, actual });
    assert_eq!(broken(&of(&[MAX_SOMPI, 1])), TxRuleError::TotalTxOutTooHigh { actual });
    assert_eq!(check(&Rules::TOCCATA, &of(&[MAX_SOMPI - 1, 1])), Ok(()));
}

#[test]
fn an_output_is_spent_once_however_many_inputs_there_are() {
    for count in [2, 8, 9, 100] {
        let commit = ComputeCommit::SigOpCount(0);
        let mut twice = tx(0);
        twice.inputs = (0..count).map(|index| input(index, commit)).collect();
        assert_eq!(check(&Rules::TOCCATA, &twice), Ok(()));
        twice.inputs.push(input(1, commit));
        let outpoint = twice.inputs[1].previous_outpoint;
        assert_eq!(broken(&twice), TxRuleError::TxDuplicateInputs { outpoint });
    }
}

#[test]
fn lanes_and_gas_belong_to_version_one() {
    let on = |version, subnetwork_id, gas| Transaction { subnetwork_id, gas, ..tx(version) };
    assert_eq!(check(&Rules::TOCCATA, &on(1, lane(), 5)), Ok(()));
    let disabled = |subnetwork_id| TxRuleError::SubnetworksDisabled { subnetwork_id };
    assert_eq!(broken(&on(0, lane(), 0)), disabled(lane()));
    assert_eq!(broken(&on(1, SubnetworkId::REGISTRY, 0)), disabled(SubnetworkId::REGISTRY));
    let has_gas =
        |version, subnetwork_id| TxRuleError::TxHasGas { subnetwork_id, version, actual: 5 };
    assert_eq!(broken(&on(0, lane(), 5)), has_gas(0, lane()));
    assert_eq!(broken(&on(1, SubnetworkId::NATIVE, 5)), has_gas(1, SubnetworkId::NATIVE));
}

#[test]
fn fields_of_another_version_are_refused() {
    let mut old = tx(0);
    old.inputs[0].compute_commit = ComputeCommit::ComputeBudget(3);
    assert_eq!(broken(&old), TxRuleError::ComputeBudgetInV0 { input: 0, actual: 3 });
    let mut new = tx(1);
    new.inputs[0].compute_commit = ComputeCommit::SigOpCount(3);
    assert_eq!(broken(&new), TxRuleError::SigopCountInV1 { input: 0, actual: 3 });
    let binding = CovenantBinding { authorizing_input: 0, covenant_id: Hash256::default() };
    let mut bound = tx(0);
    bound.outputs[0].covenant = Some(binding);
    assert_eq!(broken(&bound), TxRuleError::CovenantBindingInV0 { output: 0 });
    let mut bound = tx(1);
    bound.outputs[0].covenant = Some(binding);
    assert_eq!(check(&Rules::TOCCATA, &bound), Ok(()));
    let payload = Transaction { payload: vec![1], ..tx(0) };
    assert_eq!(check(&Rules::CRESCENDO, &payload), Ok(()));
    assert_eq!(
        check(&Rules::PRE_CRESCENDO, &payload),
        Err(TxRuleError::NonCoinbaseTxHasPayload { actual: 1 })
    );
}

#[test]
fn a_lock_time_is_a_score_or_a_time_and_may_be_waived() {
    let locked = |lock_time| Transaction { lock_time, ..tx(0) };
    assert_eq!(check_tx_in_header_context(&locked(0), 0, 0), Ok(()));
    assert_eq!(check_tx_in_header_context(&locked(7), 8, 0), Ok(()));
    let error = TxRuleError::NotFinalized { input: 0, lock_time: 7, actual: 7 };
    assert_eq!(check_tx_in_header_context(&locked(7), 7, u64::MAX), Err(error));
    let time = LOCK_TIME_THRESHOLD;
    assert!(needs_median_time(&locked(time)) && !needs_median_time(&locked(time - 1)));
    assert_eq!(check_tx_in_header_context(&locked(time), 0, time + 1), Ok(()));
    assert!(check_tx_in_header_context(&locked(time), u64::MAX, time).is_err());
    let mut waived = locked(7);
    waived.inputs[0].sequence = u64::MAX;
    assert_eq!(check_tx_in_header_context(&waived, 0, 0), Ok(()));
}

fn entry(amount: u64) -> UtxoEntry {
    UtxoEntry {
        amount,
        script_public_key: ScriptPublicKey::new(0, &[0x51]),
        block_daa_score: 100,
        is_coinbase: false,
        covenant_id: None,
    }
}

fn in_utxo(tx: &Transaction, entry: &UtxoEntry, pov: u64) -> Result<u64, TxRuleError> {
    let entries = [entry.clone()];
    let populated = PopulatedTransaction::new(tx, &entries).unwrap();
    check_tx_in_utxo_context(&Params::of(Network::Devnet), populated, pov, pov)
}

#[test]
fn what_is_spent_is_there_ripe_and_enough() {
    let kas = 100_000_000;
    let spend = Transaction { outputs: vec![output(kas)], ..tx(0) };
    // A little more comes in than goes out: a gram of storage.
    let with_fee = Transaction { storage_mass: 1, ..spend.clone() };
    assert_eq!(in_utxo(&with_fee, &entry(kas + 7), 101), Ok(7));
    assert_eq!(
        in_utxo(&spend, &entry(kas - 1), 101),
        Err(TxRuleError::SpendTooHigh { inputs: kas - 1, outputs: kas })
    );
    let actual = MAX_SOMPI + 1;
    assert_eq!(
        in_utxo(&spend, &entry(actual), 101),
        Err(TxRuleError::InputAmountTooHigh { actual })
    );

    let coinbase = UtxoEntry { is_coinbase: true, ..entry(kas) };
    assert_eq!(in_utxo(&spend, &coinbase, 1100), Ok(0));
    let outpoint = spend.inputs[0].previous_outpoint;
    let error = TxRuleError::ImmatureCoinbaseSpend {
        input: 0,
        outpoint,
        created: 100,
        maturity: 1000,
        actual: 1099,
    };
    assert_eq!(in_utxo(&spend, &coinbase, 1099), Err(error));
}

#[test]
fn storage_mass_must_be_what_is_committed_since_crescendo() {
    let kas = 100_000_000;
    let mut split = Transaction { outputs: vec![output(kas), output(kas)], ..tx(0) };
    let expected = 2 * 10_000 - 5_000;
    let wrong = TxRuleError::WrongMass { expected, actual: 0 };
    assert_eq!(in_utxo(&split, &entry(2 * kas), 101), Err(wrong));
    split.storage_mass = expected;
    assert_eq!(in_utxo(&split, &entry(2 * kas), 101), Ok(0));
    split.storage_mass = 0;
    let entries = [entry(2 * kas)];
    let populated = PopulatedTransaction::new(&split, &entries).unwrap();
    let old = Params::devnet_pre_crescendo();
    assert_eq!(check_tx_in_utxo_context(&old, populated, 101, 101), Ok(0));
}

#[test]
fn relative_locks_count_from_the_entry() {
    let kas = 100_000_000;
    let mut spend = Transaction { outputs: vec![output(kas)], ..tx(0) };
    spend.inputs[0].sequence = 10;
    assert_eq!(in_utxo(&spend, &entry(kas), 110), Ok(0));
    let error =
        TxRuleError::SequenceLockConditionsAreNotMet { input: 0, locked_until: 109, actual: 109 };
    assert_eq!(in_utxo(&spend, &entry(kas), 109), Err(error));
    spend.inputs[0].sequence |= SEQUENCE_LOCK_DISABLED;
    assert_eq!(in_utxo(&spend, &entry(kas), 101), Ok(0));
}
