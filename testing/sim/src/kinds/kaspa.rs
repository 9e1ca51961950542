//! Kaspa on simnet, where proof of work is not checked: work is a block made from a template.

use std::{path::Path, thread, time::Duration};

use anyhow::{Result, ensure};
use interop::Binary;
use rand::{RngExt as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    kind::{Head, Kind, Place},
    rpc::{number, text, wrpc},
};

/// Whom blocks pay.
const ADDRESS: &str = "kaspasim:qpumuen7l8wthtz45p3ftn58pvrs9xlumvkuu2xet8egzkcklqtes65ue9mw6";

/// A block's time is a millisecond's.
const TICK: Duration = Duration::from_millis(2);

/// Nodes of Kaspa.
#[derive(Debug)]
pub struct Kaspa;

fn info(place: &Place) -> Result<Value> {
    wrpc(place.rpc, "getBlockDagInfo", &json!({}))
}

impl Kind for Kaspa {
    const NAME: &'static str = "kaspa";
    const NODES: usize = 4;
    const GOES_ON: bool = false;

    fn prepare(_: &Path, _: &Binary, _: &[Place]) -> Result<Self> {
        Ok(Self)
    }

    fn arguments(&self, place: &Place) -> Vec<String> {
        let mut arguments: Vec<String> =
            ["kaspa", "run", "--simnet", "--json", "--utxoindex", "--nogrpc"]
                .map(String::from)
                .into();
        arguments.push(format!("--appdir={}", place.folder.display()));
        arguments.push(format!("--listen={}", place.peers));
        arguments.push(format!("--rpclisten-json={}", place.rpc));
        // Nobody is heard of and dialled past the relays.
        arguments.push("--outpeers=0".to_owned());
        arguments.extend(place.known.iter().map(|known| format!("--connect={known}")));
        arguments
    }

    fn work(&self, place: &Place, chance: &mut StdRng) -> Result<Vec<String>> {
        thread::sleep(TICK);
        let note: [u8; 8] = chance.random();
        let params = json!({ "payAddress": ADDRESS, "extraData": note });
        let template = wrpc(place.rpc, "getBlockTemplate", &params)?;
        let block = json!({ "block": template["block"], "allowNonDaaBlocks": false });
        let report = wrpc(place.rpc, "submitBlock", &block)?;
        ensure!(report["report"]["type"] == "success", "submitBlock: {report}");
        // Its hash is not told, but it is among the tips, and what it holds nobody else's does.
        let tips = info(place)?["tipHashes"].take();
        let mut own = Vec::new();
        for tip in tips.as_array().into_iter().flatten().filter_map(Value::as_str) {
            let params = json!({ "hash": tip, "includeTransactions": false });
            let there = wrpc(place.rpc, "getBlock", &params)?;
            let root = "hashMerkleRoot";
            if there["block"]["header"][root] == template["block"]["header"][root] {
                own.push(tip.to_owned());
            }
        }
        Ok(own)
    }

    fn head(&self, place: &Place) -> Result<Head> {
        let hash = text(&info(place)?, "sink")?;
        let params = json!({ "hash": hash, "includeTransactions": false });
        let sink = wrpc(place.rpc, "getBlock", &params)?;
        Ok(Head { height: number(&sink["block"]["header"], "blueScore")?, hash })
    }

    fn keeps(&self, place: &Place, acknowledged: &str) -> Result<bool> {
        let params = json!({ "hash": acknowledged, "includeTransactions": false });
        let answer = wrpc(place.rpc, "getBlock", &params)?;
        Ok(answer["block"]["header"]["hash"] == acknowledged)
    }
}
