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
