//! `quintet lux dev`: a chain for one, over HTTP.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::quintet::{Home, Running};

/// Asks a method over HTTP.
pub(crate) fn ask(running: &Running, method: &str, params: &Value) -> Value {
    let answer = try_ask(running, method, params);
    assert!(answer.get("error").is_none(), "{method}: {answer}");
    answer["result"].clone()
}

/// The whole answer, which may be an error.
pub(crate) fn try_ask(running: &Running, method: &str, params: &Value) -> Value {
    ask_at(running.text("http"), method, params)
}

/// Asks whoever answers at an address; the whole answer.
pub(crate) fn ask_at(url: &str, method: &str, params: &Value) -> Value {
    let address = url.trim_start_matches("http://").to_owned();
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let json = answer.get(answer.find('{').expect("a body")..).unwrap();
    let end = json.rfind('}').expect("a whole body");
    serde_json::from_str(&json[..=end]).unwrap()
}

#[test]
fn a_chain_for_development_mines_what_it_is_sent_and_stays_where_it_is_wanted() {
    let home = Home::new();
    let directory = home.path("chain");
    let dev = ["lux", "dev", "--json", "--port", "0", "--data-dir", &directory];
    let running = home.start(&dev);
    let accounts = ask(&running, "eth_accounts", &json!([]));
    assert_eq!(accounts.as_array().map(Vec::len), Some(10));
    let send = json!([{ "from": accounts[0], "to": accounts[1], "value": "0x1" }]);
    let hash = ask(&running, "eth_sendTransaction", &send);
    let receipt = ask(&running, "eth_getTransactionReceipt", &json!([hash]));
    assert_eq!(receipt["blockNumber"], json!("0x1"));
    assert_eq!(ask(&running, "eth_chainId", &json!([])), json!("0x7a69"));
    let (status, _) = running.stop();
    assert!(status.success(), "{status}");
    let again = home.start(&dev);
    assert_eq!(ask(&again, "eth_getTransactionReceipt", &json!([hash])), receipt);
    again.stop();
}

#[test]
fn what_is_no_phrase_is_a_usage_error() {
    let ended = Home::new().run(&["lux", "dev", "--mnemonic", "one two"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("BIP-39"), "{}", ended.err);
}

#[test]
fn a_chain_of_the_python_node_goes_on_as_one_for_development() {
    let home = Home::new();
    let data = |name: &str| {
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        here.join("../../crates/lux-node/tests/data/python").join(name).display().to_string()
    };
    let (blocks, began, out) = (data("blocks.json"), data("genesis.json"), home.path("lux.json"));
    let import = ["lux", "import-python", &blocks, "--began-from", &began, "--out", &out];
    let told = home.json(&[&import[..], &["--json", "--chain-id", "31337"]].concat());
    assert_eq!((told["blocks"].as_u64(), told["accounts"].as_u64()), (Some(5), Some(7)));
    let again = home.run(&import);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.err.contains("--force"), "{}", again.err);

    let running = home.start(&["lux", "dev", "--json", "--port", "0", "--genesis", &out]);
    let first = "0x1a642f0e3c3af545e7acbd38b07251b3990914f1";
    let balance = ask(&running, "eth_getBalance", &json!([first, "latest"]));
    assert_eq!(balance, json!(format!("{:#x}", 994_999_936_963_999_999_999_u128)));
    assert_eq!(ask(&running, "eth_getTransactionCount", &json!([first, "latest"])), json!("0x3"));
    let block = ask(&running, "eth_getBlockByNumber", &json!(["0x0", false]));
    assert_eq!(block["hash"], told["genesis_hash"]);
    ask(&running, "anvil_impersonateAccount", &json!([first]));
    let send = json!([{ "from": first, "to": first, "value": "0x1" }]);
    let hash = ask(&running, "eth_sendTransaction", &send);
    let receipt = ask(&running, "eth_getTransactionReceipt", &json!([hash]));
    assert_eq!(receipt["status"], json!("0x1"));
    running.stop();
}

#[test]
fn a_broken_block_of_the_python_node_is_named_and_no_file_is_left() {
    let home = Home::new();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text =
        std::fs::read_to_string(path.join("../../crates/lux-node/tests/data/python/blocks.json"));
    let blocks =
        home.write("blocks.json", &text.unwrap().replace(r#""gas_used":63000"#, r#""gas_used":1"#));
    let state = home.write("state.json", "[]");
    let out = home.path("lux.json");
    let ended =
        home.run(&["lux", "import-python", &blocks, "--state", &state, "--out", &out, "--quiet"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("block 1"), "{}", ended.err);
    assert!(!std::path::Path::new(&out).exists());
}

#[test]
fn a_transaction_that_waits_outlives_a_killed_process_and_one_that_was_mined_does_not_come_back() {
    let home = Home::new();
    let directory = home.path("chain");
    let dev = ["lux", "dev", "--json", "--port", "0", "--no-mining", "--data-dir", &directory];
    let running = home.start(&dev);
    let accounts = ask(&running, "eth_accounts", &json!([]));
    let send = |running: &Running, value: &str| {
        let send = json!([{ "from": accounts[0], "to": accounts[1], "value": value }]);
        ask(running, "eth_sendTransaction", &send)
    };
    let mined = send(&running, "0x1");
    ask(&running, "evm_mine", &json!([]));
    let [first, second] = [send(&running, "0x2"), send(&running, "0x3")];
    running.signal("-KILL");
    drop(running);

    let again = home.start(&dev);
    let status = ask(&again, "txpool_status", &json!([]));
    assert_eq!(status, json!({ "pending": "0x2", "queued": "0x0" }));
    ask(&again, "evm_mine", &json!([]));
    let block = ask(&again, "eth_getBlockByNumber", &json!(["latest", false]));
    assert_eq!(
        (&block["number"], &block["transactions"]),
        (&json!("0x2"), &json!([first, second]))
    );
    assert_eq!(
        ask(&again, "eth_getTransactionReceipt", &json!([mined]))["blockNumber"],
        json!("0x1")
    );
    again.signal("-KILL");
    drop(again);

    let last = home.start(&dev);
    let status = ask(&last, "txpool_status", &json!([]));
    assert_eq!(status, json!({ "pending": "0x0", "queued": "0x0" }));
    last.stop();
}
