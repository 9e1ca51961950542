//! A development node as tools meet it, through its methods.

use std::sync::Arc;

use alloy_primitives::{Address, U256};
use quintet_eth_chain::{ChainOptions, EthChain};
use quintet_eth_pool::PoolConfig;
use quintet_eth_rpc::EthRpcConfig;
use quintet_lux_node::{
    dev::{CHAIN_ID_DEFAULT, DevNode, DevOptions, DevParts, MNEMONIC, Mining, accounts},
    genesis::LuxGenesis,
    rpc,
};
use quintet_rpc::{Methods, RpcConfig, RpcServer};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const TO: Address = Address::repeat_byte(0x77);

fn node() -> DevNode {
    let keys = accounts(MNEMONIC, 3).unwrap();
    let addresses: Vec<_> = keys.iter().map(|key| key.address).collect();
    let balance = U256::from(10).pow(U256::from(22));
    let genesis =
        LuxGenesis::development(CHAIN_ID_DEFAULT, 1_000, 30_000_000, addresses, balance).unwrap();
    let options = ChainOptions { threads: 1, ..ChainOptions::default() };
    let parts = DevParts {
        chain: EthChain::in_memory(genesis.spec, options).unwrap(),
        options: DevOptions { mining: Mining::Instant, coinbase: keys[0].address, accounts: keys },
        rpc: EthRpcConfig::default(),
        pool: PoolConfig::default(),
        keeps_waiting: false,
        client_version: "test".to_owned(),
    };
    DevNode::new(parts, Arc::new(|| 2_000)).unwrap()
}

struct Client(Methods);

impl Client {
    async fn ask(&self, method: &str, params: Value) -> Result<Value, String> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let (answer, _) = self.0.raw_json_request(&request.to_string(), 1).await.unwrap();
        let answer: Value = serde_json::from_str(answer.get()).unwrap();
        match answer.get("error") {
            Some(error) => Err(error["message"].as_str().unwrap_or_default().to_owned()),
            None => Ok(answer["result"].clone()),
        }
    }

    async fn get(&self, method: &str, params: Value) -> Value {
        self.ask(method, params).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }
}

#[tokio::test]
async fn every_method_is_described_and_the_server_starts() {
    let module = rpc::module(&node()).unwrap();
    let server = RpcServer::builder(RpcConfig::default(), rpc::registry()).module(module);
    server.start(CancellationToken::new()).await.unwrap().stop().await;
}

#[tokio::test]
async fn a_transaction_of_a_known_account_is_signed_mined_and_read() {
    let node = node();
    let client = Client(rpc::module(&node).unwrap());
    let accounts = client.get("eth_accounts", json!([])).await;
    assert_eq!(accounts[0], json!("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"));
    for nonce in 0..3 {
        let send = json!([{ "from": accounts[0], "to": TO, "value": "0x5" }]);
        let hash = client.get("eth_sendTransaction", send).await;
        let receipt = client.get("eth_getTransactionReceipt", json!([hash])).await;
        assert_eq!((&receipt["status"], &receipt["gasUsed"]), (&json!("0x1"), &json!("0x5208")));
        assert_eq!(receipt["blockNumber"], json!(format!("{:#x}", nonce + 1)));
    }
    assert_eq!(client.get("eth_getBalance", json!([TO, "latest"])).await, json!("0xf"));
    let error = client.ask("eth_sendTransaction", json!([{ "from": TO, "to": TO }])).await;
    assert!(error.is_err(), "nobody has that key");
}

#[tokio::test]
async fn tools_snapshot_change_accounts_travel_in_time_and_go_back() {
    let client = Client(rpc::module(&node()).unwrap());
    let id = client.get("evm_snapshot", json!([])).await;
    client.get("anvil_setBalance", json!([TO, "0xde0b6b3a7640000"])).await;
    client.get("anvil_impersonateAccount", json!([TO])).await;
    let send = json!([{ "from": TO, "to": Address::ZERO, "value": 7, "gas": "0x5208" }]);
    client.get("eth_sendTransaction", send).await;
    assert_eq!(client.get("eth_getBalance", json!([Address::ZERO, "latest"])).await, json!("0x7"));
    client.get("evm_increaseTime", json!(["0xe10"])).await;
    client.get("anvil_mine", json!(["0x2", "0x3c"])).await;
    let head = client.get("eth_getBlockByNumber", json!(["latest", false])).await;
    assert_eq!(
        (&head["number"], &head["timestamp"]),
        (&json!("0x3"), &json!(format!("{:#x}", 5_660)))
    );
    client.get("dev_faucet", json!([TO])).await;
    assert_eq!(client.get("evm_revert", json!([id])).await, json!(true));
    assert_eq!(client.get("eth_blockNumber", json!([])).await, json!("0x0"));
    assert_eq!(client.get("eth_getBalance", json!([TO, "latest"])).await, json!("0x0"));
    assert_eq!(client.get("evm_revert", json!([id])).await, json!(false));
}

#[tokio::test]
async fn a_chain_is_reset_to_its_first_block_as_it_was_made() {
    let client = Client(rpc::module(&node()).unwrap());
    let accounts = client.get("eth_accounts", json!([])).await;
    let balance = async |who: &Value| client.get("eth_getBalance", json!([who, "latest"])).await;
    let (first, hash) = (balance(&accounts[0]).await, async || {
        client.get("anvil_metadata", json!([])).await["latestBlockHash"].clone()
    });
    let genesis = hash().await;
    // By hand at the first block, twice; a block; by hand on that; a snapshot nobody comes back to.
    for balance in ["0x1", "0x2"] {
        client.get("anvil_setBalance", json!([accounts[0], balance])).await;
    }
    client.get("anvil_setStorageAt", json!([TO, "0x1", "0x5"])).await;
    client.get("evm_snapshot", json!([])).await;
    client.get("evm_increaseTime", json!([1_000])).await;
    client.get("anvil_mine", json!([2])).await;
    client.get("anvil_setBalance", json!([TO, "0x7"])).await;
    let told = client.get("anvil_metadata", json!([])).await;
    assert_eq!((&told["latestBlockNumber"], &told["snapshots"]["0x0"][0]), (&json!(2), &json!(0)));
    client.get("evm_setAutomine", json!([false])).await;
    let send = json!([{ "from": accounts[1], "to": TO, "value": "0x1" }]);
    client.get("eth_sendTransaction", send).await;

    client.get("anvil_reset", json!([])).await;
    assert_eq!(balance(&accounts[0]).await, first);
    assert_eq!(balance(&json!(TO)).await, json!("0x0"));
    let slot = client.get("eth_getStorageAt", json!([TO, "0x1", "latest"])).await;
    assert_eq!(slot, json!(alloy_primitives::B256::ZERO));
    assert_eq!(hash().await, genesis);
    let told = client.get("anvil_metadata", json!([])).await;
    assert_eq!(told["snapshots"], json!({}));
    assert_eq!(client.get("txpool_status", json!([])).await["pending"], json!("0x0"));
    let forked = json!([{ "forking": { "jsonRpcUrl": "http://127.0.0.1:1" } }]);
    assert!(client.ask("anvil_reset", forked).await.unwrap_err().contains("forks no other"));
}

#[tokio::test]
async fn accounts_come_out_of_a_state_that_anvil_dumped() {
    let client = Client(rpc::module(&node()).unwrap());
    let id = client.get("evm_snapshot", json!([])).await;
    let state = json!({ "accounts": { TO.to_string(): {
        "nonce": 2, "balance": "0x9", "code": "0x60015f5260205ff3", "storage": { "0x03": "0x04" },
    } }, "best_block_number": 7, "blocks": [] });
    let packed = alloy_primitives::hex::encode_prefixed(state.to_string());
    assert_eq!(client.get("anvil_loadState", json!([packed])).await, json!(true));
    assert_eq!(client.get("eth_getBalance", json!([TO, "latest"])).await, json!("0x9"));
    assert_eq!(client.get("eth_getTransactionCount", json!([TO, "latest"])).await, json!("0x2"));
    let answer = client.get("eth_call", json!([{ "to": TO }, "latest"])).await;
    assert_eq!(answer, json!(alloy_primitives::B256::with_last_byte(1)));
    let slot = client.get("eth_getStorageAt", json!([TO, "0x3", "latest"])).await;
    assert_eq!(slot, json!(alloy_primitives::B256::with_last_byte(4)));
    assert_eq!(client.get("evm_revert", json!([id])).await, json!(true));
    assert_eq!(client.get("eth_getCode", json!([TO, "latest"])).await, json!("0x"));
    assert!(client.ask("anvil_loadState", json!(["0x00"])).await.is_err());
}

#[tokio::test]
async fn the_calls_of_a_transaction_are_told_in_a_row_with_their_places() {
    let client = Client(rpc::module(&node()).unwrap());
    let accounts = client.get("eth_accounts", json!([])).await;
    let callee = Address::repeat_byte(0x78);
    client.get("anvil_setCode", json!([callee, "0x5f5ffd"])).await;
    // PUSH0 x5, PUSH20 callee, GAS, CALL, STOP.
    let caller = [&[0x5f; 5][..], &[0x73], callee.as_slice(), &[0x5a, 0xf1, 0x00]].concat();
    let caller = alloy_primitives::hex::encode_prefixed(caller);
    client.get("anvil_setCode", json!([TO, caller])).await;
    let send = json!([{ "from": accounts[0], "to": TO, "value": "0x5", "gas": "0x186a0" }]);
    let hash = client.get("eth_sendTransaction", send).await;
    let traces = client.get("trace_transaction", json!([hash])).await;
    assert_eq!(traces, client.get("trace_block", json!(["latest"])).await);
    let [outer, inner] = [&traces[0], &traces[1]];
    assert_eq!(traces.as_array().map(Vec::len), Some(2));
    let action = json!({
        "from": accounts[0], "to": TO, "callType": "call", "input": "0x", "value": "0x5",
        // What is left once the transaction's own 21,000 are paid.
        "gas": format!("{:#x}", 100_000 - 21_000),
    });
    assert_eq!(outer["action"], action);
    assert_eq!((&outer["subtraces"], &outer["traceAddress"]), (&json!(1), &json!([])));
    assert_eq!((&outer["blockNumber"], &outer["transactionPosition"]), (&json!(1), &json!(0)));
    assert_eq!((&outer["transactionHash"], &outer["type"]), (&hash, &json!("call")));
    assert_eq!(outer["result"]["output"], json!("0x"));
    assert_eq!((&inner["error"], &inner["result"]), (&json!("Reverted"), &Value::Null));
    assert_eq!((&inner["subtraces"], &inner["traceAddress"]), (&json!(0), &json!([0])));
    assert_eq!(client.get("trace_block", json!(["0x0"])).await, json!([]));
    let nothing = client.get("trace_transaction", json!([alloy_primitives::B256::ZERO])).await;
    assert_eq!(nothing, Value::Null);
}

#[tokio::test]
async fn nothing_is_mined_by_itself_when_that_is_off_and_what_waits_is_when_it_is_on_again() {
    let client = Client(rpc::module(&node()).unwrap());
    client.get("evm_setAutomine", json!([false])).await;
    let accounts = client.get("eth_accounts", json!([])).await;
    for _ in 0..2 {
        client
            .get("eth_sendTransaction", json!([{ "from": accounts[1], "to": TO, "value": "0x1" }]))
            .await;
    }
    assert_eq!(client.get("eth_blockNumber", json!([])).await, json!("0x0"));
    client.get("evm_setAutomine", json!([true])).await;
    assert_eq!(client.get("eth_blockNumber", json!([])).await, json!("0x1"));
    assert_eq!(client.get("eth_getBalance", json!([TO, "latest"])).await, json!("0x2"));
}

#[tokio::test]
async fn what_is_no_parameter_is_said_to_be_none() {
    let client = Client(rpc::module(&node()).unwrap());
    for (method, params) in [
        ("anvil_setBalance", json!([])),
        ("anvil_setBalance", json!(["0x12", 1])),
        ("evm_increaseTime", json!(["soon"])),
        ("anvil_mine", json!([1_000_000_000])),
        ("evm_setNextBlockTimestamp", json!([5])),
        ("eth_sendTransaction", json!(["0x"])),
    ] {
        assert!(client.ask(method, params.clone()).await.is_err(), "{method} {params}");
    }
}
