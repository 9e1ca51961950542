//! Bitcoin on regtest: work is a block, mined by RPC.

use std::path::Path;

use anyhow::Result;
use base64::Engine as _;
use bitcoin::{Address, KnownHrp, ScriptBuf};
use interop::{Binary, jsonrpc};
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::kind::{Head, Kind, Place};

/// Whom a node's blocks pay: blocks of two nodes with one address are one block, if they are of one second.
fn address(node: usize) -> Address {
    let script = ScriptBuf::from_bytes(node.to_be_bytes().to_vec());
    Address::p2wsh(&script, KnownHrp::Regtest)
}

/// Nodes of Bitcoin.
#[derive(Debug)]
pub struct Bitcoin;

impl Bitcoin {
    fn call(place: &Place, method: &str, params: &Value) -> Result<Value> {
        let cookie = std::fs::read(place.folder.join("regtest/.cookie"))?;
        let credentials = base64::engine::general_purpose::STANDARD.encode(cookie);
        jsonrpc::call_as(&place.rpc.to_string(), &format!("Basic {credentials}"), method, params)
    }
}

impl Kind for Bitcoin {
    const NAME: &'static str = "bitcoin";
    const NODES: usize = 4;
    const GOES_ON: bool = false;

    fn prepare(_: &Path, _: &Binary, _: &[Place]) -> Result<Self> {
        Ok(Self)
    }

    fn arguments(&self, place: &Place) -> Vec<String> {
        let mut arguments: Vec<String> =
            ["bitcoin", "run", "-regtest", "-listen"].map(String::from).into();
        arguments.push(format!("-datadir={}", place.folder.display()));
        arguments.push(format!("-bind={}", place.peers.ip()));
        arguments.push(format!("-port={}", place.peers.port()));
        arguments.push(format!("-rpcport={}", place.rpc.port()));
        arguments.extend(place.known.iter().map(|known| format!("-addnode={known}")));
        arguments
    }

    fn work(&self, place: &Place, _: &mut StdRng) -> Result<Vec<String>> {
        let mined =
            Self::call(place, "generatetoaddress", &json!([1, address(place.index).to_string()]))?;
        let hashes = mined.as_array().into_iter().flatten();
        Ok(hashes.filter_map(|hash| hash.as_str().map(str::to_owned)).collect())
    }

    fn head(&self, place: &Place) -> Result<Head> {
        let info = Self::call(place, "getblockchaininfo", &json!([]))?;
        let hash = crate::rpc::text(&info, "bestblockhash")?;
        Ok(Head { height: crate::rpc::number(&info, "blocks")?, hash })
    }

    fn keeps(&self, place: &Place, acknowledged: &str) -> Result<bool> {
        let block = Self::call(place, "getblock", &json!([acknowledged, 1]))?;
        Ok(block["hash"] == acknowledged)
    }
}
