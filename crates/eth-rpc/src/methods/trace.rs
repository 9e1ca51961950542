//! Transactions run again, their calls in a row: `trace_*`.
//!
//! **Spec:** OpenEthereum's `trace` module: `trace_block`, `trace_transaction`.

use alloy_primitives::B256;
use quintet_eth_chain::Replay;
use serde_json::Value;

use super::Entry;
use crate::{
    answer::Answer,
    args::{Args, BlockId},
    error::{EthError, EthResult, codes},
    node::{EthNode, Named as _},
    schema::{Block, Hash, Maybe},
    trace::{CallTracer, Position},
};

pub(super) fn entries() -> Vec<Entry> {
    let told = |entry: Entry| {
        entry
            .fails(codes::SERVER, "the trace is too long")
            .fails(codes::PRUNED, "the state before the block is not kept any more")
            .gives::<Maybe>(
                "traces",
                "Calls, in the order they began; null if there is no such thing.",
            )
    };
    vec![
        told(
            Entry::timed("trace_block", "Runs a block again and lists its calls.", block)
                .param::<Block>("block", "The block."),
        ),
        told(
            Entry::timed(
                "trace_transaction",
                "Runs a transaction again and lists its calls.",
                transaction,
            )
            .param::<Hash>("hash", "The transaction's hash."),
        ),
    ]
}

/// Runs the next transaction of a block and adds its calls; false if there is none.
fn trace_next(
    node: &EthNode,
    replay: &mut Replay<'_>,
    bytes_left: &mut usize,
    calls: &mut Vec<Value>,
) -> EthResult<bool> {
    let index = replay.position();
    let (block, number) = (replay.block().hash, replay.block().header().number);
    let mut tracer = CallTracer::whole(*bytes_left);
    let Some(step) = replay.inspect(Some(&mut tracer))? else { return Ok(false) };
    let at = Position { block, number, hash: step.hash, index };
    *bytes_left = tracer.flat(&at, calls, node.config.trace_bytes_max)?;
    Ok(true)
}

fn block(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let id: BlockId = args.required(0)?;
    let reader = node.reader()?;
    let Some(at) = reader.named(id)? else { return Ok(Value::Null.into()) };
    let mut calls = Vec::new();
    if at == reader.genesis() {
        return Ok(Value::Array(calls).into());
    }
    let mut bytes_left = node.config.trace_bytes_max;
    reader.replay(at.hash, |replay| {
        while trace_next(node, replay, &mut bytes_left, &mut calls)? {
            args.deadline().check()?;
        }
        Ok::<_, EthError>(())
    })??;
    Ok(Value::Array(calls).into())
}

fn transaction(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let hash: B256 = args.required(0)?;
    let reader = node.reader()?;
    let Some(place) = reader.transaction(hash)? else { return Ok(Value::Null.into()) };
    let mut calls = Vec::new();
    let mut bytes_left = node.config.trace_bytes_max;
    reader.replay(place.block.hash, |replay| {
        // Step by step, to look at the time between.
        for before in 1..=place.index {
            args.deadline().check()?;
            replay.skip_to(before)?;
        }
        trace_next(node, replay, &mut bytes_left, &mut calls)
    })??;
    Ok(Value::Array(calls).into())
}
