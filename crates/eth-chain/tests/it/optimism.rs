//! An OP chain on the same code: deposits, parameters in the extra data, a storage root in the header.

use alloy_consensus::Sealed;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use op_alloy_consensus::TxDeposit;
use quintet_eth::{state::StateView as _, tx::EthTransaction};
use quintet_eth_chain::{Attributes, BuildError, ChainSpec, EthChain, Imported, OpAttributes};

use crate::world::{Key, attributes_at, genesis, options};

fn spec(forks: &[&str]) -> ChainSpec {
    let mut genesis = serde_json::to_value(genesis()).unwrap();
    let config = genesis.get_mut("config").unwrap().as_object_mut().unwrap();
    config.insert(
        "optimism".to_owned(),
        serde_json::json!({
            "eip1559Elasticity": 6, "eip1559Denominator": 50, "eip1559DenominatorCanyon": 250
        }),
    );
    for fork in forks {
        config.insert((*fork).to_owned(), 0.into());
    }
    if forks.contains(&"isthmusTime") {
        config.insert("pragueTime".to_owned(), 0.into());
        let extra = if forks.contains(&"jovianTime") {
            "0x01000000fa000000060000000000000000"
        } else {
            "0x00000000fa00000006"
        };
        genesis["extraData"] = extra.into();
    }
    ChainSpec::from_genesis(serde_json::from_value(genesis).unwrap()).unwrap()
}

const ISTHMUS: [&str; 8] = [
    "regolithTime",
    "canyonTime",
    "ecotoneTime",
    "fjordTime",
    "graniteTime",
    "holoceneTime",
    "isthmusTime",
    "bedrockBlock",
];

fn deposit(number: u8, mint: u128) -> EthTransaction {
    let deposit = TxDeposit {
        source_hash: B256::repeat_byte(number),
        from: Address::repeat_byte(0xde),
        to: TxKind::Call(Address::repeat_byte(0xad)),
        mint,
        value: U256::from(mint),
        gas_limit: 100_000,
        is_system_transaction: false,
        input: Bytes::new(),
    };
    let hash = deposit.tx_hash();
    EthTransaction::Deposit(Sealed::new_unchecked(deposit, hash))
}

fn payload(timestamp: u64, forced: Vec<EthTransaction>) -> Attributes {
    Attributes {
        op: Some(OpAttributes::default()),
        forced,
        gas_limit: Some(30_000_000),
        ..attributes_at(timestamp)
    }
}

#[test]
fn deposits_are_forced_into_blocks_that_another_node_takes() {
    for more in [None, Some("jovianTime")] {
        let forks: Vec<_> = ISTHMUS.into_iter().chain(more).collect();
        let (ours, theirs) = (
            EthChain::in_memory(spec(&forks), options()).unwrap(),
            EthChain::in_memory(spec(&forks), options()).unwrap(),
        );
        for number in 1..4_u8 {
            let mut attributes = payload(100 + u64::from(number) * 2, vec![deposit(number, 1_000)]);
            attributes.op =
                Some(OpAttributes { min_base_fee: more.map(|_| 5), ..OpAttributes::default() });
            let built = ours.build(None, &attributes, &[]).unwrap();
            let header = built.block().header();
            assert_eq!(header.extra_data.len(), if more.is_some() { 17 } else { 9 });
            assert_eq!(header.withdrawals_root, Some(quintet_eth::trie::EMPTY_ROOT));
            assert_eq!(built.receipts()[0].deposit.unwrap().nonce, u64::from(number) - 1);
            ours.adopt(&built).unwrap();
            assert_eq!(theirs.import(built.block().block.clone()).unwrap(), Imported::Head);
        }
        assert_eq!(ours.head(), theirs.head());
        let state = theirs.reader().unwrap().state().clone();
        let balance = state.account(Address::repeat_byte(0xad)).unwrap().unwrap().balance;
        assert_eq!(balance, U256::from(3_000));
    }
}

#[test]
fn a_forced_transaction_that_cannot_be_in_the_block_is_named() {
    let chain = EthChain::in_memory(spec(&ISTHMUS), options()).unwrap();
    let bad = Key::new(0).call(7, Address::ZERO, 1, &[]);
    let error = chain.build(None, &payload(200, vec![deposit(1, 1), bad]), &[]).unwrap_err();
    assert!(matches!(error, BuildError::Forced { index: 1, .. }), "{error}");
    let attributes = Attributes { op: None, ..payload(200, vec![]) };
    let error = chain.build(None, &attributes, &[]).unwrap_err();
    assert!(matches!(error, BuildError::Field { field: "eip1559Params", .. }), "{error}");
}

#[test]
fn the_storage_root_in_the_header_is_compared() {
    let chain = EthChain::in_memory(spec(&ISTHMUS), options()).unwrap();
    let built = chain.build(None, &payload(200, vec![deposit(1, 1)]), &[]).unwrap();
    let mut block = built.block().block.clone();
    block.header.withdrawals_root = Some(B256::repeat_byte(1));
    let error = chain.import(block).unwrap_err();
    assert!(error.to_string().contains("withdrawals root"), "{error}");
}
