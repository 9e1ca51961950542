//! Transactions: what alloy writes is read alike, what is not exactly that is refused with its name.

use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEip4844, TxEip7702, TxLegacy};
use alloy_eips::{eip2718::Encodable2718 as _, eip7702::Authorization};
use alloy_primitives::{Address, B256, Signature, TxKind, U256, b256};
use op_alloy_consensus::TxDeposit;
use proptest::prelude::*;
use quintet_eth::tx::{
    CheckError, EthTransaction, FieldProblem, Limits, Parsed, TxDecodeError, TxRules,
    recover_sender, recover_senders,
};

const LIMITS: Limits = Limits::of_chain(1);

fn signature() -> Signature {
    Signature::new(
        U256::from_be_bytes(
            b256!("c9cf86333bcb065d140032ecaab5d9281bde80f21b9687b3e94161de42d51895").0,
        ),
        U256::from_be_bytes(
            b256!("727a108a0b8d101465414033c3f705a9c7b826e596766046ee1183dbc8aeaa68").0,
        ),
        false,
    )
}

fn legacy() -> TxLegacy {
    TxLegacy {
        chain_id: Some(1),
        nonce: 9,
        gas_price: 20_000_000_000,
        gas_limit: 50_000,
        to: TxKind::Call(Address::repeat_byte(0x35)),
        value: U256::from(10).pow(U256::from(18)),
        input: vec![1, 0, 2].into(),
    }
}

fn london() -> TxEip1559 {
    TxEip1559 {
        chain_id: 1,
        nonce: 1,
        gas_limit: 60_000,
        max_fee_per_gas: 10,
        max_priority_fee_per_gas: 3,
        to: TxKind::Create,
        input: vec![0x60; 10].into(),
        ..Default::default()
    }
}

fn blobs() -> TxEip4844 {
    let mut hash = B256::repeat_byte(9);
    hash[0] = 1;
    TxEip4844 {
        chain_id: 1,
        gas_limit: 30_000,
        max_fee_per_gas: 10,
        blob_versioned_hashes: vec![hash],
        max_fee_per_blob_gas: 1,
        ..Default::default()
    }
}

fn set_code() -> TxEip7702 {
    let authorization =
        Authorization { chain_id: U256::ZERO, address: Address::repeat_byte(4), nonce: 3 };
    TxEip7702 {
        chain_id: 1,
        gas_limit: 60_000,
        max_fee_per_gas: 10,
        authorization_list: vec![authorization.into_signed(signature())],
        ..Default::default()
    }
}

fn all() -> Vec<Vec<u8>> {
    let deposit = TxDeposit {
        source_hash: B256::repeat_byte(1),
        from: Address::repeat_byte(2),
        to: TxKind::Create,
        mint: 5,
        value: U256::from(6),
        gas_limit: 7,
        is_system_transaction: true,
        input: vec![8].into(),
    };
    vec![
        legacy().into_signed(signature()).encoded_2718(),
        london().into_signed(signature()).encoded_2718(),
        blobs().into_signed(signature()).encoded_2718(),
        set_code().into_signed(signature()).encoded_2718(),
        deposit.encoded_2718(),
    ]
}

#[test]
fn every_type_is_read_as_it_was_written_and_written_again() {
    for (bytes, kind) in all().iter().zip([0, 2, 3, 4, 0x7e]) {
        let transaction = EthTransaction::decode(bytes).unwrap();
        assert_eq!((transaction.kind(), &transaction.encoded()), (kind, bytes));
        assert_eq!(transaction.hash(), alloy_primitives::keccak256(bytes));
    }
}

#[test]
fn a_transaction_cut_anywhere_or_with_a_byte_behind_is_refused() {
    for bytes in all() {
        for end in 0..bytes.len() {
            Parsed::read(&bytes[..end]).unwrap_err();
        }
        let behind = [bytes.as_slice(), &[0]].concat();
        assert_eq!(Parsed::read(&behind), Err(TxDecodeError::Trailing { bytes: 1 }));
    }
}

#[test]
fn an_error_names_the_field_and_what_is_wrong_with_it() {
    let mut bytes = legacy().into_signed(signature()).encoded_2718();
    // The nonce, 9, becomes a zero.
    let at = bytes.iter().position(|byte| *byte == 9).unwrap();
    bytes[at] = 0;
    let error = Parsed::read(&bytes).unwrap_err();
    let problem = FieldProblem::LeadingZeros;
    assert_eq!(error, TxDecodeError::Field { field: "nonce", problem });
    assert_eq!(
        error.to_string(),
        "field `nonce` is malformed: expected a number without zeros in front"
    );
}

#[test]
fn senders_recovered_from_fields_types_and_in_batches_agree() {
    let transactions: Vec<_> =
        all().iter().map(|bytes| EthTransaction::decode(bytes).unwrap()).collect();
    let together = recover_senders(&transactions, TxRules::Osaka);
    for ((bytes, transaction), sender) in all().iter().zip(&transactions).zip(together) {
        assert_eq!(sender, recover_sender(transaction, TxRules::Osaka));
        let parsed = Parsed::read(bytes).unwrap();
        if transaction.kind() != 0x7e {
            let checked = parsed.check(TxRules::Prague, &LIMITS).unwrap();
            assert_eq!(Ok(checked.sender), sender);
            let theirs = transaction.as_signed().unwrap();
            let theirs = alloy_consensus::transaction::SignerRecoverable::recover_signer(theirs);
            assert_eq!(sender.unwrap(), theirs.unwrap());
        }
    }
}

fn check(bytes: &[u8], rules: TxRules) -> Result<u64, CheckError> {
    let gas = Parsed::read(bytes).unwrap().check_unsigned(rules, &LIMITS)?;
    Ok(gas.required())
}

#[test]
fn a_type_is_refused_before_the_fork_that_brought_it() {
    let forks = [TxRules::Frontier, TxRules::London, TxRules::Cancun, TxRules::Prague];
    let before = [None, Some(TxRules::Berlin), Some(TxRules::Shanghai), Some(TxRules::Cancun)];
    for ((bytes, since), before) in all().iter().zip(forks).zip(before) {
        check(bytes, since).unwrap();
        let Some(before) = before else { continue };
        assert!(matches!(check(bytes, before), Err(CheckError::Type { .. })));
    }
}

#[test]
fn blobs_must_be_some_of_version_one_and_from_osaka_six_at_most() {
    let sign = |tx: TxEip4844| tx.into_signed(signature()).encoded_2718();
    let none = TxEip4844 { blob_versioned_hashes: vec![], ..blobs() };
    assert!(matches!(
        check(&sign(none), TxRules::Cancun),
        Err(CheckError::Blobs { actual: 0, .. })
    ));
    let other = TxEip4844 { blob_versioned_hashes: vec![B256::repeat_byte(2)], ..blobs() };
    assert!(matches!(check(&sign(other), TxRules::Cancun), Err(CheckError::BlobVersion { .. })));
    let hash = blobs().blob_versioned_hashes[0];
    let seven = sign(TxEip4844 { blob_versioned_hashes: vec![hash; 7], ..blobs() });
    check(&seven, TxRules::Prague).unwrap();
    assert!(matches!(check(&seven, TxRules::Osaka), Err(CheckError::Blobs { actual: 7, .. })));
}

#[test]
fn data_costs_at_least_the_floor_from_prague_on() {
    let data = TxLegacy { input: vec![1; 1_000].into(), ..legacy() };
    let bytes = data.into_signed(signature()).encoded_2718();
    assert_eq!(check(&bytes, TxRules::Cancun), Ok(21_000 + 16_000));
    // 21,000 and ten for each of 4,000 tokens.
    assert!(matches!(
        check(&bytes, TxRules::Prague),
        Err(CheckError::IntrinsicGas { expected: 61_000, actual: 50_000 })
    ));
}

#[test]
fn an_authority_costs_as_if_it_were_empty_and_none_is_refused() {
    let sign = |tx: TxEip7702| tx.into_signed(signature()).encoded_2718();
    assert_eq!(check(&sign(set_code()), TxRules::Prague), Ok(21_000 + 25_000));
    let none = TxEip7702 { authorization_list: vec![], ..set_code() };
    assert_eq!(check(&sign(none), TxRules::Prague), Err(CheckError::NoAuthorization));
}

#[test]
fn the_most_gas_of_a_transaction_is_two_to_the_24_from_osaka_on() {
    let most = TxLegacy { gas_limit: 1 << 24, ..legacy() };
    check(&most.clone().into_signed(signature()).encoded_2718(), TxRules::Osaka).unwrap();
    let more = TxLegacy { gas_limit: (1 << 24) + 1, ..most };
    let more = more.into_signed(signature()).encoded_2718();
    check(&more, TxRules::Prague).unwrap();
    assert!(matches!(check(&more, TxRules::Osaka), Err(CheckError::GasLimit { .. })));
}

#[test]
fn a_legacy_transaction_for_another_chain_is_refused_once_chains_are_bound() {
    let other = TxLegacy { chain_id: Some(5), ..legacy() };
    let other = other.into_signed(signature()).encoded_2718();
    assert!(matches!(check(&other, TxRules::SpuriousDragon), Err(CheckError::ChainId { .. })));
    let unbound = TxLegacy { chain_id: None, ..legacy() };
    check(&unbound.into_signed(signature()).encoded_2718(), TxRules::Osaka).unwrap();
}

proptest! {
    #[test]
    fn a_changed_byte_is_refused_or_read_as_alloy_reads_it(which in 0_usize..5, at in any::<prop::sample::Index>(), to: u8) {
        let mut bytes = all().remove(which);
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(transaction) = EthTransaction::decode(&bytes) {
            prop_assert_eq!(transaction.encoded(), bytes.clone());
        }
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = EthTransaction::decode(&bytes);
    }
}
