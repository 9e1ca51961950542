//! Methods about the chain as a whole.

use std::collections::{BTreeMap, BTreeSet};

use quintet_bitcoin_protocol::{
    header::{HeaderId, Validity, pow},
    network::{BuriedDeployment, Network},
};
use serde_json::{Value, json};

use super::{
    args::Args,
    fault::{Answer, Failure, code},
};
use crate::{
    chain::Pruning,
    kernel::Kernel,
    storage::{BlockStatus, KEEP_BLOCKS},
};

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
    let pruning = kernel.chain.pruning();
    let mut answer = json!({
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
        "pruned": pruning != Pruning::Off,
        "warnings": [],
    });
    if let Some(fields) = answer.as_object_mut().filter(|_| pruning != Pruning::Off) {
        let from = kernel.chain.pruned_up_to().map_or(0, |height| height + 1);
        fields.insert("pruneheight".to_owned(), json!(from));
        let target = match pruning {
            Pruning::Automatic(target) => Some(target.bytes()),
            Pruning::Off | Pruning::Manual => None,
        };
        fields.insert("automatic_pruning".to_owned(), json!(target.is_some()));
        if let Some(bytes) = target {
            fields.insert("prune_target_size".to_owned(), json!(bytes));
        }
    }
    Ok(answer)
}

/// Numbers from here on are times, not heights.
const HEIGHT_MAX: i64 = 1_000_000_000;

/// Seconds by which times in headers may be off.
const TIME_WINDOW: i64 = 2 * 60 * 60;

/// **Spec:** Bitcoin Core, `pruneblockchain`.
pub(super) fn pruneblockchain(kernel: &mut Kernel, args: &Args) -> Answer {
    let parameter = |message: &str| Failure::new(code::PARAMETER, message);
    if kernel.chain.pruning() == Pruning::Off {
        let message = "Cannot prune blocks because node is not in prune mode.";
        return Err(Failure::new(code::MISC, message));
    }
    let wanted = args.integer(0)?;
    if wanted < 0 {
        return Err(parameter("Negative block height."));
    }
    let tip = kernel.chain.height();
    let height = if wanted > HEIGHT_MAX {
        let time = u32::try_from(wanted - TIME_WINDOW).unwrap_or(u32::MAX);
        let tree = kernel.chain.headers();
        let found = (0..=tip).find(|&height| {
            kernel.chain.active().at(height).is_some_and(|id| tree.time(id) >= time)
        });
        found.ok_or_else(|| {
            parameter("Could not find block with at least the specified timestamp.")
        })?
    } else {
        u32::try_from(wanted).unwrap_or(u32::MAX)
    };
    if tip < kernel.params.prune_after_height {
        return Err(Failure::new(code::MISC, "Blockchain is too short for pruning."));
    }
    if height > tip {
        return Err(parameter("Blockchain is shorter than the attempted prune height."));
    }
    kernel.chain.prune_up_to(height.min(tip.saturating_sub(KEEP_BLOCKS)))?;
    Ok(json!(kernel.chain.pruned_up_to().map_or(-1, i64::from)))
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
