//! Chains that the Python node itself made (`tests/data/python`), whole and tampered with.

use std::path::Path;

use alloy_primitives::{Address, U256, address, b256, keccak256};
use quintet_lux_node::{
    genesis::LuxGenesis,
    python::{
        CarryError, CarryOptions, Documents, Fault, Imported, Importer, PythonConfig, PythonError,
        State,
    },
};
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_000;
const FIRST: Address = address!("1a642f0e3c3af545e7acbd38b07251b3990914f1");
const CONTRACT: Address = address!("454dde9db5f033a4fc682c16bfe79428c50a8338");

fn data(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/python").join(name);
    std::fs::read(path).unwrap()
}

fn config() -> PythonConfig {
    PythonConfig::read(&data("genesis.json")).unwrap()
}

fn state(json: &[u8]) -> Result<State, PythonError> {
    State::read(&mut Documents::new(json))
}

fn take(mut importer: Importer, blocks: &[u8]) -> Result<Importer, PythonError> {
    let mut documents = Documents::new(blocks);
    while let Some(json) = documents.next_object().unwrap() {
        importer.block(json)?;
    }
    Ok(importer)
}

fn replayed(blocks: &[u8]) -> Result<Imported, PythonError> {
    let importer = take(Importer::new(Some(config()), None, NOW), blocks)?;
    importer.finish(None, &CarryOptions::default())
}

fn dumped(blocks: &str, dump: &[u8], options: CarryOptions) -> Result<Imported, PythonError> {
    let importer = take(Importer::new(None, options.chain_id, NOW), &data(blocks))?;
    importer.finish(Some(state(dump)?), &options)
}

const CHAIN: CarryOptions = CarryOptions { chain_id: Some(9_999), leave_behind: false };

/// Blocks with one of them changed.
fn changed(height: usize, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let text = String::from_utf8(data("blocks.json")).unwrap();
    let mut blocks: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    change(&mut blocks[height]);
    blocks.iter().flat_map(|block| format!("{block}\n").into_bytes()).collect()
}

/// How a chain is refused: at which block, and the sentence.
fn refusal(blocks: &[u8]) -> (u64, String) {
    match replayed(blocks) {
        Err(PythonError::Block { height, fault }) => (height, fault.to_string()),
        other => panic!("expected a refused block, got {other:?}"),
    }
}

#[test]
fn a_chain_is_replayed_to_the_state_the_python_node_had() {
    let Imported { genesis, report } = replayed(&data("blocks.json")).unwrap();
    assert_eq!(
        report.hash,
        b256!("b8232541f0ef4e0fcc145e544e9515aac7f35a268cdd823e452645a236099096")
    );
    assert_eq!(
        report.state_root,
        b256!("b2646ce9eadb2818b9d8d29f92e15870f99327081f29e981ed48507085c588a9")
    );
    assert_eq!((report.blocks, report.transactions, report.blocks_signed), (5, 7, 4));
    assert_eq!((report.accounts, report.contracts, report.chain_id), (7, 1, 9_999));
    let first = &genesis.alloc[&FIRST];
    assert_eq!(first.balance, U256::from(994_999_936_963_999_999_999_u128));
    assert_eq!(first.nonce, Some(3));
    let code = genesis.alloc[&CONTRACT].code.as_ref().unwrap();
    assert_eq!(
        keccak256(code),
        b256!("7efcce47028dabcb0d42f3a7eda8820bf6f7f4e618398c2547d52f703cafb073")
    );
    assert_eq!(genesis.config.extra_fields["pythonChain"]["height"], json!(4));
    assert_eq!(genesis.extra_data.get(1..), Some(report.state_root.as_slice()));
    let read = LuxGenesis::from_json(&serde_json::to_vec(&genesis).unwrap()).unwrap();
    assert_eq!(read.spec.hash, report.genesis_hash);
    assert_eq!((read.lux.block_seconds, read.lux.epoch_blocks), (12, 100));
}

#[test]
fn a_dump_and_a_replay_make_one_genesis_but_for_the_file_it_began_from() {
    let replayed = replayed(&data("blocks.json")).unwrap();
    let dumped = dumped("blocks.json", &data("state.json"), CHAIN).unwrap();
    assert_eq!(dumped.genesis.alloc, replayed.genesis.alloc);
    assert_eq!(dumped.report.genesis_hash, replayed.report.genesis_hash);
}

#[test]
fn blocks_of_the_database_link_though_it_leaves_the_first_ones_extra_data_out() {
    let database = data("blocks_database.json");
    let report = replayed(&database).unwrap().report;
    assert_eq!(report.hash, replayed(&data("blocks.json")).unwrap().report.hash);
    // Without the file it began from nobody knows them.
    let error = take(Importer::new(None, Some(9_999), NOW), &database).unwrap_err();
    assert!(
        matches!(error, PythonError::Block { height: 1, fault } if matches!(*fault, Fault::Previous { .. }))
    );
}

#[test]
fn stakes_and_rewards_are_paid_out_to_their_owners() {
    let dump = data("state_staked.json");
    let Imported { genesis, report } = dumped("blocks_staked.json", &dump, CHAIN).unwrap();
    let ether = U256::from(10_u64.pow(18));
    assert_eq!((report.stakes, report.stakes_paid), (1, ether * U256::from(100)));
    assert_eq!((report.rewards, report.rewards_paid), (1, ether * U256::from(7)));
    assert_eq!(genesis.alloc[&FIRST].balance, U256::from(994_999_936_963_999_999_999_u128));
    // What no block tells cannot be replayed.
    let (height, said) = refusal(&data("blocks_staked.json"));
    assert!(height == 5 && said.contains("state's root"), "{height}: {said}");
}

#[test]
fn blocks_whose_transactions_the_old_node_never_carried_out_change_nothing() {
    let report = replayed(&data("blocks_without_effect.json")).unwrap().report;
    assert_eq!((report.transactions, report.without_effect), (2, 2));
    assert_eq!(report.supply, U256::from(110_001_500) * U256::from(10_u64.pow(18)));
}

#[test]
fn every_changed_field_of_a_block_is_noticed() {
    let header =
        |field: &'static str, value: Value| move |block: &mut Value| block["header"][field] = value;
    let zero = json!("00".repeat(32));
    for (height, field, value, at, said) in [
        (1, "version", json!(2), 1, "version 1"),
        (1, "height", json!(2), 1, "expected height 1"),
        (2, "previous_hash", zero.clone(), 2, "previous hash"),
        (2, "state_root", zero.clone(), 2, "signature"),
        (1, "txs_root", zero.clone(), 1, "signature"),
        (1, "receipts_root", zero, 1, "signature"),
        (1, "signature", json!("11".repeat(65)), 1, "signature"),
        (1, "signature", json!("11".repeat(63)), 1, "64 or 65 bytes, got 63"),
        (1, "validator", json!("11".repeat(20)), 1, "signature"),
        (1, "validator", json!("11".repeat(21)), 1, "20 or 32 bytes, got 21"),
        // Nothing can be said of who signed, so the child's link tells.
        (1, "validator", json!("11".repeat(32)), 2, "previous hash"),
        (0, "gas_limit", json!(1), 1, "previous hash"),
        (0, "extra_data", json!(""), 1, "previous hash"),
        (1, "timestamp", json!(1_748_736_000), 1, "after its parent's"),
        (1, "timestamp", json!(NOW + 301), 1, "five minutes"),
        (1, "timestamp", json!(-1), 1, "whole number"),
        (1, "gas_used", json!(1e300), 1, "whole number"),
        (1, "extra_data", json!("0x"), 1, "hexadecimal"),
        (1, "surprise", json!(1), 1, "unknown field"),
    ] {
        let (height, actual) = refusal(&changed(height, header(field, value)));
        assert!(height == at && actual.contains(said), "{field}: {height}: {actual}");
    }
}

/// Changes the first transaction of a block, and leaves the header as it is or makes nobody sign it.
fn with_transaction(height: usize, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    changed(height, |block| {
        let hex = block["transactions"][0].as_str().unwrap();
        let json = alloy_primitives::hex::decode(hex).unwrap();
        let mut transaction: Value = serde_json::from_slice(&json).unwrap();
        change(&mut transaction);
        block["transactions"][0] = transaction;
    })
}

#[test]
fn every_changed_field_of_a_transaction_is_noticed() {
    for (field, value, said) in [
        ("nonce", json!(1), "transactions' root"),
        ("from", json!("22".repeat(20)), "transactions' root"),
        ("to", json!(null), "transactions' root"),
        ("value", json!(1), "transactions' root"),
        ("gas_price", json!(2), "transactions' root"),
        ("data", json!("00"), "transactions' root"),
        ("to", json!("22".repeat(19)), "20 bytes, got 19"),
        ("r", json!("22".repeat(32)), "transaction 0: expected a signature by"),
        ("s", json!("00".repeat(32)), "one that no key makes"),
        ("s", json!("00".repeat(33)), "32 bytes, got 33"),
        ("v", json!(0), "27 or 28"),
        ("nonce", json!("0"), "whole number"),
        ("gas_limit", json!(1.5), "whole number"),
    ] {
        let blocks = with_transaction(1, |transaction| transaction[field] = value.clone());
        let (height, actual) = refusal(&blocks);
        assert!(height == 1 && actual.contains(said), "{field} {value}: {height}: {actual}");
    }
}

#[test]
fn a_transaction_is_taken_as_hexadecimal_and_as_an_object() {
    assert!(replayed(&with_transaction(1, |_| {})).is_ok());
}

#[test]
fn a_dump_that_is_not_of_the_last_block_is_refused() {
    // As text: a JSON reader would round what is above 2^64.
    let text = String::from_utf8(data("state.json")).unwrap();
    let refused = |changed: String| {
        assert_ne!(changed, text);
        dumped("blocks.json", changed.as_bytes(), CHAIN).unwrap_err()
    };
    let (first, rest) = text.split_once("},").unwrap();
    let error = refused(text.replacen("\"balance\": 1,", "\"balance\": 2,", 1));
    assert!(matches!(error, PythonError::DumpRoot { height: 4, .. }), "{error}");
    let error = refused(format!("[{rest}"));
    assert!(matches!(error, PythonError::DumpRoot { .. }), "{error}");
    let twice =
        refused(format!("{first}}},{}}},{rest}", first.trim_start_matches('['))).to_string();
    assert!(twice.contains("there already"), "{twice}");
    let empty = refused(text.replacen("\"balance\": 1,", "\"balance\": 0,", 1)).to_string();
    assert!(empty.contains("is empty"), "{empty}");
    let error = dumped("blocks_staked.json", &data("state.json"), CHAIN).unwrap_err();
    assert!(matches!(error, PythonError::DumpRoot { height: 5, .. }));
}

/// A chain of one block, whose state's root is this dump's; its genesis says so itself.
fn of_one_block(dump: &Value, options: CarryOptions) -> Result<Imported, PythonError> {
    let dump = state(&serde_json::to_vec(dump).unwrap()).unwrap();
    let mut block = changed(0, |block| {
        block["header"]["state_root"] = json!(dump.root().to_string().trim_start_matches("0x"));
    });
    block.truncate(block.iter().position(|byte| *byte == b'\n').unwrap());
    take(Importer::new(None, Some(1), NOW), &block)?.finish(Some(dump), &options)
}

#[test]
fn what_cannot_be_carried_stops_the_import_or_is_listed() {
    let zero = "00".repeat(32);
    let entry = |address: &str, balance: &str, storage: &str, code: &str| {
        let balance: Value = serde_json::from_str(balance).unwrap();
        json!({ "address": address, "nonce": 0, "balance": balance, "storage_root": storage, "code_hash": code })
    };
    let (plain, odd) = ("33".repeat(20), "11".repeat(32));
    let system = "0000f90827f1c53a10cb7a02335b175320002935";
    for (lost, entry, what) in [
        (0, entry(&plain, "5", &zero, &odd), "a contract's code"),
        (0, entry(&plain, "5", &odd, &zero), "a contract's slots"),
        (5, entry(system, "5", &zero, &zero), "an account"),
        (5, entry(&"33".repeat(21), "5", &zero, &zero), "an entry"),
        (5, entry(&format!("7374616b653a{system}"), "5", &zero, &zero), "a payment"),
    ] {
        let dump = json!([entry]);
        let error = of_one_block(&dump, CHAIN).unwrap_err();
        assert!(matches!(error, PythonError::Carry(_)), "{what}: {error}");
        let report =
            of_one_block(&dump, CarryOptions { leave_behind: true, ..CHAIN }).unwrap().report;
        assert_eq!((report.left, report.left_behind[0].what), (1, what));
        assert_eq!(report.left_behind[0].balance, U256::from(lost));
        assert_eq!(report.supply, U256::from(5 - lost));
    }
}

#[test]
fn no_sum_of_balances_passes_what_a_number_holds() {
    let zero = "00".repeat(32);
    let entry = |address: u8, balance: Value| json!({ "address": format!("{address:02x}").repeat(20), "nonce": 0, "balance": balance, "storage_root": zero, "code_hash": zero });
    let most: Value = serde_json::from_str("1").unwrap();
    let text = json!([entry(1, json!(0)), entry(2, most)])
        .to_string()
        .replace("\"balance\":0", &format!("\"balance\":{}", U256::MAX));
    let dump = state(text.as_bytes()).unwrap();
    let mut block = changed(0, |block| {
        block["header"]["state_root"] = json!(dump.root().to_string().trim_start_matches("0x"));
    });
    block.truncate(block.iter().position(|byte| *byte == b'\n').unwrap());
    let importer = take(Importer::new(None, None, NOW), &block).unwrap();
    let error = importer.finish(Some(dump), &CHAIN).unwrap_err();
    assert!(matches!(error, PythonError::Carry(CarryError::Supply)), "{error}");
}

#[test]
fn no_chain_at_all_and_a_chain_without_number_are_told() {
    let nothing = Importer::new(Some(config()), None, NOW).finish(None, &CHAIN);
    assert!(matches!(nothing, Err(PythonError::NoBlocks)));
    let without = CarryOptions::default();
    let error = dumped("blocks.json", &data("state.json"), without).unwrap_err();
    assert!(matches!(error, PythonError::Carry(CarryError::ChainId)), "{error}");
}

#[test]
fn no_cut_or_flipped_byte_brings_the_reader_down() {
    let blocks = data("blocks.json");
    let line = &blocks[..blocks.iter().position(|byte| *byte == b'\n').unwrap()];
    for cut in 0..line.len() {
        assert!(Importer::new(None, None, NOW).block(&line[..cut]).is_err(), "{cut}");
    }
    for at in 0..line.len() {
        let mut flipped = line.to_vec();
        flipped[at] ^= 0x15;
        // Whatever is said of it, it is said.
        let _ = Importer::new(None, None, NOW).block(&flipped);
    }
    let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
    let nested = [br#"{"header": "#.as_slice(), &deep, b"}"].concat();
    assert!(Importer::new(None, None, NOW).block(&nested).is_err());
}
