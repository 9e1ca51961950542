//! Blocks that are not there: `eth_simulateV1`.
//!
//! ```text
//!   payload ─► sanitise (numbers, times, gaps filled) ─► for each block:
//!                header of its parent ─► overrides ─► system calls ─► calls ─► requests, withdrawals ─► roots, hash
//!                                            │
//!        base state ─ Layered: what blocks before it changed ─┘
//! ```
//!
//! # Invariants
//!
//! - All blocks and calls together use at most the gas cap; blocks and calls are bounded in number.
//! - A block's hash is that of a real block with these contents: its roots are computed.
//!
//! **Spec:** execution-apis, `eth_simulateV1`; go-ethereum's `internal/ethapi/simulate.go`.

mod block;
mod calls;
mod layered;
mod logs;

use alloy_consensus::Header;
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::U256;
use serde_json::Value;

use self::block::Simulation;
use crate::{
    answer::Answer,
    args::{Args, BlockOverrides, CallArgs, FromArg, StateOverrides, field, object},
    error::{EthError, EthResult, codes},
    node::{EthNode, Named as _},
};

/// Seconds from a block to the next where nothing is said. **Spec:** go-ethereum's `timestampIncrement`.
const SECONDS: u64 = 12;

/// One block as a client describes it.
#[derive(Debug, Clone, Default)]
struct Wanted {
    fields: BlockOverrides,
    accounts: StateOverrides,
    calls: Vec<CallArgs>,
}

impl FromArg for Wanted {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let fields = object(value, "ethapi.simBlock")?;
        Ok(Self {
            fields: field(fields, "blockOverrides")?.unwrap_or_default(),
            accounts: field(fields, "stateOverrides")?.unwrap_or_default(),
            calls: field(fields, "calls")?.unwrap_or_default(),
        })
    }
}

/// What a client asks for.
#[derive(Debug, Clone, Default)]
struct Payload {
    blocks: Vec<Wanted>,
    transfers: bool,
    validate: bool,
    full: bool,
}

impl FromArg for Payload {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let fields = object(value, "ethapi.simOpts")?;
        Ok(Self {
            blocks: field(fields, "blockStateCalls")?.unwrap_or_default(),
            transfers: field(fields, "traceTransfers")?.unwrap_or_default(),
            validate: field(fields, "validation")?.unwrap_or_default(),
            full: field(fields, "returnFullTransactions")?.unwrap_or_default(),
        })
    }
}

/// A block with its number and time settled.
#[derive(Debug, Clone)]
struct Settled {
    number: u64,
    time: u64,
    withdrawals: Vec<Withdrawal>,
    wanted: Wanted,
}

pub(crate) fn run(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let Payload { blocks, transfers, validate, full } = args.required(0)?;
    if blocks.is_empty() {
        return Err(EthError::params("empty input"));
    }
    let most = node.config.simulated_blocks_max;
    if blocks.len() as u64 > most {
        return Err(too_many());
    }
    let calls: usize = blocks.iter().map(|block| block.calls.len()).sum();
    if calls > node.config.simulated_calls_max {
        let most = node.config.simulated_calls_max;
        return Err(EthError::new(codes::LIMIT, format!("too many calls: {calls} > {most}")));
    }
    let reader = node.reader()?;
    let base = reader.needed(args.block(1)?)?;
    let header = reader.header(base.hash)?.ok_or_else(|| EthError::server("header not found"))?;
    let blocks = settle(&header, blocks, most)?;
    let mut simulation = Simulation::new(node, &reader, base, header, validate, transfers)?;
    let mut out = Vec::with_capacity(blocks.len());
    for block in blocks {
        args.deadline().check()?;
        out.push(simulation.block(block, full, args.deadline())?);
    }
    Ok(Value::Array(out).into())
}

fn too_many() -> EthError {
    EthError::new(codes::LIMIT, "too many blocks")
}

/// Gives each block its number and time, and fills gaps with empty blocks.
fn settle(base: &Header, blocks: Vec<Wanted>, most: u64) -> EthResult<Vec<Settled>> {
    let (mut number, mut time) = (base.number, base.timestamp);
    let mut out = Vec::with_capacity(blocks.len());
    for mut wanted in blocks {
        let next = wanted.fields.number.unwrap_or_else(|| U256::from(number) + U256::ONE);
        if next <= U256::from(number) {
            return Err(EthError::new(
                codes::BLOCK_NUMBER,
                format!("block numbers must be in order: {next} <= {number}"),
            ));
        }
        if next - U256::from(base.number) > U256::from(most) {
            return Err(too_many());
        }
        // Not above the base's number and what blocks there may be.
        let next: u64 = next.saturating_to();
        for filled in number + 1..next {
            time = time.saturating_add(SECONDS);
            let (withdrawals, wanted) = (Vec::new(), Wanted::default());
            out.push(Settled { number: filled, time, withdrawals, wanted });
        }
        let at = wanted.fields.time.unwrap_or_else(|| time.saturating_add(SECONDS));
        if at <= time {
            return Err(EthError::new(
                codes::BLOCK_TIMESTAMP,
                format!("block timestamps must be in order: {at} <= {time}"),
            ));
        }
        (number, time) = (next, at);
        let withdrawals = wanted.fields.withdrawals.take().unwrap_or_default();
        out.push(Settled { number, time, withdrawals, wanted });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(number: Option<u64>, time: Option<u64>) -> Wanted {
        let fields = BlockOverrides { number: number.map(U256::from), time, ..Default::default() };
        Wanted { fields, ..Wanted::default() }
    }

    fn settled(blocks: Vec<Wanted>) -> Result<Vec<(u64, u64)>, i32> {
        let base = Header { number: 10, timestamp: 100, ..Header::default() };
        let settled = settle(&base, blocks, 256).map_err(|error| error.code)?;
        Ok(settled.iter().map(|block| (block.number, block.time)).collect())
    }

    #[test]
    fn gaps_between_numbers_are_filled_with_blocks_of_their_own() {
        let found = settled(vec![wanted(Some(13), None), wanted(None, Some(200))]);
        assert_eq!(found, Ok(vec![(11, 112), (12, 124), (13, 136), (14, 200)]));
    }

    #[test]
    fn numbers_and_times_must_grow_and_not_too_far() {
        assert_eq!(settled(vec![wanted(Some(10), None)]), Err(codes::BLOCK_NUMBER));
        assert_eq!(settled(vec![wanted(None, Some(100))]), Err(codes::BLOCK_TIMESTAMP));
        assert_eq!(settled(vec![wanted(Some(10 + 257), None)]), Err(codes::LIMIT));
        assert_eq!(settled(vec![wanted(Some(u64::MAX), None)]), Err(codes::LIMIT));
    }
}
