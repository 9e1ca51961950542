//! `graphql/testcases/*.json`: queries over the chain beside them, and the answers that are right.
//!
//! The chain is imported once and all files ask one node, in the order of their names: what one sends to the pool a later one sees there.
//!
//! An answer with status 200 must equal one of those the file holds. Where the file says 400 the words are those of one client and no
//! client gives those of another: compared are the status, that there is no data, how many errors there are, and of those that a field
//! made, where it stands in the query and in the answer.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use alloy_genesis::Genesis;
use alloy_primitives::B256;
use quintet_eth_chain::{ChainOptions, ChainSpec, EthChain, Retention};
use quintet_eth_pool::PoolConfig;
use quintet_eth_rpc::{
    EthNode, EthRpcConfig, NodeParts,
    graphql::{GraphQl, GraphQlAnswer},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::chains::next_item;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

const GENESIS: &str = "graphql/testGenesis.json";
const BLOCKS: &str = "graphql/testBlockchain.blocks";

/// The time of the node, in seconds: after every block.
const NOW: u64 = 2_000_000_000;

/// Fields whose answer in the file is not compared, and why. The rest of the answer is; then the case counts as skipped.
const NOT_COMPARED: [(&str, &str, &str); 1] = [(
    "07_eth_gasPrice.json",
    "/data/gasPrice",
    "its prices are below the base fee of the chain's head: a transaction that pays them is refused",
)];

/// Runs queries over a chain. The chain is imported once.
#[derive(Default)]
pub(super) struct GraphQlCases {
    graphql: Mutex<Option<GraphQl>>,
}

impl Suite for GraphQlCases {
    fn name(&self) -> &'static str {
        "graphql"
    }

    fn claims(&self, name: &Path) -> bool {
        name.starts_with("graphql")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let name = file.name.display().to_string();
        if [GENESIS, BLOCKS].contains(&name.as_str()) {
            // Every block must be good; what they lead to, the queries ask.
            report.case(name, || self.node(file).map(drop));
            return;
        }
        let Some(case) = report.json(file) else { return };
        let mut skipped = None;
        report.json_case(name, case, |case: Case| {
            skipped = case.check(&self.node(file)?, file.own_name())?;
            Ok(())
        });
        if let Some(reason) = skipped {
            report.passed -= 1;
            report.skip(reason);
        }
    }
}

impl GraphQlCases {
    fn node(&self, file: &File) -> Result<GraphQl, Mismatch> {
        let mut graphql = self.graphql.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(graphql) = &*graphql {
            return Ok(graphql.clone());
        }
        let begun = begin(file)?;
        *graphql = Some(begun.clone());
        Ok(begun)
    }
}

fn failed<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> Mismatch {
    move |error| Mismatch::new(what, "success", error.to_string())
}

fn begin(file: &File) -> Result<GraphQl, Mismatch> {
    let beside = |wanted: &'static str| {
        let found = file.other(|name| name == wanted);
        found.ok_or_else(|| Mismatch::new("file", wanted, "none"))
    };
    let genesis: Genesis =
        serde_json::from_slice(&beside(GENESIS)?.bytes).map_err(failed("genesis"))?;
    let spec = ChainSpec::from_genesis(genesis).map_err(failed("genesis"))?;
    let options =
        ChainOptions { retention: Retention::archive(), threads: 1, ..ChainOptions::default() };
    let chain = EthChain::in_memory(spec, options).map_err(failed("chain"))?;
    let blocks = beside(BLOCKS)?;
    let mut bytes = blocks.bytes.as_slice();
    let mut last = B256::ZERO;
    while !bytes.is_empty() {
        let block = next_item(&mut bytes)?;
        chain.import_rlp(block).map_err(failed("block"))?;
        last = head_of(block)?;
    }
    chain.set_forkchoice(last, B256::ZERO, B256::ZERO).map_err(failed("head"))?;
    let node = EthNode::new(NodeParts {
        chain,
        // As hive runs its clients: some of the transactions sent name no chain.
        config: EthRpcConfig { allow_unprotected: true, ..EthRpcConfig::default() },
        pool: PoolConfig::default(),
        clock: Arc::new(|| NOW),
        client_version: "conformance".to_owned(),
        peers: Arc::new(|| Some(0)),
    })
    .map_err(failed("node"))?;
    Ok(GraphQl::new(node))
}

/// Returns the hash of an encoded block.
fn head_of(block: &[u8]) -> Result<B256, Mismatch> {
    let block = quintet_evm::block::decode(block).map_err(failed("block"))?;
    Ok(block.header.hash_slow())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    request: String,
    responses: Vec<Value>,
    status_code: u16,
}

impl Case {
    /// Asks, compares, and tells why the case does not count if it does not.
    fn check(&self, graphql: &GraphQl, name: &str) -> Result<Option<&'static str>, Mismatch> {
        let body = json!({ "query": self.request }).to_string();
        let runtime =
            tokio::runtime::Builder::new_current_thread().build().map_err(failed("runtime"))?;
        let GraphQlAnswer { status, body } = runtime.block_on(graphql.answer(body.as_bytes()));
        let mut actual: Value = serde_json::from_str(&body).map_err(failed("answer"))?;
        if status != self.status_code {
            return Err(Mismatch::new("status", self.status_code, format!("{status}: {body}")));
        }
        if status != 200 {
            return self.refused(&actual).map(|()| None);
        }
        let mut responses = self.responses.clone();
        let mut skipped = None;
        for (_, field, reason) in NOT_COMPARED.iter().filter(|(file, ..)| *file == name) {
            for body in responses.iter_mut().chain([&mut actual]) {
                if let Some(value) = body.pointer_mut(field) {
                    *value = Value::Null;
                }
            }
            skipped = Some(*reason);
        }
        if responses.contains(&actual) {
            return Ok(skipped);
        }
        Err(Mismatch::new("answer", responses.first(), actual))
    }

    /// Compares errors, their words aside.
    fn refused(&self, actual: &Value) -> Result<(), Mismatch> {
        let errors = |body: &Value| body.get("errors").and_then(Value::as_array).cloned();
        let expected = self.responses.iter().find_map(errors);
        let expected = expected.ok_or_else(|| Mismatch::new("errors", "some", "none"))?;
        let given = errors(actual).unwrap_or_default();
        expect_eq("errors", expected.len(), given.len())?;
        for (expected, actual) in expected.iter().zip(&given) {
            // Of errors before the query runs only some clients say where they are, and not the same place.
            if expected.get("path").is_some() {
                for field in ["path", "locations"] {
                    expect_eq(field, expected.get(field), actual.get(field))?;
                }
            }
        }
        let data = actual.get("data").unwrap_or(&Value::Null);
        let nothing = data.is_null()
            || data.as_object().is_some_and(|fields| fields.values().all(Value::is_null));
        if nothing { Ok(()) } else { Err(Mismatch::new("data", Value::Null, data)) }
    }
}
