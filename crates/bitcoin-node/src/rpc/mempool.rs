//! Methods about the pool.

use bitcoin::Txid;
use serde_json::{Map, Value, json};

use super::{
    args::Args,
    fault::{Answer, Failure, code},
};
use crate::{
    kernel::Kernel,
    mempool::{Entry, Mempool},
    shown::{amount, paid},
};

pub(super) fn getmempoolinfo(kernel: &mut Kernel, _: &Args) -> Answer {
    let pool = &kernel.mempool;
    let policy = &pool.options().policy;
    let bytes: u64 = pool.iter().map(Entry::vsize).sum();
    let fees: u64 = pool.iter().map(|entry| entry.fee).sum();
    Ok(json!({
        "loaded": pool.loaded,
        "size": pool.len(),
        "bytes": bytes,
        "usage": pool.memory(),
        "total_fee": paid(fees),
        "maxmempool": pool.options().bytes_max,
        "mempoolminfee": amount(pool.fee_floor()),
        "minrelaytxfee": paid(policy.relay_min.0),
        "incrementalrelayfee": paid(policy.incremental.0),
        "unbroadcastcount": 0,
        "fullrbf": true,
        "permitbaremultisig": policy.bare_multisig,
        "maxdatacarriersize": policy.data_bytes_max.unwrap_or(0),
        "limitclustercount": crate::mempool::CLUSTER_MAX,
        "limitclustersize": crate::mempool::CLUSTER_VSIZE_MAX,
        "optimal": false,
    }))
}

fn describe(pool: &Mempool, entry: &Entry) -> Value {
    let txid = entry.txid();
    let sum = |txids: &std::collections::BTreeSet<Txid>| {
        txids.iter().filter_map(|txid| pool.get(txid)).fold((0_u64, 0_i64), |(size, fee), entry| {
            (size + entry.vsize(), fee.saturating_add(entry.fraction().fee))
        })
    };
    let (ancestors, descendants) = (pool.with_ancestors([txid]), pool.with_descendants([txid]));
    let ((ancestor_size, ancestor_fee), (descendant_size, descendant_fee)) =
        (sum(&ancestors), sum(&descendants));
    let chunk = pool.chunk_of(&txid).map(|chunk| chunk.fraction).unwrap_or_default();
    json!({
        "vsize": entry.vsize(),
        "weight": entry.tx().weight(),
        "time": entry.time,
        "height": entry.height,
        "descendantcount": descendants.len(),
        "descendantsize": descendant_size,
        "ancestorcount": ancestors.len(),
        "ancestorsize": ancestor_size,
        "chunkweight": chunk.size * 4,
        "wtxid": entry.wtxid().to_string(),
        "fees": {
            "base": paid(entry.fee),
            "modified": amount(entry.fraction().fee),
            "ancestor": amount(ancestor_fee),
            "descendant": amount(descendant_fee),
            "chunk": amount(chunk.fee),
        },
        "depends": entry.parents().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "spentby": entry.children().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "bip125-replaceable": true,
        "unbroadcast": false,
    })
}

fn find<'a>(kernel: &'a Kernel, args: &Args) -> Result<&'a Entry, Failure> {
    let txid: Txid = args.hash(0, "txid")?;
    let missing = || Failure::new(code::ADDRESS_OR_KEY, "Transaction not in mempool");
    kernel.mempool.get(&txid).ok_or_else(missing)
}

pub(super) fn getmempoolentry(kernel: &mut Kernel, args: &Args) -> Answer {
    let entry = find(kernel, args)?;
    Ok(describe(&kernel.mempool, entry))
}

fn relatives(kernel: &Kernel, args: &Args, ancestors: bool) -> Answer {
    let txid = find(kernel, args)?.txid();
    let pool = &kernel.mempool;
    let mut found =
        if ancestors { pool.with_ancestors([txid]) } else { pool.with_descendants([txid]) };
    found.remove(&txid);
    let entries = found.iter().filter_map(|txid| pool.get(txid));
    if args.flag_or(1, false)? {
        let fields = entries.map(|entry| (entry.txid().to_string(), describe(pool, entry)));
        Ok(fields.collect::<Map<_, _>>().into())
    } else {
        Ok(entries.map(|entry| json!(entry.txid().to_string())).collect())
    }
}

pub(super) fn getmempoolancestors(kernel: &mut Kernel, args: &Args) -> Answer {
    relatives(kernel, args, true)
}

pub(super) fn getmempooldescendants(kernel: &mut Kernel, args: &Args) -> Answer {
    relatives(kernel, args, false)
}

pub(super) fn getrawmempool(kernel: &mut Kernel, args: &Args) -> Answer {
    let (verbose, with_sequence) = (args.flag_or(0, false)?, args.flag_or(1, false)?);
    let pool = &kernel.mempool;
    if verbose && with_sequence {
        let message = "Verbose results cannot contain mempool sequence values.";
        return Err(Failure::new(code::PARAMETER, message));
    }
    if verbose {
        let fields = pool.iter().map(|entry| (entry.txid().to_string(), describe(pool, entry)));
        return Ok(fields.collect::<Map<_, _>>().into());
    }
    let txids: Value =
        pool.chunks().flat_map(|chunk| &chunk.txids).map(|txid| json!(txid.to_string())).collect();
    if with_sequence {
        return Ok(json!({ "txids": txids, "mempool_sequence": pool.sequence() }));
    }
    Ok(txids)
}

pub(super) fn savemempool(kernel: &mut Kernel, _: &Args) -> Answer {
    let written = kernel.write_mempool();
    let path = written.map_err(|error| Failure::new(code::MISC, error.to_string()))?;
    Ok(json!({ "filename": path.display().to_string() }))
}

pub(super) fn prioritisetransaction(kernel: &mut Kernel, args: &Args) -> Answer {
    let txid: Txid = args.hash(0, "txid")?;
    if args.get(1).and_then(Value::as_f64).is_some_and(|dummy| dummy != 0.0) {
        let message =
            "Priority is no longer supported, dummy argument to prioritisetransaction must be 0.";
        return Err(Failure::new(code::PARAMETER, message));
    }
    kernel.mempool.prioritise(txid, args.integer(2)?);
    Ok(json!(true))
}
