//! `scantxoutset`: the coins that pay to given scripts, found by looking at every one.
//!
//! The kernel gives a view of the coins on disk and goes on; the walk is another thread's.
//!
//! **Spec:** Bitcoin Core, `scantxoutset`.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};

use bitcoin::{BlockHash, OutPoint};
use quintet_primitives::hex;
use quintet_rpc::lenient::Fault;
use serde_json::{Value, json};

use super::{args::Args, code, descriptor::Descriptor, fault::Failure, serve::fault_of};
use crate::{
    chain::{CoinSetError, CoinsView},
    kernel::{Kernel, KernelClient},
    shown::paid,
};

/// Scripts looked for at a time, scripts.
const SCRIPTS_MAX: usize = 10_000;

/// Coins that are told of, coins: those beyond are an answer nobody can read.
const FOUND_MAX: usize = 1_000_000;

/// Resets the mark that a walk is under way.
struct Walking<'a>(&'a AtomicBool);

impl Drop for Walking<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

struct Wanted {
    view: CoinsView,
    scripts: HashMap<Vec<u8>, String>,
    height: u32,
    tip: BlockHash,
    /// Blocks of the chain by height.
    hashes: Vec<BlockHash>,
}

/// Answers a call. `walking` is whether one is being answered.
pub(super) async fn scan(
    kernel: &KernelClient,
    walking: &AtomicBool,
    params: Value,
) -> Result<Value, Fault> {
    let args = Args::new(params, &["action", "scanobjects"]).map_err(fault_of)?;
    match args.text(0).map_err(fault_of)? {
        // A walk is not interrupted, and how far it is is not told.
        "status" => return Ok(Value::Null),
        "abort" => return Ok(json!(false)),
        "start" => {}
        other => return Err(Fault::new(code::PARAMETER, format!("Invalid action '{other}'"))),
    }
    if walking.swap(true, Ordering::AcqRel) {
        let message = "Scan already in progress, use action \"abort\" or \"status\"";
        return Err(Fault::new(code::PARAMETER, message));
    }
    let _walking = Walking(walking);
    let asked = kernel.call(move |kernel| Ok(prepare(kernel, &args))).await;
    let failed = |error: String| Fault::new(code::MISC, error);
    let wanted = asked.map_err(|error| failed(error.to_string()))?.map_err(fault_of)?;
    let walked = tokio::task::spawn_blocking(move || walk(&wanted)).await;
    let walked = walked.map_err(|_| failed("the scan ended early: report this".to_owned()))?;
    walked.map_err(|error| Fault::new(code::DATABASE, error.to_string()))
}

fn prepare(kernel: &mut Kernel, args: &Args) -> Result<Wanted, Failure> {
    let list = args.list(1)?;
    if list.len() > SCRIPTS_MAX {
        let message = format!("expected at most {SCRIPTS_MAX} descriptors, got {}", list.len());
        return Err(Failure::new(code::PARAMETER, message));
    }
    let mut scripts = HashMap::new();
    for item in list {
        let text = item.as_str().or_else(|| item.get("desc").and_then(Value::as_str));
        let text = text.ok_or_else(|| {
            Failure::new(code::PARAMETER, "Scan object needs to be either a string or an object")
        })?;
        let Descriptor { script, text } = Descriptor::parse(text, kernel.prefixes())?;
        scripts.insert(script, text);
    }
    let chain = &mut kernel.chain;
    let view = chain.coins_view()?;
    let hashes = chain.active().from(0).iter().map(|id| chain.headers().hash(*id)).collect();
    Ok(Wanted { view, scripts, height: chain.height(), tip: chain.tip_hash(), hashes })
}

fn walk(wanted: &Wanted) -> Result<Value, CoinSetError> {
    let (mut unspents, mut count, mut total) = (Vec::new(), 0_u64, 0_u64);
    wanted.view.each(|OutPoint { txid, vout }, coin| {
        count += 1;
        let Some(text) = wanted.scripts.get(coin.script_pubkey) else { return };
        total = total.saturating_add(coin.value);
        if unspents.len() >= FOUND_MAX {
            return;
        }
        let block = wanted.hashes.get(coin.height as usize);
        unspents.push(json!({
            "txid": txid.to_string(),
            "vout": vout,
            "scriptPubKey": hex::encode(coin.script_pubkey),
            "desc": text,
            "amount": paid(coin.value),
            "coinbase": coin.coinbase,
            "height": coin.height,
            "blockhash": block.map(BlockHash::to_string),
            "confirmations": wanted.height + 1 - coin.height.min(wanted.height),
        }));
    })?;
    Ok(json!({
        "success": true,
        "txouts": count,
        "height": wanted.height,
        "bestblock": wanted.tip.to_string(),
        "unspents": unspents,
        "total_amount": paid(total),
    }))
}
