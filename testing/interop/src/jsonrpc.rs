//! One JSON-RPC call over HTTP, by hand: what a test asks a chain that its clients are not asked to ask.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// Time for one answer.
const ANSWER: Duration = Duration::from_secs(20);

/// Calls a method at `address`, which is `127.0.0.1:8545` or the like.
///
/// # Errors
///
/// If there is no answer, or it is an error.
pub fn call(address: &str, method: &str, params: &Value) -> Result<Value> {
    post(address, "", method, params)
}

/// Calls a method with the content of the `Authorization` header.
///
/// # Errors
///
/// As [`call`].
pub fn call_as(address: &str, authorization: &str, method: &str, params: &Value) -> Result<Value> {
    post(address, &format!("Authorization: {authorization}\r\n"), method, params)
}

fn post(address: &str, header: &str, method: &str, params: &Value) -> Result<Value> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let body = body.to_string();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER))?;
    // HTTP 1.0, so that the answer ends with the connection and comes in one piece.
    let head = format!(
        "POST / HTTP/1.0\r\nHost: {address}\r\n{header}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, text) = answer.split_once("\r\n\r\n").context("an answer of HTTP")?;
    let mut answer: Value = serde_json::from_str(text)?;
    if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
        bail!("{method}: {error}");
    }
    Ok(answer["result"].take())
}
