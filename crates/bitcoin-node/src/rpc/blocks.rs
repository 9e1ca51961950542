//! Methods about single blocks and coins.

use bitcoin::{BlockHash, OutPoint, Txid};
use quintet_bitcoin_protocol::{
    address::Prefixes, block::encode_header, coins::stats::SetHash, header::HeaderId,
};
use quintet_primitives::hex;
use serde_json::{Value, json};

use super::{
    args::Args,
    fault::{Answer, Failure, code},
};
use crate::{
    kernel::Kernel,
    shown::{self, paid, script},
};

impl Kernel {
    /// Returns the first characters of this network's addresses.
    pub(super) fn prefixes(&self) -> Option<&'static Prefixes> {
        Prefixes::of(&self.params.name)
    }

    /// Returns a block's number by its hash, if it is known.
    fn find_block(&self, hash: &BlockHash) -> Result<HeaderId, Failure> {
        let missing = || Failure::new(code::ADDRESS_OR_KEY, "Block not found");
        self.chain.headers().find(hash).ok_or_else(missing)
    }
}

pub(super) fn getblockcount(kernel: &mut Kernel, _: &Args) -> Answer {
    Ok(json!(kernel.chain.height()))
}

pub(super) fn getbestblockhash(kernel: &mut Kernel, _: &Args) -> Answer {
    Ok(json!(kernel.chain.tip_hash().to_string()))
}

pub(super) fn getblockhash(kernel: &mut Kernel, args: &Args) -> Answer {
    let height = u32::try_from(args.integer(0)?).ok();
    let found = height.and_then(|height| kernel.chain.active().at(height));
    let out_of_range = || Failure::new(code::PARAMETER, "Block height out of range");
    let id = found.ok_or_else(out_of_range)?;
    Ok(json!(kernel.chain.headers().hash(id).to_string()))
}

pub(super) fn getblockheader(kernel: &mut Kernel, args: &Args) -> Answer {
    let id = kernel.find_block(&args.hash(0, "hash")?)?;
    if args.flag_or(1, true)? {
        Ok(shown::header(&kernel.chain, id).into())
    } else {
        Ok(json!(hex::encode(&encode_header(&kernel.chain.headers().header(id)))))
    }
}

pub(super) fn getblock(kernel: &mut Kernel, args: &Args) -> Answer {
    let id = kernel.find_block(&args.hash(0, "blockhash")?)?;
    let verbosity = args.verbosity(1, 1)?;
    if !kernel.chain.has_data(id).0 {
        let why = if kernel.chain.is_pruned(id) { "pruned data" } else { "not fully downloaded" };
        return Err(Failure::new(code::MISC, format!("Block not available ({why})")));
    }
    let block = kernel.chain.read_block(id)?;
    if verbosity <= 0 {
        return Ok(json!(hex::encode(block.bytes())));
    }
    let spent = if verbosity >= 2 && kernel.chain.has_data(id).1 {
        Some(kernel.chain.read_undo(id)?)
    } else {
        None
    };
    Ok(shown::block(&kernel.chain, id, &block, spent.as_ref(), verbosity).into())
}

pub(super) fn gettxout(kernel: &mut Kernel, args: &Args) -> Answer {
    let txid: Txid = args.hash(0, "txid")?;
    let vout = u32::try_from(args.integer(1)?)
        .map_err(|_| Failure::new(code::PARAMETER, "vout out of range"))?;
    let with_pool = args.flag_or(2, true)?;
    let outpoint = OutPoint { txid, vout };
    let best = kernel.chain.tip_hash().to_string();
    let prefixes = kernel.prefixes();
    if with_pool {
        if kernel.mempool.spender(&outpoint).is_some() {
            return Ok(Value::Null);
        }
        if let Some(entry) = kernel.mempool.get(&txid) {
            let found = entry.tx().output(vout as usize);
            return Ok(found.map_or(Value::Null, |output| {
                json!({
                    "bestblock": best,
                    "confirmations": 0,
                    "value": shown::amount(output.value),
                    "scriptPubKey": script(output.script_pubkey, prefixes),
                    "coinbase": false,
                })
            }));
        }
    }
    let height = kernel.chain.height();
    Ok(kernel.chain.coin(&outpoint)?.map_or(Value::Null, |coin| {
        json!({
            "bestblock": best,
            "confirmations": height + 1 - coin.height.min(height),
            "value": paid(coin.value),
            "scriptPubKey": script(&coin.script_pubkey, prefixes),
            "coinbase": coin.coinbase,
        })
    }))
}

pub(super) fn gettxoutsetinfo(kernel: &mut Kernel, args: &Args) -> Answer {
    let kind = args.text_or(0, "hash_serialized_3")?;
    if args.get(1).is_some() {
        return Err(Failure::new(
            code::PARAMETER,
            "Querying specific block heights requires coinstatsindex",
        ));
    }
    let hash = match kind {
        "hash_serialized_3" => SetHash::Serialized,
        "muhash" => SetHash::MuHash,
        "none" => SetHash::None,
        other => {
            return Err(Failure::new(
                code::PARAMETER,
                format!("'{other}' is not a valid hash_type"),
            ));
        }
    };
    let walked = kernel.chain.coin_stats(hash, &mut |_| std::ops::ControlFlow::Continue(()));
    let stats = walked.map_err(|error| Failure::new(code::DATABASE, error.to_string()))?;
    let mut fields = serde_json::Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("height", json!(kernel.chain.height()));
    put("bestblock", json!(kernel.chain.tip_hash().to_string()));
    put("txouts", json!(stats.outputs));
    put("bogosize", json!(stats.bogosize));
    put("transactions", json!(stats.transactions));
    put("total_amount", paid(stats.amount.unwrap_or_default()));
    if let Some(hash) = stats.hash {
        let mut shown = hash;
        shown.reverse();
        put(kind, json!(hex::encode(&shown)));
    }
    Ok(fields.into())
}

pub(super) fn invalidateblock(kernel: &mut Kernel, args: &Args) -> Answer {
    let id = kernel.find_block(&args.hash(0, "blockhash")?)?;
    kernel.chain.invalidate(id)?;
    kernel.chain_changed()?;
    Ok(Value::Null)
}

pub(super) fn reconsiderblock(kernel: &mut Kernel, args: &Args) -> Answer {
    let id = kernel.find_block(&args.hash(0, "blockhash")?)?;
    kernel.chain.reconsider(id)?;
    kernel.chain_changed()?;
    Ok(Value::Null)
}

pub(super) fn preciousblock(kernel: &mut Kernel, args: &Args) -> Answer {
    let id = kernel.find_block(&args.hash(0, "blockhash")?)?;
    kernel.chain.precious(id)?;
    kernel.chain_changed()?;
    Ok(Value::Null)
}
