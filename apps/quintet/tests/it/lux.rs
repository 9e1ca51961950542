//! `quintet lux dev`: a chain for one, over HTTP.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::quintet::{Home, Running};

/// Asks a method over HTTP.
pub(crate) fn ask(running: &Running, method: &str, params: &Value) -> Value {
    let address = running.text("http").trim_start_matches("http://").to_owned();
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
    let answer: Value = serde_json::from_str(&json[..=end]).unwrap();
    assert!(answer.get("error").is_none(), "{method}: {answer}");
    answer["result"].clone()
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
