//! Methods about the chain as a whole.

use std::collections::{BTreeMap, BTreeSet};

use quintet_bitcoin_protocol::{
    header::{HeaderId, Validity, pow},
    network::{BuriedDeployment, Network},
};
use serde_json::{Value, json};

use super::{args::Args, fault::Answer};
use crate::{kernel::Kernel, storage::BlockStatus};

/// Returns the name answers give the network.
pub(super) fn network_name(kernel: &Kernel) -> String {
    match kernel.params.network {
        Network::Testnet3 => "test".to_owned(),
        _ => kernel.params.name.clone(),
    }
}

pub(super) fn getblockchaininfo(kernel: &mut Kernel, _: &Args) -> Answer {
    let behind = kernel.is_catching_up();
    let (tree, tip) = (kernel.chain.headers(), kernel.chain.tip());
    let bits = tree.bits(tip);
    let target = pow::target(bits, kernel.params.pow_limit).unwrap_or_default();
    let (blocks, headers) = (kernel.chain.height(), tree.height(tree.best()));
    let size = kernel.chain.storage().files().total_bytes();
    Ok(json!({
        "chain": network_name(kernel),
        "blocks": blocks,
        "headers": headers,
        "bestblockhash": kernel.chain.tip_hash().to_string(),
        "bits": format!("{:08x}", bits.to_consensus()),
        "target": format!("{target:064x}"),
        "difficulty": pow::difficulty(bits),
        "time": tree.time(tip),
        "mediantime": tree.median_time_past(tip),
        "verificationprogress": if behind { f64::from(blocks) / f64::from(headers.max(1)) } else { 1.0 },
        "initialblockdownload": behind,
        "chainwork": format!("{:064x}", tree.work(tip)),
        "size_on_disk": size,
        "pruned": false,
        "warnings": [],
    }))
}

pub(super) fn getdifficulty(kernel: &mut Kernel, _: &Args) -> Answer {
    let bits = kernel.chain.headers().bits(kernel.chain.tip());
    Ok(json!(pow::difficulty(bits)))
}

/// **Spec:** Bitcoin Core, `getchaintips`.
pub(super) fn getchaintips(kernel: &mut Kernel, _: &Args) -> Answer {
    let tree = kernel.chain.headers();
    let mut tips: BTreeSet<HeaderId> = BTreeSet::from([kernel.chain.tip()]);
    let mut inner = BTreeSet::new();
    let all: Vec<HeaderId> = (0..tree.len()).filter_map(|index| tree.id(index)).collect();
    for &id in &all {
        inner.extend(tree.parent(id));
    }
    let active = kernel.chain.active();
    tips.extend(all.into_iter().filter(|id| !inner.contains(id) && !active.contains(tree, *id)));
    let mut answer: Vec<_> = tips.into_iter().collect();
    answer.sort_by_key(|id| std::cmp::Reverse(tree.height(*id)));
    let describe = |id: HeaderId| {
        let status = if active.contains(tree, id) {
            "active"
        } else if tree.validity(id) != Validity::Valid {
            "invalid"
        } else if !kernel.chain.is_complete(id) {
            "headers-only"
        } else if kernel.chain.status(id).contains(BlockStatus::VALID_SCRIPTS) {
            "valid-fork"
        } else {
            "valid-headers"
        };
        let height = tree.height(id);
        json!({
            "height": height,
            "hash": tree.hash(id).to_string(),
            "branchlen": height - tree.height(active.fork(tree, id)),
            "status": status,
        })
    };
    Ok(answer.into_iter().map(describe).collect())
}

pub(super) fn getdeploymentinfo(kernel: &mut Kernel, _: &Args) -> Answer {
    let height = kernel.chain.height();
    let buried = BuriedDeployment::ALL.iter().map(|rule| {
        let from = kernel.params.buried_height(*rule);
        let value = json!({ "type": "buried", "active": height + 1 >= from, "height": from });
        (rule.name().to_owned(), value)
    });
    let deployments: BTreeMap<String, Value> = buried.collect();
    Ok(json!({
        "hash": kernel.chain.tip_hash().to_string(),
        "height": height,
        "deployments": deployments,
    }))
}
