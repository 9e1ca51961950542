//! Transactions: found, and sent.

use std::sync::Arc;

use alloy_primitives::{B256, Bytes, U256};
use quintet_eth_chain::TransactionPlace;
use quintet_eth_pool::PoolTransaction;
use serde_json::{Value, json};

use super::{
    Entry,
    chain::{blob_price, first_block},
};
use crate::{
    answer::Answer,
    args::{Args, Quantity},
    error::{EthError, EthResult, codes},
    json::{self, TxPlace, data},
    node::EthNode,
    schema::{Block, Data, Hash, List, Maybe, Uint},
};

pub(super) fn entries() -> Vec<Entry> {
    let hash = |entry: Entry| entry.param::<Hash>("hash", "The transaction's hash.");
    let index = |entry: Entry| entry.param::<Uint>("index", "Its index in the block.");
    let by_number = |entry: Entry| index(entry.param::<Block>("block", "The block."));
    let by_hash = |entry: Entry| index(entry.param::<Hash>("block", "The block's hash."));
    let found = |entry: Entry| {
        entry.gives::<Maybe>("transaction", "The transaction; null if there is none.")
    };
    let raw = |entry: Entry| {
        entry.gives::<Data>("bytes", "The transaction's encoding; null or 0x if there is none.")
    };
    vec![
        found(hash(Entry::light(
            "eth_getTransactionByHash",
            "Returns a transaction, mined or waiting.",
            by_its_hash,
        ))),
        found(by_number(Entry::light(
            "eth_getTransactionByBlockNumberAndIndex",
            "Returns a transaction of a block.",
            by_index,
        ))),
        found(by_hash(Entry::light(
            "eth_getTransactionByBlockHashAndIndex",
            "Returns a transaction of a block.",
            by_index,
        ))),
        raw(hash(Entry::light(
            "eth_getRawTransactionByHash",
            "Returns a transaction's encoding.",
            raw_by_hash,
        ))),
        raw(by_number(Entry::light(
            "eth_getRawTransactionByBlockNumberAndIndex",
            "Returns the encoding of a transaction of a block.",
            raw_by_index,
        ))),
        raw(by_hash(Entry::light(
            "eth_getRawTransactionByBlockHashAndIndex",
            "Returns the encoding of a transaction of a block.",
            raw_by_index,
        ))),
        hash(Entry::light("eth_getTransactionReceipt", "Returns what a transaction did.", receipt))
            .gives::<Maybe>("receipt", "The receipt; null if the transaction is not in a block."),
        Entry::heavy(
            "eth_sendRawTransaction",
            "Takes a signed transaction, with its blobs if it has some.",
            send,
        )
        .param::<Data>("bytes", "The transaction as it travels.")
        .fails(codes::SERVER, "the pool does not take it: nonce too low, insufficient funds, underpriced, already known and the like")
        .gives::<Hash>("hash", "Its hash."),
        Entry::light(
            "eth_pendingTransactions",
            "Lists waiting transactions of this node's own accounts: none.",
            |_, _| Ok(Value::Array(Vec::new()).into()),
        )
        .gives::<List>("transactions", "Nothing."),
    ]
}

fn mined(place: &TransactionPlace) -> Value {
    let found = place.block.transaction(place.index);
    found.map_or(Value::Null, |(transaction, sender)| {
        let at = TxPlace::of(&place.block, place.index);
        json::transaction(transaction, Some(sender), Some(&at))
    })
}

/// Writes a transaction that waits.
pub(super) fn waiting(transaction: &PoolTransaction) -> Value {
    json::transaction(transaction.transaction(), Some(transaction.sender()), None)
}

fn by_its_hash(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let hash: B256 = args.required(0)?;
    if let Some(place) = node.reader()?.transaction(hash)? {
        return Ok(mined(&place).into());
    }
    let pooled: Option<Arc<PoolTransaction>> = node.pool.transaction(&hash);
    Ok(pooled.map_or(Value::Null, |one| waiting(&one)).into())
}

/// Finds the transaction of a block that the parameters name.
fn indexed(node: &EthNode, args: &Args) -> EthResult<Option<TransactionPlace>> {
    let Quantity(index) = args.required(1)?;
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    let block = first_block(&node.reader()?, args)?;
    let block = block.filter(|block| index < block.transactions().len());
    Ok(block.map(|block| TransactionPlace { block, index }))
}

fn by_index(node: &EthNode, args: &Args) -> EthResult<Answer> {
    Ok(indexed(node, args)?.as_ref().map_or(Value::Null, mined).into())
}

fn raw(place: &TransactionPlace) -> Value {
    let transaction = place.block.transactions().get(place.index);
    transaction.map_or(Value::Null, |one| data(&one.encoded()))
}

/// Finds a transaction's encoding, mined or waiting.
pub(super) fn raw_of(node: &EthNode, hash: B256) -> EthResult<Value> {
    if let Some(place) = node.reader()?.transaction(hash)? {
        return Ok(raw(&place));
    }
    let pooled = node.pool.raw(&hash);
    Ok(pooled.map_or(Value::Null, |bytes| data(&bytes)))
}

fn raw_by_hash(node: &EthNode, args: &Args) -> EthResult<Answer> {
    Ok(raw_of(node, args.required(0)?)?.into())
}

fn raw_by_index(node: &EthNode, args: &Args) -> EthResult<Answer> {
    Ok(indexed(node, args)?.as_ref().map_or(Value::Null, raw).into())
}

fn receipt(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let hash: B256 = args.required(0)?;
    let reader = node.reader()?;
    let Some(TransactionPlace { block, index }) = reader.transaction(hash)? else {
        return Ok(Value::Null.into());
    };
    let Some((block, receipts)) = reader.block_with_receipts(block.hash)? else {
        return Ok(Value::Null.into());
    };
    let Some(one) = receipts.get(index) else { return Ok(Value::Null.into()) };
    let first_log = receipts.iter().take(index).map(|before| before.logs.len()).sum();
    let price = blob_price(&reader, &block)?;
    Ok(json::receipt(&block, index, one, first_log, price).into())
}

fn send(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let bytes: Bytes = args.required(0)?;
    Ok(json!(submit(node, &bytes)?).into())
}

/// Takes a client's transaction and returns its hash.
pub(crate) fn submit(node: &EthNode, bytes: &[u8]) -> EthResult<B256> {
    let decoded = node.pool.read(bytes)?;
    if !decoded.is_replay_protected() && !node.config.allow_unprotected {
        return Err(EthError::server(
            "only replay-protected (EIP-155) transactions allowed over RPC",
        ));
    }
    let cap = U256::from(node.config.fee_cap_wei);
    let cost = decoded.gas_cost();
    if !cap.is_zero() && cost > cap {
        return Err(EthError::server(format!(
            "tx fee ({} ether) exceeds the configured cap ({} ether)",
            ether(cost),
            ether(cap)
        )));
    }
    let hash = decoded.hash();
    node.pool.submit(decoded)?;
    Ok(hash)
}

/// Writes wei as ether with two digits.
fn ether(wei: U256) -> String {
    let hundredths = wei / U256::from(10_000_000_000_000_000_u64);
    let (whole, part) = hundredths.div_rem(U256::from(100));
    format!("{whole}.{part:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ether_has_two_digits() {
        assert_eq!(ether(U256::from(1_050_000_000_000_000_000_u64)), "1.05");
        assert_eq!(ether(U256::ZERO), "0.00");
    }
}
