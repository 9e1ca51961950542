//! A server of recorded blocks: the bytes of every answer are made before the first question.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    thread,
};

use alloy_consensus_reference::Header;
use alloy_rlp::{Encodable as _, Header as RlpHeader};
use anyhow::{Context as _, Result};
use differential_rollup::fixture::{recorded_blocks, singular};
use serde::Deserialize as _;
use serde_json::Value;

/// The method that not every node offers.
const RAW_BLOCK: &str = "debug_getRawBlock";

/// Answers by method and first parameter, without head and tail.
type Answers = HashMap<(String, String), String>;

/// Serves on a port it prints, until its input ends; raw blocks only if `raw`.
pub(crate) fn serve(vectors: &Path, raw: bool) -> Result<()> {
    let mut answers = answers(vectors)?;
    if !raw {
        answers.retain(|(method, _), _| method != RAW_BLOCK);
    }
    let answers = Arc::new(answers);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("http://{}", listener.local_addr()?);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answers = Arc::clone(&answers);
            thread::spawn(move || answer_all(&stream, &answers));
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn answers(vectors: &Path) -> Result<Answers> {
    let fixture = singular(vectors)?;
    let mut answers = HashMap::new();
    for (json, block) in recorded_blocks(vectors)?.into_iter().zip(last(&fixture.blocks, 14)) {
        let number = format!("{:#x}", block.block.number);
        let raw =
            format!("\"{}\"", alloy_primitives::hex::encode_prefixed(raw(&json, &block.raw)?));
        answers.insert(("eth_getBlockByNumber".to_owned(), number.clone()), json.to_string());
        answers.insert((RAW_BLOCK.to_owned(), number), raw);
    }
    answers.insert(("eth_chainId".to_owned(), String::new()), "\"0x1\"".to_owned());
    Ok(answers)
}

/// The last so many of a list.
pub(crate) fn last<T>(list: &[T], count: usize) -> &[T] {
    &list[list.len().saturating_sub(count)..]
}

/// Encodes a block; its withdrawals are left out, which nobody here reads.
fn raw(json: &Value, raw: &[alloy_primitives::Bytes]) -> Result<Vec<u8>> {
    let mut transactions = Vec::new();
    for tx in raw {
        if tx.first().is_some_and(|first| *first >= 0xc0) {
            transactions.extend_from_slice(tx);
        } else {
            tx.as_ref().encode(&mut transactions);
        }
    }
    let mut fields = Vec::new();
    Header::deserialize(json)?.encode(&mut fields);
    RlpHeader { list: true, payload_length: transactions.len() }.encode(&mut fields);
    fields.extend_from_slice(&transactions);
    fields.extend_from_slice(&[0xc0, 0xc0]);
    let mut out = Vec::new();
    RlpHeader { list: true, payload_length: fields.len() }.encode(&mut out);
    out.extend_from_slice(&fields);
    Ok(out)
}

fn answer_all(stream: &TcpStream, answers: &Answers) {
    let _set = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    while let Some(body) = read_request(&mut reader) {
        let answer = answer(&body, answers).unwrap_or_else(|_| {
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"method not found"}}"#
                .to_owned()
        });
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        let mut stream = stream;
        let sent =
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(answer.as_bytes()));
        if sent.is_err() {
            return;
        }
    }
}

fn answer(body: &[u8], answers: &Answers) -> Result<String> {
    let request: Value = serde_json::from_slice(body)?;
    let method = request["method"].as_str().context("a method")?.to_owned();
    let first = request["params"][0].as_str().unwrap_or_default().to_owned();
    let result = answers.get(&(method, first)).context("no such answer")?;
    Ok(format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#))
}

fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}
