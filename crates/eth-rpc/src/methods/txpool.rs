//! What waits: `txpool_*`.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::Address;
use quintet_eth_pool::{Content, PoolTransaction, Waiting};
use serde_json::{Map, Value, json};

use super::{Entry, transactions::waiting};
use crate::{
    answer::Answer,
    args::Args,
    error::EthResult,
    json::count,
    node::EthNode,
    schema::{Addr, Hash, Maybe, Object},
};

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry::light("txpool_status", "Counts waiting transactions.", status)
            .gives::<Object>("status", "How many are pending, how many queued."),
        Entry::heavy("txpool_content", "Lists waiting transactions by sender and nonce.", content)
            .gives::<Object>("content", "Pending and queued ones."),
        Entry::light(
            "txpool_contentFrom",
            "Lists a sender's waiting transactions by nonce.",
            content_from,
        )
        .param::<Addr>("address", "The sender.")
        .gives::<Object>("content", "Pending and queued ones."),
        Entry::heavy("txpool_inspect", "Lists waiting transactions in words.", inspect)
            .gives::<Object>("content", "Pending and queued ones."),
        Entry::light("txpool_reason", "Tells what a transaction waits for.", reason)
            .param::<Hash>("hash", "The transaction's hash.")
            .gives::<Maybe>("reason", "Where it stands and why; null if it is not in the pool."),
    ]
}

fn status(node: &EthNode, _: &Args) -> EthResult<Answer> {
    let status = node.pool.pool().status();
    Ok(json!({ "pending": count(status.pending), "queued": count(status.queued) }).into())
}

type Own = BTreeMap<u64, Arc<PoolTransaction>>;

fn by_nonce(own: &Own, write: fn(&PoolTransaction) -> Value) -> Value {
    let item = |(nonce, one): (&u64, &Arc<PoolTransaction>)| (nonce.to_string(), write(one));
    Value::Object(own.iter().map(item).collect())
}

fn by_sender(content: &Content, write: fn(&PoolTransaction) -> Value) -> Value {
    let item = |(sender, own): (&Address, &Own)| (sender.to_checksum(None), by_nonce(own, write));
    Value::Object(content.iter().map(item).collect::<Map<_, _>>())
}

fn all(node: &EthNode, write: fn(&PoolTransaction) -> Value) -> Value {
    // The lock is held for the copy of the lists, not while they are written.
    let (pending, queued) = node.pool.pool().content();
    json!({ "pending": by_sender(&pending, write), "queued": by_sender(&queued, write) })
}

fn content(node: &EthNode, _: &Args) -> EthResult<Answer> {
    Ok(all(node, waiting).into())
}

fn content_from(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let sender: Address = args.required(0)?;
    let (pending, queued) = node.pool.pool().content_from(&sender);
    Ok(json!({ "pending": by_nonce(&pending, waiting), "queued": by_nonce(&queued, waiting) })
        .into())
}

fn inspect(node: &EthNode, _: &Args) -> EthResult<Answer> {
    let words = |one: &PoolTransaction| {
        let fields = one.transaction().as_transaction();
        let to =
            fields.to().map_or_else(|| "contract creation".to_owned(), |to| to.to_checksum(None));
        json!(format!(
            "{to}: {} wei + {} gas × {} wei",
            fields.value(),
            fields.gas_limit(),
            fields.max_fee_per_gas()
        ))
    };
    Ok(all(node, words).into())
}

fn reason(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let hash = args.required(0)?;
    let Some(place) = node.pool.pool().place(&hash) else { return Ok(Value::Null.into()) };
    let words = match place.waiting {
        Waiting::Proposer => "nothing is in its way".to_owned(),
        Waiting::BaseFee { fee_cap, base_fee } => {
            format!("it pays at most {fee_cap} wei for each gas, the next block asks {base_fee}")
        }
        Waiting::BlobFee { fee_cap, blob_fee } => {
            format!(
                "it pays at most {fee_cap} wei for each blob gas, the next block asks {blob_fee}"
            )
        }
        Waiting::Nonce { expected } => format!("the sender's transaction {expected} is missing"),
        Waiting::Funds { balance, cost } => {
            format!("the sender has {balance} wei, it and those before it may cost {cost}")
        }
    };
    Ok(json!({ "pending": place.is_pending, "reason": words }).into())
}
