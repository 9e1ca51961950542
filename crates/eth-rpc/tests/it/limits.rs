//! What costs much is refused in go-ethereum's words, within stated limits.

use quintet_eth_rpc::{EthRpcConfig, codes};
use serde_json::{Value, json};

use crate::{ask, mine, node_with, ordinary};

/// The contract at this address runs until its gas is gone.
fn forever() -> Value {
    json!({"to": format!("0x{:040x}", 0xcc)})
}

#[tokio::test]
async fn whatever_runs_code_or_searches_ends_with_its_time() {
    // What was answered runs on until its gas is gone.
    let config = EthRpcConfig { call_timeout_ms: 0, gas_cap: 1_000_000, ..EthRpcConfig::default() };
    let node = node_with(config);
    mine(&node, 12);
    let methods = ordinary(&node);
    for (method, params) in [
        ("eth_call", json!([forever(), "latest"])),
        ("eth_estimateGas", json!([forever()])),
        ("eth_createAccessList", json!([forever()])),
        ("eth_simulateV1", json!([{"blockStateCalls": [{"calls": [forever()]}]}, "latest"])),
        ("eth_getLogs", json!([{"fromBlock": "0x0", "toBlock": "latest"}])),
        ("debug_traceCall", json!([forever(), "latest"])),
        ("debug_traceBlockByNumber", json!(["latest"])),
    ] {
        let error = ask(&methods, method, params).await["error"].clone();
        assert_eq!(error["code"], codes::SERVER, "{method}");
        assert_eq!(error["message"], "execution aborted (timeout = 0s)", "{method}");
    }
    // What does neither has all the time it takes.
    assert_eq!(ask(&methods, "eth_blockNumber", json!([])).await["result"], "0x1");
}

#[tokio::test]
async fn a_gas_bomb_has_the_gas_of_one_call_and_no_more() {
    let config = EthRpcConfig { gas_cap: 1_000_000, ..EthRpcConfig::default() };
    let methods = ordinary(&node_with(config));
    let mut call = forever();
    call["gas"] = json!("0xffffffffffffffff");
    let error = ask(&methods, "eth_call", json!([call, "latest"])).await["error"].clone();
    assert_eq!(error["message"], "out of gas");
    let error = ask(&methods, "eth_estimateGas", json!([forever()])).await["error"].clone();
    assert_eq!(error["message"], "gas required exceeds allowance (1000000)");
}

#[tokio::test]
async fn a_search_of_too_many_blocks_is_refused_before_it_begins() {
    let node = node_with(EthRpcConfig { log_blocks_max: 2, ..EthRpcConfig::default() });
    for timestamp in [12, 24, 36] {
        mine(&node, timestamp);
    }
    let methods = ordinary(&node);
    let error = |answer: Value| {
        let error = answer["error"].clone();
        (error["code"].as_i64().unwrap(), error["message"].as_str().unwrap().to_owned())
    };
    let logs = |from: &str, to: &str| json!([{"fromBlock": from, "toBlock": to}]);
    let (code, words) = error(ask(&methods, "eth_getLogs", logs("0x0", "0x3")).await);
    assert_eq!(code, -32602);
    assert!(words.contains('4') && words.contains('2'), "{words}");
    let (_, words) = error(ask(&methods, "eth_getLogs", logs("0x0", "0xf4240")).await);
    assert_eq!(words, "block range extends beyond current head block");
    assert!(ask(&methods, "eth_getLogs", logs("0x2", "0x3")).await["result"].is_array());
}

#[tokio::test]
async fn a_trace_that_is_too_long_is_refused() {
    let config =
        EthRpcConfig { trace_bytes_max: 10_000, gas_cap: 100_000, ..EthRpcConfig::default() };
    let methods = ordinary(&node_with(config));
    let traced = ask(&methods, "debug_traceCall", json!([forever(), "latest"])).await;
    let words = traced["error"]["message"].as_str().unwrap();
    assert!(words.starts_with("trace is longer than 10000 bytes"), "{words}");
}
