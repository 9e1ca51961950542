//! Who the node is: `net_*`, `web3_*`, and what little of `eth_*` is about the node itself.

use alloy_primitives::{Bytes, keccak256};
use serde_json::{Value, json};

use super::Entry;
use crate::{
    answer::Answer,
    args::Args,
    error::EthResult,
    json::quantity,
    node::{EthNode, Named as _},
    schema::{Data, Flag, Hash, List, Maybe, Object, Text, Uint},
};

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry::light("web3_clientVersion", "Tells the node's name and version.", version)
            .gives::<Text>("version", "Name, version, system."),
        Entry::light("web3_sha3", "Hashes bytes with Keccak-256.", sha3)
            .param::<Data>("data", "The bytes.")
            .gives::<Hash>("hash", "Their hash."),
        Entry::light("net_version", "Tells the network's id, in decimal.", net_version)
            .gives::<Text>("id", "The id."),
        Entry::light("net_listening", "Tells whether the node listens for peers.", |node, _| {
            Ok(json!(node.peer_count().is_some()).into())
        })
        .gives::<Flag>("listening", "Whether it does."),
        Entry::light("net_peerCount", "Tells how many peers there are.", |node, _| {
            Ok(quantity(node.peer_count().unwrap_or_default() as u64).into())
        })
            .gives::<Uint>("count", "Their number."),
        Entry::light("eth_chainId", "Tells the chain's id.", chain_id)
            .gives::<Uint>("id", "The number that transactions sign."),
        Entry::light("eth_protocolVersion", "Tells the version of the protocol between nodes.", |_, _| {
            Ok(json!("0x44").into())
        })
        .gives::<Uint>("version", "The version."),
        Entry::light("eth_syncing", "Tells whether the node is behind its peers.", |_, _| {
            Ok(json!(false).into())
        })
        .gives::<Flag>("syncing", "False: it follows its head."),
        Entry::light("eth_accounts", "Lists accounts the node has keys of: none.", |_, _| {
            Ok(Value::Array(Vec::new()).into())
        })
        .gives::<List>("accounts", "Nothing."),
        Entry::light("eth_coinbase", "Tells who gets the fees of the head.", coinbase)
            .gives::<Text>("address", "The fee recipient of the head."),
        Entry::light("eth_mining", "Tells whether the node mines: proof of stake does not.", |_, _| {
            Ok(json!(false).into())
        })
        .gives::<Flag>("mining", "False."),
        Entry::light("eth_hashrate", "Tells how fast the node mines.", |_, _| Ok(json!("0x0").into()))
            .gives::<Uint>("rate", "0x0."),
        Entry::light("eth_capabilities", "Tells from which block on the node has what.", capabilities)
            .gives::<Object>("capabilities", "Ranges by what is asked for."),
        Entry::light("eth_config", "Tells the forks in force, next and last.", config)
            .gives::<Maybe>("config", "Current, next and last fork, as in EIP-7910."),
        Entry::light("rpc_modules", "Lists the families of methods.", |_, _| {
            Ok(json!({"debug": "1.0", "eth": "1.0", "net": "1.0", "rpc": "1.0", "testing": "1.0", "txpool": "1.0", "web3": "1.0"}).into())
        })
        .gives::<Object>("modules", "Families with their versions."),
    ]
}

fn version(node: &EthNode, _: &Args) -> EthResult<Answer> {
    Ok(json!(node.client_version).into())
}

fn sha3(_: &EthNode, args: &Args) -> EthResult<Answer> {
    let data: Bytes = args.required(0)?;
    Ok(json!(keccak256(data)).into())
}

fn net_version(node: &EthNode, _: &Args) -> EthResult<Answer> {
    Ok(json!(node.chain.spec().chain_id().to_string()).into())
}

fn chain_id(node: &EthNode, _: &Args) -> EthResult<Answer> {
    Ok(quantity(node.chain.spec().chain_id()).into())
}

fn coinbase(node: &EthNode, _: &Args) -> EthResult<Answer> {
    Ok(json!(node.reader()?.head_header()?.beneficiary).into())
}

/// **Spec:** execution-apis, `eth_capabilities`.
fn capabilities(node: &EthNode, _: &Args) -> EthResult<Answer> {
    let reader = node.reader()?;
    let head = reader.head();
    let bodies = quantity(reader.oldest_body()?);
    let states = quantity(reader.oldest_state()?);
    let kept = |oldest: &Value| json!({ "disabled": false, "oldestBlock": oldest });
    let logs =
        json!({ "disabled": false, "oldestBlock": bodies, "deleteStrategy": { "type": "none" } });
    Ok(json!({
        "head": { "number": quantity(head.number), "hash": head.hash },
        "state": kept(&states),
        "tx": kept(&bodies),
        "logs": logs,
        "receipts": kept(&bodies),
        "blocks": kept(&bodies),
        "stateproofs": kept(&states),
    })
    .into())
}

/// **Spec:** EIP-7910.
fn config(node: &EthNode, _: &Args) -> EthResult<Answer> {
    use quintet_evm::schedule::Activation;
    let schedule = &node.chain.spec().schedule;
    let now = node.reader()?.head_header()?.timestamp;
    let mut times: Vec<u64> = schedule
        .forks
        .iter()
        .filter_map(|(_, at)| match at {
            Activation::Time(time) => Some(*time),
            Activation::Block(_) => None,
        })
        .chain(schedule.blobs.iter().map(|(from, _)| *from))
        .collect();
    times.sort_unstable();
    times.dedup();
    let describe = |time: u64| {
        let blobs = schedule.blobs_at(time);
        json!({
            "activationTime": time,
            "chainId": quantity(schedule.chain_id),
            "blobSchedule": blobs.map(|blobs| json!({
                "baseFeeUpdateFraction": u64::try_from(blobs.update_fraction).unwrap_or(u64::MAX),
                "max": blobs.max_blob_count,
                "target": blobs.target_blob_count,
            })),
            "fork": format!("{:?}", schedule.rules(u64::MAX, time, true).fork),
        })
    };
    let current = times.iter().rev().find(|time| **time <= now);
    let next = times.iter().find(|time| **time > now);
    let last = times.last().filter(|time| **time > now);
    Ok(json!({
        "current": current.map(|time| describe(*time)),
        "next": next.map(|time| describe(*time)),
        "last": last.map(|time| describe(*time)),
    })
    .into())
}
