//! Chains of others, imported from their genesis to their head, on disk.

use std::io::Read as _;

use alloy_primitives::B256;
use alloy_rlp::Header as ListHeader;
use quintet_eth_chain::{ChainOptions, ChainSpec, EthChain, Imported, Retention};

use crate::world::{assert_sound, options};

/// Returns a file of the vectors, packed or not; without it the caller says so in one line and passes, unless `CI` is set.
fn read(name: &str) -> Option<Vec<u8>> {
    let folder = test_vectors::find("ethereum")?;
    if let Ok(bytes) = std::fs::read(folder.join(name)) {
        return Some(bytes);
    }
    let packed = std::fs::File::open(folder.join(format!("{name}.gz"))).expect(name);
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

fn items(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut items = Vec::new();
    while !bytes.is_empty() {
        let mut rest = bytes;
        let header = ListHeader::decode(&mut rest).unwrap();
        let length = bytes.len() - rest.len() + header.payload_length;
        items.push(&bytes[..length]);
        bytes = &bytes[length..];
    }
    items
}

/// Imports a chain, all of whose blocks must become head, and compares the head. Without vectors there is none.
fn import(
    genesis: &str,
    chain: &str,
    head: Option<&str>,
    options: ChainOptions,
) -> Option<EthChain> {
    let spec = ChainSpec::from_json(&read(genesis)?).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let opened = EthChain::open(directory.path(), spec.clone(), options.clone()).unwrap();
    let bytes = read(chain)?;
    let blocks = items(&bytes);
    for block in &blocks {
        assert_eq!(opened.import_rlp(block).unwrap(), Imported::Head);
    }
    assert_eq!(opened.head().number, blocks.len() as u64);
    if let Some(head) = head {
        let json: serde_json::Value = serde_json::from_slice(&read(head)?).unwrap();
        let hash = json.pointer("/params/0/headBlockHash").and_then(serde_json::Value::as_str);
        assert_eq!(opened.head().hash, hash.unwrap().parse::<B256>().unwrap());
    }
    assert_sound(&opened);
    let hash = opened.head().hash;
    drop(opened);
    let again = EthChain::open(directory.path(), spec, options).unwrap();
    assert_eq!(again.head().hash, hash, "what is on disk is the same chain");
    assert_eq!(again.import_rlp(blocks[blocks.len() - 1]).unwrap(), Imported::Known);
    Some(again)
}

fn without_sync() -> ChainOptions {
    ChainOptions { durability: quintet_store::Durability::Buffered, ..options() }
}

#[test]
fn the_chain_of_execution_apis_is_imported_to_its_head() {
    let options = ChainOptions { retention: Retention::archive(), ..without_sync() };
    let imported = import("rpc/genesis.json", "rpc/chain.rlp", Some("rpc/headfcu.json"), options);
    let Some(chain) = imported else { return };
    let reader = chain.reader().unwrap();
    // Every block can be run again, in an archive, and says the same.
    for number in 1..=reader.head().number {
        let hash = reader.canonical_hash(number).unwrap().unwrap();
        let receipts = reader.receipts(hash).unwrap().unwrap();
        let again: Vec<_> = reader
            .replay(hash, |replay| {
                let mut again = Vec::new();
                while let Some(step) = replay.inspect(None).unwrap() {
                    assert_eq!(step.called.gas_used, step.receipt.gas_used);
                    again.push(step.receipt);
                }
                again
            })
            .unwrap();
        let gas =
            |receipt: &quintet_evm::execute::Receipt| (receipt.gas_used, receipt.logs.clone());
        assert_eq!(
            again.iter().map(gas).collect::<Vec<_>>(),
            receipts.iter().map(gas).collect::<Vec<_>>(),
            "block {number}"
        );
    }
}

#[test]
fn the_chain_of_hives_sync_simulator_is_imported_to_its_head_by_two_threads() {
    let options = ChainOptions { threads: 2, ..without_sync() };
    import(
        "chains/hive_sync/genesis.json",
        "chains/hive_sync/chain.rlp",
        Some("chains/hive_sync/headfcu.json"),
        options,
    );
}

#[test]
fn the_half_chain_of_hive_is_imported() {
    import("chains/hive_genesis.json", "chains/hive_halfchain.rlp", None, without_sync());
}
