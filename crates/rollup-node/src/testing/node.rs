//! An L1 node over HTTP: JSON-RPC and the beacon API of one made L1, as polite as it is told to be.
//!
//! One thread a connection, requests one after the other: what a test asks of a server, and no more.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use alloy_consensus::{EthereumTxEnvelope, Transaction as _, TxEip4844, TxReceipt as _};
use alloy_eips::eip2718::Decodable2718 as _;
use alloy_primitives::{B256, hex, keccak256};
use serde_json::{Value, json};

use super::l1::{BLOCK_SECONDS, MadeBlock, MadeL1};

/// How a node behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault a test turns on by itself")]
pub struct Manners {
    /// Time before each answer.
    pub latency: Duration,
    /// Whether it offers `debug_getRaw*`.
    pub raw: bool,
    /// Whether it lacks `eth_getBlockReceipts`.
    pub no_block_receipts: bool,
    /// Whether it takes no batches of requests.
    pub no_batches: bool,
    /// Whether it gives sidecars instead of blobs alone.
    pub sidecars: bool,
    /// Whether it leaves out transactions.
    pub hides_transactions: bool,
    /// Whether it leaves out receipts.
    pub hides_receipts: bool,
    /// Whether it changes headers.
    pub forges_headers: bool,
    /// Whether it gives other blobs.
    pub forges_blobs: bool,
    /// How often each question fails in the server before it is answered.
    pub fails_first: u64,
    /// How many of the newest blocks it does not know yet, though its head says so.
    pub lags: u64,
    /// What it says its chain is; zero for the truth.
    pub chain_id: u64,
}

/// A node; it ends with the value.
#[derive(Debug)]
pub struct FakeNode {
    shared: Arc<Shared>,
    url: String,
}

#[derive(Debug)]
struct Shared {
    l1: Arc<Mutex<MadeL1>>,
    manners: Mutex<Manners>,
    requests: AtomicU64,
    /// How often each question was asked of a node that fails at first.
    failures: Mutex<HashMap<String, u64>>,
    receipts: AtomicU64,
    closed: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeNode {
    /// Serves an L1 on a port of its own.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub fn start(l1: Arc<Mutex<MadeL1>>, manners: Manners) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            l1,
            manners: Mutex::new(manners),
            requests: AtomicU64::new(0),
            failures: Mutex::default(),
            receipts: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if serving.closed.load(Ordering::Relaxed) {
                    return;
                }
                let serving = Arc::clone(&serving);
                thread::spawn(move || serving.serve(&stream));
            }
        });
        Ok(Self { shared, url })
    }

    /// Returns its address.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Changes its manners.
    pub fn set(&self, manners: Manners) {
        *lock(&self.shared.manners) = manners;
    }

    /// Returns how many requests it has had.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Returns how often receipts were asked for.
    #[must_use]
    pub fn receipts_asked(&self) -> u64 {
        self.shared.receipts.load(Ordering::Relaxed)
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        // Wakes the thread that listens.
        let address = self.url.trim_start_matches("http://");
        drop(TcpStream::connect(address));
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream) {
        let _set = stream.set_nodelay(true);
        let mut reader = BufReader::new(stream);
        while let Some((path, body)) = read_request(&mut reader) {
            let manners = *lock(&self.manners);
            thread::sleep(manners.latency);
            self.requests.fetch_add(1, Ordering::Relaxed);
            let (status, answer) = if self.fails(&path, &body, manners) {
                ("502 Bad Gateway", "<html>bad gateway</html>".to_owned())
            } else if body.is_empty() {
                self.beacon(&path, manners)
            } else {
                ("200 OK", self.rpc(&body, manners))
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                answer.len()
            );
            let mut stream = stream;
            if stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(answer.as_bytes()))
                .is_err()
            {
                return;
            }
        }
    }

    /// Whether it is this question's turn to fail. Each has turns of its own: of several that are asked side by side one could always meet the
    /// failure otherwise.
    fn fails(&self, path: &str, body: &[u8], manners: Manners) -> bool {
        if manners.fails_first == 0 {
            return false;
        }
        let mut asked: Value = serde_json::from_slice(body).unwrap_or_default();
        let all = match &mut asked {
            Value::Array(requests) => requests.as_mut_slice(),
            one => std::slice::from_mut(one),
        };
        for request in all.iter_mut().filter_map(Value::as_object_mut) {
            request.remove("id");
        }
        let mut failures = lock(&self.failures);
        let failed = failures.entry(format!("{path} {asked}")).or_default();
        *failed += 1;
        *failed <= manners.fails_first
    }

    fn rpc(&self, body: &[u8], manners: Manners) -> String {
        match serde_json::from_slice(body).unwrap_or_default() {
            Value::Array(requests) if !manners.no_batches => {
                // In another order than asked, as a node may.
                requests.iter().rev().map(|one| self.call(one, manners)).collect::<Value>()
            }
            one => self.call(&one, manners),
        }
        .to_string()
    }

    fn call(&self, request: &Value, manners: Manners) -> Value {
        let method = request["method"].as_str().unwrap_or_default();
        let first = request["params"][0].as_str().unwrap_or_default();
        let full = request["params"][1].as_bool().unwrap_or_default();
        let l1 = lock(&self.l1);
        let newest = l1.newest().header.number;
        let known =
            |block: &&MadeBlock| block.header.number + manners.lags <= newest || manners.lags == 0;
        let result = match method {
            "eth_chainId" if manners.chain_id > 0 => json!(format!("{:#x}", manners.chain_id)),
            "eth_chainId" => json!("0x384"),
            "eth_getBlockByNumber" => {
                let block =
                    l1.labelled(first).filter(|block| known(block) || !first.starts_with("0x"));
                block.map_or(Value::Null, |block| block_json(block, full, manners))
            }
            "eth_getBlockByHash" => {
                let block = first.parse().ok().and_then(|hash| l1.by_hash(hash));
                block.map_or(Value::Null, |block| block_json(block, full, manners))
            }
            "debug_getRawBlock" if manners.raw => {
                let block = l1.labelled(first).filter(known);
                block.map_or(Value::Null, |block| json!(raw_block(block, manners)))
            }
            "debug_getRawReceipts" if manners.raw => {
                self.receipts.fetch_add(1, Ordering::Relaxed);
                let block = first.parse().ok().and_then(|hash| l1.by_hash(hash));
                let hidden = usize::from(manners.hides_receipts);
                block.map_or(Value::Null, |block| {
                    json!(block.raw_receipts.iter().skip(hidden).collect::<Vec<_>>())
                })
            }
            "eth_getBlockReceipts" if !manners.no_block_receipts => {
                self.receipts.fetch_add(1, Ordering::Relaxed);
                let block = first.parse().ok().and_then(|hash| l1.by_hash(hash));
                let hidden = usize::from(manners.hides_receipts);
                block.map_or(Value::Null, |block| {
                    (hidden..block.receipts.len()).map(|index| receipt_json(block, index)).collect()
                })
            }
            "eth_getTransactionReceipt" => {
                let hash: B256 = first.parse().unwrap_or_default();
                let number = (0..=newest).rev();
                let mut blocks = number.filter_map(|number| l1.block(number));
                blocks
                    .find_map(|block| {
                        let index =
                            block.transactions.iter().position(|tx| keccak256(tx) == hash)?;
                        Some(receipt_json(block, index))
                    })
                    .unwrap_or_default()
            }
            _ => {
                let error = json!({ "code": -32_601, "message": "the method does not exist" });
                return json!({ "jsonrpc": "2.0", "id": request["id"], "error": error });
            }
        };
        json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })
    }

    fn beacon(&self, path: &str, manners: Manners) -> (&'static str, String) {
        let l1 = lock(&self.l1);
        let (path, _) = path.split_once('?').unwrap_or((path, ""));
        let data = match path.trim_start_matches("/eth/v1/") {
            "beacon/genesis" => json!({ "genesis_time": l1.genesis_time().to_string() }),
            "config/spec" => json!({ "SECONDS_PER_SLOT": BLOCK_SECONDS.to_string() }),
            rest => {
                let (what, slot) = rest.rsplit_once('/').unwrap_or_default();
                let block = slot.parse().ok().and_then(|slot| l1.at_slot(slot));
                let offered =
                    if manners.sidecars { "beacon/blob_sidecars" } else { "beacon/blobs" };
                let (Some(block), true) = (block, what == offered) else {
                    return ("404 Not Found", r#"{"code":404,"message":"not found"}"#.to_owned());
                };
                block.blobs.values().map(|blob| blob_json(blob, manners)).collect()
            }
        };
        ("200 OK", json!({ "data": data }).to_string())
    }
}

fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|read| *read > 0)?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, body))
}

fn quantity(number: impl std::fmt::LowerHex) -> Value {
    json!(format!("{number:#x}"))
}

fn block_json(block: &MadeBlock, full: bool, manners: Manners) -> Value {
    let header = &block.header;
    let hidden = usize::from(manners.hides_transactions);
    let transactions: Vec<_> = block
        .transactions
        .iter()
        .skip(hidden)
        .map(|tx| if full { tx_json(tx) } else { json!(keccak256(tx)) })
        .collect();
    let timestamp = header.timestamp + u64::from(manners.forges_headers);
    json!({
        "hash": block.hash,
        "parentHash": header.parent_hash,
        "sha3Uncles": header.ommers_hash,
        "miner": header.beneficiary,
        "stateRoot": header.state_root,
        "transactionsRoot": header.transactions_root,
        "receiptsRoot": header.receipts_root,
        "logsBloom": header.logs_bloom,
        "difficulty": "0x0",
        "number": quantity(header.number),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(timestamp),
        "extraData": header.extra_data,
        "mixHash": header.mix_hash,
        "nonce": header.nonce,
        "baseFeePerGas": quantity(header.base_fee_per_gas.unwrap_or_default()),
        "withdrawalsRoot": header.withdrawals_root,
        "withdrawals": [],
        "uncles": [],
        "blobGasUsed": "0x0",
        "excessBlobGas": "0x0",
        "parentBeaconBlockRoot": header.parent_beacon_block_root,
        "transactions": transactions,
    })
}

/// Writes a transaction of a batcher, or of anybody who sends type 2 or 3.
fn tx_json(raw: &[u8]) -> Value {
    let Ok(tx) = EthereumTxEnvelope::<TxEip4844>::decode_2718(&mut &raw[..]) else {
        return Value::Null;
    };
    let signature = tx.signature();
    json!({
        "hash": keccak256(raw),
        "type": quantity(tx.tx_type() as u8),
        "chainId": quantity(tx.chain_id().unwrap_or_default()),
        "nonce": quantity(tx.nonce()),
        "gas": quantity(tx.gas_limit()),
        "to": tx.to(),
        "value": quantity(tx.value()),
        "input": tx.input(),
        "maxFeePerGas": quantity(tx.max_fee_per_gas()),
        "maxPriorityFeePerGas": quantity(tx.max_priority_fee_per_gas().unwrap_or_default()),
        "maxFeePerBlobGas": quantity(tx.max_fee_per_blob_gas().unwrap_or_default()),
        "blobVersionedHashes": tx.blob_versioned_hashes().unwrap_or_default(),
        "accessList": [],
        "yParity": quantity(u8::from(signature.v())),
        "r": quantity(signature.r()),
        "s": quantity(signature.s()),
    })
}

fn receipt_json(block: &MadeBlock, index: usize) -> Value {
    let receipt = &block.receipts[index];
    let kind = block.transactions[index].first().copied().unwrap_or_default();
    let log = |log: &alloy_primitives::Log| json!({ "address": log.address, "topics": log.topics(), "data": log.data.data });
    json!({
        "type": quantity(if kind < 0xc0 { kind } else { 0 }),
        "status": "0x1",
        "cumulativeGasUsed": quantity(receipt.cumulative_gas_used),
        "logsBloom": receipt.bloom(),
        "logs": receipt.logs.iter().map(log).collect::<Vec<_>>(),
    })
}

fn raw_block(block: &MadeBlock, manners: Manners) -> String {
    use alloy_rlp::{Encodable as _, Header as RlpHeader};
    let mut transactions = Vec::new();
    for tx in block.transactions.iter().skip(usize::from(manners.hides_transactions)) {
        // A legacy transaction is a list of its own.
        if tx.first().is_some_and(|first| *first >= 0xc0) {
            transactions.extend_from_slice(tx);
        } else {
            tx.as_ref().encode(&mut transactions);
        }
    }
    let mut header = block.header.clone();
    header.timestamp += u64::from(manners.forges_headers);
    let mut fields = Vec::new();
    header.encode(&mut fields);
    RlpHeader { list: true, payload_length: transactions.len() }.encode(&mut fields);
    fields.extend_from_slice(&transactions);
    // No uncles, no withdrawals.
    fields.extend_from_slice(&[0xc0, 0xc0]);
    let mut out = Vec::new();
    RlpHeader { list: true, payload_length: fields.len() }.encode(&mut out);
    out.extend_from_slice(&fields);
    hex::encode_prefixed(out)
}

fn blob_json(blob: &[u8], manners: Manners) -> Value {
    use quintet_rollup_protocol::inbox::kzg;
    // Which takes long enough for a question to time out on a busy machine: only where it is asked for.
    let proof = manners.sidecars.then(|| kzg::commit(blob));
    let mut blob = blob.to_vec();
    if manners.forges_blobs {
        blob[50] ^= 1;
    }
    let text = hex::encode_prefixed(&blob);
    if !manners.sidecars {
        return json!(text);
    }
    let proven = proof.and_then(Result::ok);
    let (commitment, proof) = proven.map_or_else(Default::default, |(c, p, _)| (c, p));
    json!({ "blob": text, "kzg_commitment": commitment, "kzg_proof": proof })
}
