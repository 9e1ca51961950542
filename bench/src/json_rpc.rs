//! JSON-RPC over one connection that stays open.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

/// Time for one answer.
const ANSWER: Duration = Duration::from_secs(120);

/// Longest answer that is read, bytes.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// A connection.
#[derive(Debug)]
pub struct Client {
    address: String,
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects to `ADDRESS:PORT`.
    ///
    /// # Errors
    ///
    /// If nobody listens there.
    pub fn connect(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER))?;
        Ok(Self { address: address.to_owned(), stream: BufReader::new(stream) })
    }

    /// Sends a body as it is and returns the answer's.
    ///
    /// # Errors
    ///
    /// If the connection ends, or what comes is no answer of HTTP.
    pub fn post(&mut self, body: &str) -> anyhow::Result<Vec<u8>> {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut length = None;
        let mut line = String::new();
        loop {
            line.clear();
            ensure!(self.stream.read_line(&mut line)? > 0, "the connection ended");
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = Some(value.trim().parse::<usize>()?);
            }
        }
        let length = length.context("an answer of unknown length")?;
        ensure!(length <= ANSWER_BYTES_MAX, "an answer of {length} bytes");
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        Ok(answer)
    }

    /// Calls a method.
    ///
    /// # Errors
    ///
    /// What [`Self::post`] says, or the node.
    pub fn call(&mut self, method: &str, params: &Value) -> anyhow::Result<Value> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let mut answer: Value = serde_json::from_slice(&self.post(&body.to_string())?)?;
        if let Some(error) = answer.get("error") {
            bail!("{method}: {error}");
        }
        Ok(answer["result"].take())
    }

    /// Sends many in one request, numbered from a multiple of their count on; returns for each the error, if it has one.
    ///
    /// # Errors
    ///
    /// What [`Self::post`] says, or if not each is answered.
    pub fn batch(&mut self, calls: &[String]) -> anyhow::Result<Vec<Option<String>>> {
        let answer = self.post(&format!("[{}]", calls.join(",")))?;
        let answers: Value = serde_json::from_slice(&answer)?;
        let Some(answers) = answers.as_array() else {
            return Ok(vec![Some(answers["error"].to_string()); calls.len()]);
        };
        ensure!(answers.len() == calls.len(), "{} answers", answers.len());
        let mut errors = vec![None; calls.len()];
        for answer in answers {
            let id = usize::try_from(answer["id"].as_u64().context("an id")?)?;
            let place = errors.get_mut(id % calls.len()).context("a known id")?;
            *place = answer.get("error").map(ToString::to_string);
        }
        Ok(errors)
    }
}

/// A raw transaction as one call of a batch.
#[must_use]
pub fn send(id: usize, raw: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"eth_sendRawTransaction","params":["{raw}"]}}"#)
}

/// A number as the protocol writes it.
///
/// # Errors
///
/// If it is none.
pub fn quantity(value: &Value) -> anyhow::Result<u64> {
    let text = value.as_str().context("a number")?;
    Ok(u64::from_str_radix(text.trim_start_matches("0x"), 16)?)
}
