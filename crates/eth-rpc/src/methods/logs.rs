//! Logs and filters.

use alloy_primitives::{B256, U256};
use quintet_eth_chain::{
    BlockTag, ChainError, ChainReader, LogEntry, LogFilter, LogLimits, LogRange,
};
use quintet_rpc::code;
use serde_json::{Value, json};

use super::Entry;
use crate::{
    answer::Answer,
    args::{Args, BlockId, FilterArgs, FilterBlocks, TOPICS_MAX},
    deadline::Deadline,
    error::{EthError, EthResult, codes},
    filters::Looks,
    json::{LogPlace, log},
    node::{EthNode, Named as _},
    schema::{Filter, Flag, List, Uint},
};

/// Blocks searched between two looks at the time: as many as a section of the chain's filters has.
const LOG_STEP_BLOCKS: u64 = 4_096;

pub(super) fn entries() -> Vec<Entry> {
    let id = |entry: Entry| entry.gives::<Uint>("id", "The filter's id.");
    let of = |entry: Entry| {
        let entry = entry.param::<Uint>("id", "The filter's id.");
        entry
            .fails(codes::SERVER, "filter not found: it never was, or nobody asked for it for long")
    };
    vec![
        Entry::timed("eth_getLogs", "Searches logs.", get_logs)
            .param::<Filter>("filter", "Which logs.")
            .fails(
                code::INVALID_PARAMS,
                "the range is backwards, too long or beyond the head; or it has too many logs",
            )
            .fails(codes::SERVER, "there is no such block")
            .fails(codes::PRUNED, "its receipts are not kept any more")
            .gives::<List>("logs", "The logs, in the order of the chain."),
        id(Entry::light(
            "eth_newFilter",
            "Begins to gather logs for a client that polls.",
            new_filter,
        )
        .param::<Filter>("filter", "Which logs.")),
        id(Entry::light(
            "eth_newBlockFilter",
            "Begins to gather hashes of new blocks.",
            |node, _| Ok(node.filters.add(Looks::Blocks, node.now())?.into()),
        )),
        id(Entry::light(
            "eth_newPendingTransactionFilter",
            "Begins to gather pending transactions.",
            |node, args| {
                let full = args.optional(0)?.unwrap_or_default();
                Ok(node.filters.add(Looks::Pending { full }, node.now())?.into())
            },
        )
        .optional::<Flag>("full", "Whole transactions, not their hashes.")),
        of(Entry::light(
            "eth_getFilterChanges",
            "Returns what was gathered since the last call.",
            changes,
        ))
        .gives::<List>("changes", "Logs or hashes."),
        of(Entry::timed("eth_getFilterLogs", "Searches all logs of a filter.", filter_logs))
            .gives::<List>("logs", "The logs."),
        of(Entry::light("eth_uninstallFilter", "Ends a filter.", uninstall))
            .gives::<Flag>("ended", "Whether there was one."),
    ]
}

fn check(node: &EthNode, filter: &FilterArgs) -> EthResult<()> {
    let most = node.config.filter_items_max;
    if filter.widest() > most {
        return Err(EthError::params(format!(
            "filter has more than {most} addresses or topics in a place"
        )));
    }
    if filter.topics.len() > TOPICS_MAX {
        return Err(EthError::params("exceed max topics"));
    }
    Ok(())
}

fn get_logs(node: &EthNode, args: &Args) -> EthResult<Answer> {
    search(node, &args.required(0)?, args.deadline())
}

fn search(node: &EthNode, filter: &FilterArgs, deadline: &Deadline) -> EthResult<Answer> {
    let found = search_logs(node, &node.reader()?, filter, deadline)?;
    Ok(Value::Array(found.iter().map(written).collect()).into())
}

/// Searches logs, as long as there is time.
pub(crate) fn search_logs(
    node: &EthNode,
    reader: &ChainReader,
    filter: &FilterArgs,
    deadline: &Deadline,
) -> EthResult<Vec<LogEntry>> {
    check(node, filter)?;
    let limits = LogLimits { blocks: node.config.log_blocks_max, logs: node.config.logs_max };
    let head = reader.head().number;
    let (from, to) = match filter.blocks {
        FilterBlocks::Hash(hash) => {
            if reader.number_of(hash)?.is_none() {
                return Err(EthError::server("unknown block"));
            }
            return Ok(reader.logs(&wanted(filter), LogRange::Block(hash), &limits)?);
        }
        FilterBlocks::Range { from, to } => {
            let number = |id: Option<BlockId>| match id {
                None => Ok(head),
                Some(BlockId::Number(number)) => Ok(number),
                Some(id) => Ok::<_, EthError>(reader.needed(id)?.number),
            };
            (number(from)?, number(to)?)
        }
    };
    if from > to {
        return Err(EthError::params("invalid block range params"));
    }
    if to > head {
        return Err(EthError::params("block range extends beyond current head block"));
    }
    let blocks = to.saturating_sub(from).saturating_add(1);
    if blocks > limits.blocks {
        let most = limits.blocks;
        return Err(ChainError::RangeBlocks { most, actual: blocks }.into());
    }
    search_range(reader, &wanted(filter), (from, to), &limits, deadline)
}

/// Searches a range step by step, and looks at the time between steps.
fn search_range(
    reader: &ChainReader,
    wanted: &LogFilter,
    (from, to): (u64, u64),
    limits: &LogLimits,
    deadline: &Deadline,
) -> EthResult<Vec<LogEntry>> {
    let mut found = Vec::new();
    let mut first = from;
    while first <= to {
        deadline.check()?;
        // Steps end where the chain's own sections of filters end.
        let last = (first | (LOG_STEP_BLOCKS - 1)).min(to);
        let range = LogRange::Blocks { from: BlockTag::Number(first), to: BlockTag::Number(last) };
        let left = LogLimits { logs: limits.logs.saturating_sub(found.len()), ..*limits };
        let step = reader.logs(wanted, range, &left).map_err(|error| match error {
            ChainError::RangeLogs { upto, .. } => {
                ChainError::RangeLogs { most: limits.logs, from, upto }
            }
            other => other,
        })?;
        found.extend(step);
        first = last + 1;
    }
    Ok(found)
}

fn wanted(filter: &FilterArgs) -> LogFilter {
    let mut topics: [Vec<B256>; 4] = Default::default();
    for (place, asked) in topics.iter_mut().zip(&filter.topics) {
        place.clone_from(asked);
    }
    LogFilter { addresses: filter.addresses.clone(), topics }
}

fn written(entry: &LogEntry) -> Value {
    let place = LogPlace {
        block: Some(entry.block.hash),
        number: entry.block.number,
        timestamp: entry.timestamp,
        transaction: entry.transaction,
        transaction_index: entry.transaction_index,
        index: entry.log_index,
        removed: false,
    };
    log(&entry.log, &place)
}

fn new_filter(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let filter: FilterArgs = args.required(0)?;
    check(node, &filter)?;
    Ok(node.filters.add(Looks::Logs(Box::new(filter)), node.now())?.into())
}

fn id(args: &Args) -> EthResult<u128> {
    let id: U256 = args.required(0)?;
    u128::try_from(id).map_err(|_| EthError::server("filter not found"))
}

fn changes(node: &EthNode, args: &Args) -> EthResult<Answer> {
    Ok(node.filters.changes(id(args)?, node.now())?.into())
}

fn filter_logs(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let filter = node.filters.logs_of(id(args)?, node.now())?;
    search(node, &filter, args.deadline())
}

fn uninstall(node: &EthNode, args: &Args) -> EthResult<Answer> {
    Ok(json!(node.filters.remove(id(args)?)).into())
}
