//! `rpc/*/*.io`: requests over the chain beside them, and the answers go-ethereum gave.
//!
//! Each file gets a node of its own over the one chain, so that what one sends to the pool another does not see. Where a file says so
//! (`speconly`) only the shape of the answer counts: it succeeds where the other did, and has the same fields of the same kinds.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use alloy_genesis::Genesis;
use alloy_primitives::B256;
use quintet_eth_chain::{ChainOptions, ChainSpec, EthChain, Retention};
use quintet_eth_pool::PoolConfig;
use quintet_eth_rpc::{EthNode, EthRpcConfig, NodeParts};
use serde_json::Value;

use super::chains::next_item;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite},
};

/// Bytes of queued notifications of a call; none of these calls subscribes.
const NOTIFICATIONS: usize = 1;

/// The time of these nodes, in seconds: after every block.
const NOW: u64 = 2_000_000_000;

/// Runs a chain's requests. The chain is imported once.
#[derive(Default)]
pub(super) struct Rpc {
    chain: Mutex<Option<EthChain>>,
}

impl Suite for Rpc {
    fn name(&self) -> &'static str {
        "rpc"
    }

    fn claims(&self, name: &Path) -> bool {
        name.starts_with("rpc") && name != Path::new("rpc/chain.rlp")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let name = file.name.display().to_string();
        if name.ends_with(".json") {
            // Read with the chain; here only whether it can be read.
            report.case(name, || {
                serde_json::from_slice::<Value>(&file.bytes)
                    .map(drop)
                    .map_err(|error| Mismatch::new("JSON", "JSON", error.to_string()))
            });
            return;
        }
        let Ok(text) = std::str::from_utf8(&file.bytes) else {
            report.unreadable = Some("expected UTF-8".to_owned());
            return;
        };
        if let Some(reason) = skipped(&name) {
            report.skip(reason);
            return;
        }
        report.case(name, || self.check(file, text));
    }
}

/// Why a file cannot be tried.
fn skipped(name: &str) -> Option<&'static str> {
    const PRECOMPILES: [&str; 6] = [
        "move-ecrecover",
        "move-two-accounts-to-same-38023",
        "override-identity",
        "override-sha256",
        "extcodehash-precompile",
        "use-as-many-features",
    ];
    if PRECOMPILES.iter().any(|part| name.contains(part)) {
        return Some("precompiles are not moved or overridden in simulations");
    }
    if name.ends_with("ethSimulate-overflow-nonce.io") {
        return Some("go-ethereum lets the greatest nonce become zero, here it is refused");
    }
    name.contains("eth_capabilities").then_some("tells what this node keeps, not what another kept")
}

impl Rpc {
    fn chain(&self, file: &File) -> Result<EthChain, Mismatch> {
        let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(chain) = &*chain {
            return Ok(chain.clone());
        }
        let imported = import(file)?;
        *chain = Some(imported.clone());
        Ok(imported)
    }

    fn check(&self, file: &File, text: &str) -> Result<(), Mismatch> {
        let failed = |what: &'static str| {
            move |error: &dyn std::fmt::Display| Mismatch::new(what, "success", error.to_string())
        };
        let node = EthNode::new(NodeParts {
            chain: self.chain(file)?,
            config: EthRpcConfig::default(),
            pool: PoolConfig::default(),
            clock: Arc::new(|| NOW),
            client_version: "conformance".to_owned(),
            peers: Arc::new(|| Some(0)),
        })
        .map_err(|error| failed("node")(&error))?;
        let module = quintet_eth_rpc::module(node).map_err(|error| failed("methods")(&error))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| failed("runtime")(&error))?;
        let shape_only = text.lines().any(|line| line.starts_with("// speconly"));
        let mut answer = None;
        for line in text.lines() {
            if let Some(request) = line.strip_prefix(">> ") {
                let call = module.raw_json_request(request, NOTIFICATIONS);
                let (response, _) =
                    runtime.block_on(call).map_err(|error| failed("request")(&error))?;
                answer = serde_json::from_str::<Value>(response.get()).ok();
            } else if let Some(expected) = line.strip_prefix("<< ") {
                let expected: Value = serde_json::from_str(expected)
                    .map_err(|error| failed("expected answer")(&error))?;
                let actual = answer.take().unwrap_or_default();
                if shape_only {
                    same_shape("answer", &expected, &actual)?;
                } else {
                    same(&expected, &actual)?;
                }
            }
        }
        Ok(())
    }
}

fn import(file: &File) -> Result<EthChain, Mismatch> {
    let beside = |wanted: &str| {
        let found = file.other(|name| name == wanted);
        found.ok_or_else(|| Mismatch::new("file", wanted.to_owned(), "none"))
    };
    let told = |what: &'static str| move |error: String| Mismatch::new(what, "success", error);
    let genesis: Genesis = serde_json::from_slice(&beside("rpc/genesis.json")?.bytes)
        .map_err(|error| told("genesis")(error.to_string()))?;
    let spec =
        ChainSpec::from_genesis(genesis).map_err(|error| told("genesis")(error.to_string()))?;
    let options =
        ChainOptions { retention: Retention::archive(), threads: 1, ..ChainOptions::default() };
    let chain =
        EthChain::in_memory(spec, options).map_err(|error| told("chain")(error.to_string()))?;
    let blocks = beside("rpc/chain.rlp")?;
    let mut bytes = blocks.bytes.as_slice();
    while !bytes.is_empty() {
        let block = next_item(&mut bytes)?;
        chain.import_rlp(block).map_err(|error| told("block")(error.to_string()))?;
    }
    let head: Value = serde_json::from_slice(&beside("rpc/headfcu.json")?.bytes)
        .map_err(|error| told("head")(error.to_string()))?;
    let hash = |name: &str| -> B256 {
        let text = head.pointer(&format!("/params/0/{name}")).and_then(Value::as_str);
        text.and_then(|text| text.parse().ok()).unwrap_or_default()
    };
    chain
        .set_forkchoice(hash("headBlockHash"), hash("safeBlockHash"), hash("finalizedBlockHash"))
        .map_err(|error| told("head")(error.to_string()))?;
    Ok(chain)
}

/// Names the first place where two answers differ.
fn same(expected: &Value, actual: &Value) -> Result<(), Mismatch> {
    fn walk(path: &str, expected: &Value, actual: &Value) -> Result<(), Mismatch> {
        match (expected, actual) {
            (Value::Object(left), Value::Object(right)) => {
                for (name, value) in left {
                    let other = right.get(name).unwrap_or(&Value::Null);
                    if !right.contains_key(name) {
                        return Err(Mismatch::new(format!("{path}/{name}"), value, "nothing"));
                    }
                    walk(&format!("{path}/{name}"), value, other)?;
                }
                match right.keys().find(|name| !left.contains_key(*name)) {
                    Some(name) => {
                        Err(Mismatch::new(format!("{path}/{name}"), "nothing", right.get(name)))
                    }
                    None => Ok(()),
                }
            }
            (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
                let mut pairs = left.iter().zip(right).enumerate();
                pairs.try_for_each(|(at, (left, right))| walk(&format!("{path}/{at}"), left, right))
            }
            _ if expected == actual => Ok(()),
            _ => Err(Mismatch::new(path, expected, actual)),
        }
    }
    walk("", expected, actual)
}

/// Compares fields and kinds of values, not the values.
fn same_shape(path: &str, expected: &Value, actual: &Value) -> Result<(), Mismatch> {
    match (expected, actual) {
        (Value::Object(left), Value::Object(right)) => {
            // Objects by address, nonce or slot have whatever keys there are.
            for (name, value) in left.iter().filter(|(name, _)| !name.starts_with("0x")) {
                let Some(other) = right.get(name) else {
                    if value.is_null() || name.parse::<u64>().is_ok() {
                        continue;
                    }
                    return Err(Mismatch::new(format!("{path}/{name}"), value, "nothing"));
                };
                if !(value.is_null() || other.is_null() || name == "data") {
                    same_shape(&format!("{path}/{name}"), value, other)?;
                }
            }
            Ok(())
        }
        (Value::Array(left), Value::Array(right)) => match (left.first(), right.first()) {
            (Some(left), Some(right)) => same_shape(&format!("{path}/0"), left, right),
            _ => Ok(()),
        },
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Null, Value::Null) => Ok(()),
        _ => Err(Mismatch::new(path, expected, actual)),
    }
}
