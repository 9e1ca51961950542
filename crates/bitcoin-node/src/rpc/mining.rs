//! Methods for miners.

use std::collections::HashMap;

use quintet_bitcoin_protocol::{
    Block, Transaction, address,
    header::pow,
    rules::{BLOCK_SIGOP_COST_MAX, WITNESS_COMMITMENT_PREFIX},
};
use quintet_primitives::hex;
use serde_json::{Value, json};

use super::{
    args::Args,
    fault::{Answer, Failure, code},
};
use crate::{
    chain::{AcceptError, Accepted},
    kernel::Kernel,
    miner::{MineError, TemplateOptions},
};

/// Nonces tried unless told otherwise.
const TRIES: i64 = 1_000_000;
/// Blocks mined with one call, blocks.
const BLOCKS_MAX: i64 = 10_000;

/// Returns the script blocks are to pay to: of an address, or of a descriptor that is one in other words.
fn script_of(kernel: &Kernel, text: &str) -> Result<Vec<u8>, Failure> {
    let bare = text.split('#').next().unwrap_or_default();
    if let Some(inner) = bare.strip_prefix("raw(").and_then(|rest| rest.strip_suffix(')')) {
        let wrong = |_| Failure::new(code::ADDRESS_OR_KEY, "Raw script is not hex");
        return hex::decode(inner).map_err(wrong);
    }
    let inner = bare.strip_prefix("addr(").and_then(|rest| rest.strip_suffix(')'));
    let address = inner.unwrap_or(bare);
    let decoded = kernel.prefixes().and_then(|prefixes| address::decode(address, prefixes).ok());
    decoded.ok_or_else(|| Failure::new(code::ADDRESS_OR_KEY, "Error: Invalid address"))
}

fn generate(kernel: &mut Kernel, count: i64, script: Vec<u8>, tries: i64) -> Answer {
    if !(0..=BLOCKS_MAX).contains(&count) {
        return Err(Failure::new(code::PARAMETER, format!("expected 0 to {BLOCKS_MAX} blocks")));
    }
    let mut left = u64::try_from(tries).unwrap_or(0);
    let options = TemplateOptions { script, from_pool: true, transactions: Vec::new() };
    let mut hashes = Vec::new();
    for _ in 0..count {
        let template = kernel.make_template(&options)?;
        match kernel.mine(&template, &mut left) {
            Ok(hash) => hashes.push(json!(hash.to_string())),
            // As many as the tries were enough for.
            Err(MineError::Exhausted { .. }) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(hashes.into())
}

pub(super) fn generatetoaddress(kernel: &mut Kernel, args: &Args) -> Answer {
    let count = args.integer(0)?;
    let text = args.text(1)?;
    let prefixes = kernel.prefixes();
    let decoded = prefixes.and_then(|prefixes| address::decode(text, prefixes).ok());
    let script =
        decoded.ok_or_else(|| Failure::new(code::ADDRESS_OR_KEY, "Error: Invalid address"))?;
    generate(kernel, count, script, args.integer_or(2, TRIES)?)
}

pub(super) fn generatetodescriptor(kernel: &mut Kernel, args: &Args) -> Answer {
    let count = args.integer(0)?;
    let script = script_of(kernel, args.text(1)?)?;
    generate(kernel, count, script, args.integer_or(2, TRIES)?)
}

pub(super) fn generateblock(kernel: &mut Kernel, args: &Args) -> Answer {
    let script = script_of(kernel, args.text(0)?)?;
    let mut transactions: Vec<Transaction> = Vec::new();
    for item in args.list(1)? {
        let text = item.as_str().ok_or_else(|| super::args::wrong_type(item, "string"))?;
        let known = text.parse().ok().and_then(|txid| kernel.mempool.get(&txid));
        let transaction = match known {
            Some(entry) => entry.transaction().clone(),
            None if text.len() == 64 => {
                return Err(Failure::new(
                    code::ADDRESS_OR_KEY,
                    format!("Transaction {text} not in mempool."),
                ));
            }
            None => hex::decode(text)
                .ok()
                .and_then(|bytes| Transaction::decode(bytes).ok())
                .ok_or_else(|| {
                    let message = format!("Transaction decode failed for {text}. Make sure the tx has at least one input.");
                    Failure::new(code::DESERIALIZATION, message)
                })?,
        };
        transactions.push(transaction);
    }
    let submit = args.flag_or(2, true)?;
    let options = TemplateOptions { script, from_pool: false, transactions };
    let template = kernel.make_template(&options)?;
    let mut tries = u64::try_from(TRIES).unwrap_or(0);
    if submit {
        let hash = kernel.mine(&template, &mut tries)?;
        return Ok(json!({ "hash": hash.to_string() }));
    }
    let bytes = template.mine(&mut tries, kernel.params.pow_limit)?;
    let decoded = Block::decode(bytes.clone());
    let block = decoded.map_err(|error| Failure::new(code::MISC, error.to_string()))?;
    Ok(json!({ "hash": block.hash().to_string(), "hex": hex::encode(&bytes) }))
}

pub(super) fn getmininginfo(kernel: &mut Kernel, _: &Args) -> Answer {
    let tree = kernel.chain.headers();
    let tip = kernel.chain.tip();
    let now = u32::try_from(kernel.now()).unwrap_or(u32::MAX);
    let (bits, next) = (tree.bits(tip), tree.next_bits(tip, now));
    let target = |bits| {
        let target = pow::target(bits, kernel.params.pow_limit).unwrap_or_default();
        format!("{target:064x}")
    };
    Ok(json!({
        "blocks": kernel.chain.height(),
        "bits": format!("{:08x}", bits.to_consensus()),
        "difficulty": pow::difficulty(bits),
        "target": target(bits),
        "pooledtx": kernel.mempool.len(),
        "blockmintxfee": crate::shown::paid(1),
        "chain": super::blockchain::network_name(kernel),
        "next": {
            "height": kernel.chain.height() + 1,
            "bits": format!("{:08x}", next.to_consensus()),
            "difficulty": pow::difficulty(next),
            "target": target(next),
        },
        "warnings": [],
    }))
}

/// **Spec:** BIP-0022, BIP-0023, BIP-0145; Bitcoin Core, `getblocktemplate`.
pub(super) fn getblocktemplate(kernel: &mut Kernel, args: &Args) -> Answer {
    let request = args.get(0).cloned().unwrap_or_else(|| json!({}));
    let mode = request.get("mode").and_then(Value::as_str).unwrap_or("template");
    if mode == "proposal" {
        return propose(kernel, &request);
    }
    if mode != "template" {
        return Err(Failure::new(code::PARAMETER, "Invalid mode"));
    }
    let rules = request.get("rules").and_then(Value::as_array).cloned().unwrap_or_default();
    if !rules.contains(&json!("segwit")) {
        let message = "getblocktemplate must be called with the segwit rule set (call with {\"rules\": [\"segwit\"]})";
        return Err(Failure::new(code::PARAMETER, message));
    }
    let options = TemplateOptions { script: vec![0x51], from_pool: true, transactions: Vec::new() };
    let template = kernel.make_template(&options)?;
    let places: HashMap<_, _> = template
        .transactions
        .iter()
        .enumerate()
        .map(|(at, entry)| (entry.transaction.view().txid(), at + 1))
        .collect();
    let transactions: Value = template
        .transactions
        .iter()
        .map(|entry| {
            let tx = entry.transaction.view();
            let depends: std::collections::BTreeSet<usize> =
                tx.inputs().filter_map(|input| places.get(&input.previous.txid).copied()).collect();
            json!({
                "data": hex::encode(tx.bytes()),
                "txid": tx.txid().to_string(),
                "hash": tx.wtxid().to_string(),
                "depends": depends,
                "fee": entry.fee,
                "sigops": entry.sigop_cost,
                "weight": tx.weight(),
            })
        })
        .collect();
    let header = &template.header;
    let target = pow::target(header.bits, kernel.params.pow_limit).unwrap_or_default();
    let mut fields = json!({
        "capabilities": ["proposal"],
        "version": header.version.to_consensus(),
        "rules": ["csv", "!segwit", "taproot"],
        "vbavailable": {},
        "vbrequired": 0,
        "previousblockhash": header.prev_blockhash.to_string(),
        "transactions": transactions,
        "coinbaseaux": {},
        "coinbasevalue": template.coinbase.value,
        "longpollid": format!("{}{}", header.prev_blockhash, kernel.mempool.sequence()),
        "target": format!("{target:064x}"),
        "mintime": template.time_min,
        "mutable": ["time", "transactions", "prevblock"],
        "noncerange": "00000000ffffffff",
        "sigoplimit": BLOCK_SIGOP_COST_MAX,
        "sizelimit": 4_000_000,
        "weightlimit": 4_000_000,
        "curtime": header.time,
        "bits": format!("{:08x}", header.bits.to_consensus()),
        "height": template.height,
    });
    if let (Some(commitment), Some(fields)) = (template.coinbase.commitment, fields.as_object_mut())
    {
        let mut script = WITNESS_COMMITMENT_PREFIX.to_vec();
        script.extend_from_slice(&commitment);
        fields.insert("default_witness_commitment".to_owned(), json!(hex::encode(&script)));
    }
    Ok(fields)
}

fn block_of(text: &str) -> Result<Block, Failure> {
    let failed = || Failure::new(code::DESERIALIZATION, "Block decode failed");
    let bytes = hex::decode(text).map_err(|_| failed())?;
    Block::decode(bytes).map_err(|_| failed())
}

fn propose(kernel: &mut Kernel, request: &Value) -> Answer {
    let missing = || Failure::new(code::TYPE, "Missing data String key for proposal");
    let text = request.get("data").and_then(Value::as_str).ok_or_else(missing)?;
    let block = block_of(text)?;
    if let Some(id) = kernel.chain.headers().find(&block.hash()) {
        let failed = kernel.chain.status(id).is_failed();
        return Ok(json!(if failed { "duplicate-invalid" } else { "duplicate" }));
    }
    if block.header().prev_blockhash != kernel.chain.tip_hash() {
        return Ok(json!("inconclusive-not-best-prevblk"));
    }
    if let Err(error) = quintet_bitcoin_protocol::rules::check_block(&block, &kernel.params.clone())
    {
        let reason = error.reject_reason();
        if reason != "high-hash" {
            return Ok(json!(reason));
        }
    }
    Ok(match kernel.chain.test_block(&block)? {
        Ok(_) => Value::Null,
        Err(error) => json!(error.reject_reason()),
    })
}

pub(super) fn submitblock(kernel: &mut Kernel, args: &Args) -> Answer {
    let block = block_of(args.text(0)?)?;
    let hash = block.hash();
    if let Some(id) = kernel.chain.headers().find(&hash) {
        if kernel.chain.status(id).is_failed() {
            return Ok(json!("duplicate-invalid"));
        }
        if kernel.chain.has_data(id).0 {
            return Ok(json!("duplicate"));
        }
    }
    kernel.verdicts.remove(&hash);
    match kernel.take_block(block)? {
        Err(AcceptError::Chain(error)) => return Err(error.into()),
        Err(error) => return Ok(json!(error.reject_reason())),
        Ok(Accepted::Known(_)) => return Ok(json!("duplicate")),
        Ok(Accepted::Stored(_)) => {}
    }
    kernel.settle()?;
    if let Some(reason) = kernel.verdicts.remove(&hash) {
        return Ok(json!(reason));
    }
    let tree = kernel.chain.headers();
    let connected = tree.find(&hash).is_some_and(|id| kernel.chain.active().contains(tree, id));
    Ok(if connected { Value::Null } else { json!("inconclusive") })
}

pub(super) fn submitheader(kernel: &mut Kernel, args: &Args) -> Answer {
    let failed = || Failure::new(code::DESERIALIZATION, "Block header decode failed");
    let bytes = hex::decode(args.text(0)?).map_err(|_| failed())?;
    let raw: &[u8; 80] = bytes.first_chunk().ok_or_else(failed)?;
    let header = quintet_bitcoin_protocol::block::decode_header(raw);
    if kernel.chain.headers().find(&header.prev_blockhash).is_none() {
        let message = format!("Must submit previous header ({}) first", header.prev_blockhash);
        return Err(Failure::new(code::VERIFY, message));
    }
    let now = kernel.now();
    match kernel.chain.accept_header(&header, now) {
        Ok(_) => Ok(Value::Null),
        Err(error) => Err(Failure::new(code::VERIFY, error.reject_reason())),
    }
}
