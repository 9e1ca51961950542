//! Encodings, and transactions run again: `debug_*`.

use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{B256, hex};
use quintet_eth_chain::{BlockRef, ChainReader, Replay};
use serde_json::{Value, json};

use super::{
    Entry,
    call::{Prepared, capped},
    chain::first_block,
    transactions::raw_of,
};
use crate::{
    answer::Answer,
    args::{Args, BlockId, CallArgs, field},
    error::{EthError, EthResult, codes},
    json::data,
    node::{EthNode, Named as _},
    schema::{Block, Call, Data, Hash, List, Object},
    trace::{TraceConfig, Tracer},
};

pub(super) fn entries() -> Vec<Entry> {
    let block = |entry: Entry| entry.param::<Block>("block", "The block.");
    let options = |entry: Entry| {
        entry.optional::<Object>("options", "tracer, tracerConfig; or disableStack, disableStorage, enableMemory, enableReturnData, limit.")
    };
    let traces = |entry: Entry| {
        options(entry)
            .reads_state()
            .fails(codes::SERVER, "the block is the genesis block, or its traces are too long")
            .gives::<List>("traces", "A trace for each transaction.")
    };
    vec![
        block(Entry::heavy("debug_getRawBlock", "Returns a block's encoding.", raw_block))
            .gives::<Data>("bytes", "RLP."),
        block(Entry::heavy("debug_getRawHeader", "Returns a header's encoding.", raw_header))
            .gives::<Data>("bytes", "RLP."),
        block(Entry::heavy(
            "debug_getRawReceipts",
            "Returns encodings of a block's receipts.",
            raw_receipts,
        ))
        .gives::<List>("receipts", "Encodings as in EIP-2718."),
        Entry::heavy(
            "debug_getRawTransaction",
            "Returns a transaction's encoding.",
            |node, args| {
                let raw = raw_of(node, args.required(0)?)?;
                Ok(if raw.is_null() { json!("0x").into() } else { raw.into() })
            },
        )
        .param::<Hash>("hash", "The transaction's hash.")
        .gives::<Data>("bytes", "Its encoding."),
        Entry::light("debug_getBadBlocks", "Lists blocks that were bad: none are kept.", |_, _| {
            Ok(Value::Array(Vec::new()).into())
        })
        .gives::<List>("blocks", "Nothing."),
        options(
            Entry::timed(
                "debug_traceTransaction",
                "Runs a transaction again under watch.",
                trace_transaction,
            )
            .param::<Hash>("hash", "The transaction's hash."),
        )
        .fails(codes::SERVER, "transaction not found, or its trace is too long")
        .fails(codes::PRUNED, "the state before its block is not kept any more")
        .gives::<Object>("trace", "What was seen."),
        traces(block(Entry::timed(
            "debug_traceBlockByNumber",
            "Runs a block again under watch.",
            trace_block,
        ))),
        traces(
            Entry::timed("debug_traceBlockByHash", "Runs a block again under watch.", trace_block)
                .param::<Hash>("hash", "The block's hash."),
        ),
        options(
            Entry::timed("debug_traceCall", "Runs a call under watch.", trace_call)
                .param::<Call>("call", "The call.")
                .param::<Block>("block", "After which block."),
        )
        .reads_state()
        .fails(codes::SERVER, "it cannot run, or its trace is too long")
        .gives::<Object>("trace", "What was seen."),
    ]
}

fn needed(node: &EthNode, args: &Args) -> EthResult<(ChainReader, BlockRef)> {
    let id: BlockId = args.required(0)?;
    let reader = node.reader()?;
    let at = reader.needed(id)?;
    Ok((reader, at))
}

fn raw_block(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let block = first_block(&node.reader()?, args)?;
    let block = block.ok_or_else(|| EthError::server("block not found"))?;
    Ok(data(&alloy_rlp::encode(&block.block)).into())
}

fn raw_header(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let (reader, at) = needed(node, args)?;
    let header = reader.header(at.hash)?;
    let header = header.ok_or_else(|| EthError::server("header not found"))?;
    Ok(data(&alloy_rlp::encode(&header)).into())
}

fn raw_receipts(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let (reader, at) = needed(node, args)?;
    let receipts = reader.receipts(at.hash)?;
    let receipts = receipts.ok_or_else(|| EthError::server("header not found"))?;
    let encoded = receipts.iter().map(|one| data(&one.encoded_2718()));
    Ok(Value::Array(encoded.collect()).into())
}

/// Runs the next transaction of a block under watch and tells what was seen.
fn trace_next(
    node: &EthNode,
    replay: &mut Replay<'_>,
    config: &TraceConfig,
) -> EthResult<Option<(B256, String)>> {
    let index = replay.position();
    let Some(transaction) = replay.block().transactions().get(index) else { return Ok(None) };
    let gas_limit = transaction.as_transaction().gas_limit();
    let mut tracer = Tracer::new(config, &node.config);
    let Some(step) = replay.inspect(Some(&mut tracer))? else { return Ok(None) };
    let session = std::cell::RefCell::new(replay.session());
    let code_of = |hash: B256| {
        let code = session.borrow_mut().code(hash);
        code.map_err(|error| EthError::internal("reading code", &error))
    };
    let text = tracer.finish(&step.called, gas_limit, &code_of)?;
    Ok(Some((step.hash, text)))
}

fn trace_transaction(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let hash: B256 = args.required(0)?;
    let config = args.optional(1)?.unwrap_or_default();
    let reader = node.reader()?;
    let place = reader.transaction(hash)?;
    let place = place.ok_or_else(|| EthError::server("transaction not found"))?;
    let traced = reader.replay(place.block.hash, |replay| {
        // Step by step, to look at the time between.
        for before in 1..=place.index {
            args.deadline().check()?;
            replay.skip_to(before)?;
        }
        trace_next(node, replay, &config)
    })??;
    let (_, text) = traced.ok_or_else(|| EthError::server("transaction not found"))?;
    Answer::raw(text)
}

fn trace_block(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let (reader, at) = needed(node, args)?;
    let config = args.optional(1)?.unwrap_or_default();
    if at == reader.genesis() {
        return Err(EthError::server("genesis is not traceable"));
    }
    let most = node.config.trace_bytes_max;
    let text = reader.replay(at.hash, |replay| {
        let mut out = String::from("[");
        while let Some((hash, text)) = trace_next(node, replay, &config)? {
            args.deadline().check()?;
            if out.len() > 1 {
                out.push(',');
            }
            out.push_str(r#"{"txHash":""#);
            out.push_str(&hex::encode_prefixed(hash));
            out.push_str(r#"","result":"#);
            out.push_str(&text);
            out.push('}');
            if out.len() > most {
                return Err(EthError::server(format!(
                    "traces are longer than {most} bytes: trace single transactions"
                )));
            }
        }
        out.push(']');
        Ok(out)
    })??;
    Answer::raw(text)
}

fn trace_call(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let call: CallArgs = args.required(0)?;
    let block: BlockId = args.required(1)?;
    let options: Option<Value> = args.optional(2)?;
    let config = args.optional(2)?.unwrap_or_default();
    let fields = options.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
    let invalid = |reason| EthError::params(format!("invalid argument 2: {reason}"));
    let overrides = field(&fields, "stateOverrides").map_err(invalid)?.unwrap_or_default();
    let header = field(&fields, "blockOverrides").map_err(invalid)?.unwrap_or_default();
    let reader = node.reader()?;
    let Prepared { simulator, mut call } =
        Prepared::new(node, &reader, &call, block, overrides, header)?;
    call.gas_limit = capped(node, call.gas_limit);
    let mut tracer = Tracer::new(&config, &node.config);
    let called = simulator.call(&call, Some(&mut tracer))?;
    let text = simulator.with_session(|session| {
        let session = std::cell::RefCell::new(session);
        let code_of = |hash: B256| {
            let code = session.borrow_mut().code(hash);
            code.map_err(|error| EthError::internal("reading code", &error))
        };
        tracer.finish(&called, call.gas_limit, &code_of)
    })??;
    Answer::raw(text)
}
