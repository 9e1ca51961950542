//! Calls to nodes, each with a deadline, so that a node that hangs fails the scenario and does not hang it.

use std::{
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, client};

/// Time for one answer.
const ANSWER: Duration = Duration::from_secs(20);

/// Calls a method over a WebSocket as Kaspa's wRPC has it.
pub(crate) fn wrpc(at: SocketAddr, method: &str, params: &Value) -> Result<Value> {
    let stream = TcpStream::connect_timeout(&at, ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_nodelay(true)?;
    let (mut socket, _) = client(format!("ws://{at}/"), stream).context("a WebSocket")?;
    let call = json!({ "id": 1, "method": method, "params": params });
    socket.send(Message::text(call.to_string()))?;
    loop {
        let Message::Text(text) = socket.read()? else { continue };
        let mut answer: Value = serde_json::from_str(&text)?;
        if answer["id"] != 1 {
            continue;
        }
        if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
            bail!("{method}: {error}");
        }
        return Ok(answer["params"].take());
    }
}

/// The text of a field.
pub(crate) fn text(value: &Value, field: &str) -> Result<String> {
    let text = value[field].as_str();
    Ok(text.with_context(|| format!("expected a text in {field}, got {value}"))?.to_owned())
}

/// The number of a field.
pub(crate) fn number(value: &Value, field: &str) -> Result<u64> {
    value[field].as_u64().with_context(|| format!("expected a number in {field}, got {value}"))
}

/// The number that Ethereum's methods write as a text of hexadecimal digits.
pub(crate) fn quantity(value: &Value) -> Result<u64> {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    let digits = digits.with_context(|| format!("expected a quantity, got {value}"))?;
    Ok(u64::from_str_radix(digits, 16)?)
}
