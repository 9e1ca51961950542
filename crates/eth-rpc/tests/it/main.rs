//! The methods as clients see them, over a chain in memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod graphql;
mod limits;

use std::sync::Arc;

use quintet_eth_chain::{Attributes, ChainOptions, ChainSpec, EthChain};
use quintet_eth_pool::PoolConfig;
use quintet_eth_rpc::{EthNode, EthRpcConfig, NodeParts, engine_module, engine_registry};
use quintet_rpc::Methods;
use serde_json::{Value, json};

const GENESIS: &str = r#"{
    "config": {"chainId": 1337, "homesteadBlock": 0, "eip150Block": 0, "eip155Block": 0, "eip158Block": 0,
        "byzantiumBlock": 0, "constantinopleBlock": 0, "petersburgBlock": 0, "istanbulBlock": 0, "berlinBlock": 0,
        "londonBlock": 0, "terminalTotalDifficulty": 0, "shanghaiTime": 0, "cancunTime": 0},
    "difficulty": "0x0", "gasLimit": "0x1c9c380", "timestamp": "0x1", "nonce": "0x0", "extraData": "0x",
    "alloc": {
        "0x00000000000000000000000000000000000000aa": {"balance": "0xde0b6b3a7640000"},
        "0x00000000000000000000000000000000000000bb": {"balance": "0x0", "code": "0x600160005560006000fd"},
        "0x00000000000000000000000000000000000000cc": {"balance": "0x0", "code": "0x5b600056"}
    }
}"#;

fn node() -> Arc<EthNode> {
    node_with(EthRpcConfig::default())
}

fn node_with(config: EthRpcConfig) -> Arc<EthNode> {
    let spec = ChainSpec::from_json(GENESIS.as_bytes()).unwrap();
    let options = ChainOptions { threads: 1, ..ChainOptions::default() };
    EthNode::new(NodeParts {
        chain: EthChain::in_memory(spec, options).unwrap(),
        config,
        pool: PoolConfig::default(),
        clock: Arc::new(|| 1_000),
        client_version: "test".to_owned(),
        peers: Arc::new(|| Some(0)),
    })
    .unwrap()
}

async fn ask(methods: &Methods, method: &str, params: Value) -> Value {
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let (answer, _) = methods.raw_json_request(&request.to_string(), 1).await.unwrap();
    serde_json::from_str(answer.get()).unwrap()
}

fn ordinary(node: &Arc<EthNode>) -> Methods {
    quintet_eth_rpc::module(Arc::clone(node)).unwrap().into()
}

fn mine(node: &EthNode, timestamp: u64) {
    let attributes = Attributes {
        timestamp,
        withdrawals: Some(Vec::new()),
        parent_beacon_block_root: Some(alloy_primitives::B256::ZERO),
        ..Attributes::default()
    };
    let built = node.chain().build(None, &attributes, &[]).unwrap();
    node.chain().adopt(&built).unwrap();
}

#[test]
fn every_method_is_described_and_every_description_has_a_method() {
    let node = node();
    quintet_eth_rpc::registry().check(&ordinary(&node)).unwrap();
    engine_registry().check(&engine_module(node).unwrap()).unwrap();
}

#[tokio::test]
async fn parameters_are_refused_in_geths_words() {
    let methods = ordinary(&node());
    let told = |answer: Value| {
        let error = answer["error"].clone();
        (error["code"].as_i64().unwrap(), error["message"].as_str().unwrap().to_owned())
    };
    let missing = told(ask(&methods, "eth_getBalance", json!([])).await);
    assert_eq!(missing, (-32602, "missing value for required argument 0".to_owned()));
    let many = told(ask(&methods, "eth_blockNumber", json!([1])).await);
    assert_eq!(many, (-32602, "too many arguments, want at most 0".to_owned()));
    let object = told(ask(&methods, "eth_getBalance", json!({"address": "0x"})).await);
    assert_eq!(object, (-32602, "non-array args".to_owned()));
    let number = told(ask(&methods, "debug_getRawHeader", json!(["2"])).await);
    assert_eq!(number.1, "invalid argument 0: hex string without 0x prefix");
    let future =
        told(ask(&methods, "eth_getLogs", json!([{"fromBlock": "0x0", "toBlock": "0x9"}])).await);
    assert_eq!(future.1, "block range extends beyond current head block");
}

#[tokio::test]
async fn calls_and_estimates_run_on_the_head() {
    let methods = ordinary(&node());
    let (from, to) = (format!("0x{:040x}", 0xaa), format!("0x{:040x}", 0xbb));
    let reverted = ask(&methods, "eth_call", json!([{"from": from, "to": to}, "latest"])).await;
    assert_eq!(reverted["error"]["code"], 3);
    assert_eq!(reverted["error"]["message"], "execution reverted");
    let transfer = json!([{"from": from, "to": from, "value": "0x1"}]);
    assert_eq!(ask(&methods, "eth_estimateGas", transfer).await["result"], "0x5208");
    let poor = json!([{"from": to, "to": from, "value": "0x1"}]);
    assert!(ask(&methods, "eth_estimateGas", poor).await["error"].is_object());
}

#[tokio::test]
async fn a_filter_tells_of_each_block_once() {
    let node = node();
    let methods = ordinary(&node);
    let id = ask(&methods, "eth_newBlockFilter", json!([])).await["result"].clone();
    mine(&node, 12);
    mine(&node, 24);
    let changes = ask(&methods, "eth_getFilterChanges", json!([id])).await["result"].clone();
    let head = json!(node.chain().head().hash);
    assert_eq!(changes.as_array().unwrap().len(), 2);
    assert_eq!(changes[1], head);
    let again = ask(&methods, "eth_getFilterChanges", json!([id])).await["result"].clone();
    assert_eq!(again, json!([]));
    assert_eq!(ask(&methods, "eth_uninstallFilter", json!([id])).await["result"], true);
    let gone = ask(&methods, "eth_getFilterChanges", json!([id])).await;
    assert_eq!(gone["error"]["message"], "filter not found");
}

#[tokio::test]
async fn a_consensus_client_builds_a_block_and_makes_it_head() {
    let node = node();
    let engine: Methods = engine_module(Arc::clone(&node)).unwrap().into();
    let head = node.chain().head().hash;
    let zero = alloy_primitives::B256::ZERO;
    let state = json!({"headBlockHash": head, "safeBlockHash": zero, "finalizedBlockHash": zero});
    let attributes = json!({
        "timestamp": "0xc", "prevRandao": zero, "withdrawals": [], "parentBeaconBlockRoot": zero,
        "suggestedFeeRecipient": format!("0x{:040x}", 0xcc),
    });
    let begun = ask(&engine, "engine_forkchoiceUpdatedV3", json!([state, attributes])).await;
    assert_eq!(begun["result"]["payloadStatus"]["status"], "VALID");
    let id = begun["result"]["payloadId"].clone();
    let early = ask(&engine, "engine_getPayloadV2", json!([id])).await;
    assert_eq!(early["error"]["code"], -38005);
    let payload = ask(&engine, "engine_getPayloadV3", json!([id])).await["result"].clone();
    let payload = payload["executionPayload"].clone();
    let taken = ask(&engine, "engine_newPayloadV3", json!([payload, [], zero])).await;
    assert_eq!(taken["result"]["status"], "VALID");
    let mut bad = payload.clone();
    bad["gasUsed"] = json!("0x1");
    let refused = ask(&engine, "engine_newPayloadV3", json!([bad, [], zero])).await;
    assert_eq!(refused["result"]["status"], "INVALID");
    let state = json!({"headBlockHash": payload["blockHash"], "safeBlockHash": zero, "finalizedBlockHash": zero});
    let moved = ask(&engine, "engine_forkchoiceUpdatedV3", json!([state])).await;
    assert_eq!(moved["result"]["payloadStatus"]["status"], "VALID");
    assert_eq!(json!(node.chain().head().hash), payload["blockHash"]);
    let nobody = json!({"headBlockHash": alloy_primitives::B256::repeat_byte(1), "safeBlockHash": zero, "finalizedBlockHash": zero});
    let unknown = ask(&engine, "engine_forkchoiceUpdatedV3", json!([nobody])).await;
    assert_eq!(unknown["result"]["payloadStatus"]["status"], "SYNCING");
}
