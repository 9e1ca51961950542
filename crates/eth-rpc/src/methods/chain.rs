//! Blocks.

use std::sync::Arc;

use quintet_eth_chain::{BlockRef, ChainReader, SealedBlock};
use quintet_evm::header::blobs::price_of;
use serde_json::{Value, json};

use super::Entry;
use crate::{
    answer::Answer,
    args::{Args, BlockId, Quantity},
    error::EthResult,
    json::{self, count, quantity},
    node::{EthNode, Named as _},
    schema::{Block, Flag, Hash, Maybe, MaybeList, Uint},
};

pub(super) fn entries() -> Vec<Entry> {
    let block = |entry: Entry| entry.gives::<Maybe>("block", "The block; null if there is none.");
    let number = |entry: Entry| entry.param::<Block>("block", "The block.");
    let hash = |entry: Entry| entry.param::<Hash>("hash", "The block's hash.");
    let count =
        |entry: Entry| entry.gives::<Uint>("count", "How many; null if there is no such block.");
    let index = |entry: Entry| entry.param::<Uint>("index", "Its index in the block.");
    vec![
        Entry::light("eth_blockNumber", "Tells the head's number.", block_number)
            .gives::<Uint>("number", "The number."),
        block(
            number(Entry::heavy("eth_getBlockByNumber", "Returns a block.", get_block))
                .optional::<Flag>("full", "Whole transactions, not their hashes."),
        ),
        block(
            hash(Entry::heavy("eth_getBlockByHash", "Returns a block.", get_block))
                .optional::<Flag>("full", "Whole transactions, not their hashes."),
        ),
        block(number(Entry::light("eth_getHeaderByNumber", "Returns a header.", get_header))),
        block(hash(Entry::light("eth_getHeaderByHash", "Returns a header.", get_header))),
        count(number(Entry::light(
            "eth_getBlockTransactionCountByNumber",
            "Counts a block's transactions.",
            transactions,
        ))),
        count(hash(Entry::light(
            "eth_getBlockTransactionCountByHash",
            "Counts a block's transactions.",
            transactions,
        ))),
        count(number(Entry::light(
            "eth_getUncleCountByBlockNumber",
            "Counts a block's uncles.",
            uncles,
        ))),
        count(hash(Entry::light(
            "eth_getUncleCountByBlockHash",
            "Counts a block's uncles.",
            uncles,
        ))),
        block(index(number(Entry::light(
            "eth_getUncleByBlockNumberAndIndex",
            "Returns an uncle.",
            uncle,
        )))),
        block(index(hash(Entry::light(
            "eth_getUncleByBlockHashAndIndex",
            "Returns an uncle.",
            uncle,
        )))),
        number(Entry::heavy(
            "eth_getBlockReceipts",
            "Returns what a block's transactions did.",
            receipts,
        ))
        .gives::<MaybeList>("receipts", "Receipts; null if there is no such block."),
    ]
}

fn block_number(node: &EthNode, _: &Args) -> EthResult<Answer> {
    Ok(quantity(node.chain.head().number).into())
}

/// Finds the block that the first parameter names.
pub(super) fn first_block(
    reader: &ChainReader,
    args: &Args,
) -> EthResult<Option<Arc<SealedBlock>>> {
    let id: BlockId = args.required(0)?;
    match reader.named(id)? {
        Some(BlockRef { hash, .. }) => Ok(Some(reader.sealed(hash)?)),
        None => Ok(None),
    }
}

fn get_block(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let id: BlockId = args.required(0)?;
    let full = args.optional(1)?.unwrap_or_default();
    if id == BlockId::Pending {
        return pending(node, full);
    }
    let block = first_block(&node.reader()?, args)?;
    Ok(block.map_or(Value::Null, |block| json::block(&block, full)).into())
}

/// The block that would come next: built of the pool, without what only a finished block has.
fn pending(node: &EthNode, full: bool) -> EthResult<Answer> {
    let built = super::testing::build_pending(node)?;
    let mut out = json::fields(json::block(built.block(), full));
    for name in ["hash", "nonce", "miner"] {
        out.insert(name.to_owned(), Value::Null);
    }
    Ok(Value::Object(out).into())
}

fn get_header(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let id: BlockId = args.required(0)?;
    let reader = node.reader()?;
    let Some(at) = reader.named(id)? else { return Ok(Value::Null.into()) };
    let header = reader.header(at.hash)?;
    Ok(header.map_or(Value::Null, |header| Value::Object(json::header(&header, at.hash))).into())
}

fn transactions(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let block = first_block(&node.reader()?, args)?;
    Ok(block.map_or(Value::Null, |block| count(block.transactions().len())).into())
}

fn uncles(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let block = first_block(&node.reader()?, args)?;
    Ok(block.map_or(Value::Null, |block| count(block.block.body.ommers.len())).into())
}

fn uncle(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let Quantity(index) = args.required(1)?;
    let block = first_block(&node.reader()?, args)?;
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    let uncle = block.as_ref().and_then(|block| block.block.body.ommers.get(index));
    Ok(uncle.map_or(Value::Null, json::uncle).into())
}

/// Returns the price of blob gas in a block.
pub(crate) fn blob_price(reader: &ChainReader, block: &SealedBlock) -> EthResult<Option<u128>> {
    let Some(excess) = block.header().excess_blob_gas else { return Ok(None) };
    let blobs = reader.rules_of(block.header())?.blobs;
    Ok(blobs.map(|blobs| price_of(&blobs, excess)))
}

fn receipts(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let id: BlockId = args.required(0)?;
    let reader = node.reader()?;
    let Some(at) = reader.named(id)? else { return Ok(Value::Null.into()) };
    let Some((block, receipts)) = reader.block_with_receipts(at.hash)? else {
        return Ok(Value::Null.into());
    };
    let price = blob_price(&reader, &block)?;
    Ok(json!(json::receipts(&block, &receipts, price)).into())
}
