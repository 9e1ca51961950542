//! The names, the parameters, what is told.

use alloy_primitives::{Address, B256, Bytes, U256, hex};
use quintet_eth::state::StateView as _;
use serde_json::{Value, json};

use super::{DevControls, DevMining};
use crate::{
    answer::Answer,
    args::{Args, BlockId, FromArg, Quantity, Slot, field},
    error::{EthError, EthResult},
    json::{big, quantity},
    methods::{Entry, state_error},
    node::{EthNode, Named as _},
    schema::{Addr, Any, Data, Flag, Hash, MaybeList, Object, Uint},
    table::Run,
};

/// Most blocks mined by one call.
const BLOCKS_MAX: u64 = 100_000;

/// Makes an entry for each name of a method.
fn named(
    names: &[&'static str],
    summary: &'static str,
    run: Run<EthNode>,
    describe: fn(Entry) -> Entry,
) -> Vec<Entry> {
    names.iter().copied().map(|name| describe(Entry::heavy(name, summary, run))).collect()
}

pub(super) fn entries() -> Vec<Entry> {
    [mining(), time(), snapshots(), accounts(), blocks(), pool()].into_iter().flatten().collect()
}

fn controls(node: &EthNode) -> EthResult<&dyn DevControls> {
    node.dev().ok_or_else(|| EthError::server("this chain is no development chain"))
}

fn done() -> EthResult<Answer> {
    Ok(Value::Null.into())
}

fn yes() -> EthResult<Answer> {
    Ok(json!(true).into())
}

fn mining() -> Vec<Entry> {
    let seconds = |entry: Entry| entry.param::<Uint>("seconds", "Seconds between blocks; 0 for none.");
    [
        named(&["anvil_mine", "hardhat_mine"], "Mines blocks of what waits.", mine, |entry| {
            entry
                .optional::<Uint>("blocks", "How many; one if left out.")
                .optional::<Uint>("interval", "Seconds between their timestamps.")
        }),
        named(&["evm_mine"], "Mines a block of what waits.", evm_mine, |entry| {
            entry
                .optional::<Any>("options", "Its timestamp; or an object with timestamp and blocks.")
                .gives::<Uint>("nothing", "0x0.")
        }),
        named(&["anvil_setAutomine", "evm_setAutomine"], "Sets whether a block is made as soon as a transaction waits.", set_automine, |entry| {
            entry.param::<Flag>("on", "Whether it is.").gives::<Flag>("done", "True.")
        }),
        named(&["anvil_getAutomine", "hardhat_getAutomine"], "Tells whether a block is made as soon as a transaction waits.", get_automine, |entry| {
            entry.gives::<Flag>("on", "Whether it is.")
        }),
        named(&["anvil_setIntervalMining", "evm_setIntervalMining"], "Sets seconds between blocks.", set_interval, seconds),
        named(&["anvil_getIntervalMining"], "Tells the seconds between blocks.", get_interval, |entry| {
            entry.gives::<Any>("seconds", "The seconds; null if blocks are not made at intervals.")
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn mine(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let blocks = args.optional::<Quantity>(0)?.map_or(1, |blocks| blocks.0);
    let interval = args.optional::<Quantity>(1)?.map(|seconds| seconds.0);
    mine_blocks(node, blocks, interval)?;
    done()
}

fn mine_blocks(node: &EthNode, blocks: u64, interval: Option<u64>) -> EthResult<()> {
    if blocks > BLOCKS_MAX {
        return Err(EthError::params(format!("{blocks} blocks, expected at most {BLOCKS_MAX}")));
    }
    Ok(controls(node)?.mine(blocks, interval)?)
}

fn evm_mine(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let options: Option<Value> = args.optional(0)?;
    let invalid = |reason| EthError::params(format!("invalid argument 0: {reason}"));
    let (mut blocks, mut timestamp) = (1, None);
    match &options {
        None => {}
        Some(Value::Object(fields)) => {
            let number = |name| field::<Quantity>(fields, name).map_err(invalid);
            blocks = number("blocks")?.map_or(1, |blocks| blocks.0);
            timestamp = number("timestamp")?.map(|time| time.0);
        }
        Some(other) => timestamp = Some(Quantity::from_arg(other).map_err(invalid)?.0),
    }
    if let Some(timestamp) = timestamp {
        controls(node)?.set_next_timestamp(timestamp)?;
    }
    mine_blocks(node, blocks, None)?;
    Ok(json!("0x0").into())
}

fn set_automine(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let on: bool = args.required(0)?;
    controls(node)?.set_mining(if on { DevMining::Instant } else { DevMining::Manual });
    yes()
}

fn get_automine(node: &EthNode, _: &Args) -> EthResult<Answer> {
    Ok(json!(controls(node)?.mining() == DevMining::Instant).into())
}

fn set_interval(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let Quantity(seconds) = args.required(0)?;
    let mining = match seconds {
        0 => DevMining::Manual,
        _ => DevMining::Interval { millis: seconds.saturating_mul(1_000) },
    };
    controls(node)?.set_mining(mining);
    done()
}

fn get_interval(node: &EthNode, _: &Args) -> EthResult<Answer> {
    Ok(match controls(node)?.mining() {
        DevMining::Interval { millis } => json!(millis / 1_000).into(),
        DevMining::Instant | DevMining::Manual => Value::Null.into(),
    })
}

fn time() -> Vec<Entry> {
    let stamp = |entry: Entry| entry.param::<Uint>("timestamp", "Seconds since 1970.");
    let offset = |entry: Entry| entry.param::<Uint>("seconds", "Seconds.").gives::<Any>("offset", "How far time is off the clock, in seconds.");
    [
        named(&["anvil_increaseTime", "evm_increaseTime"], "Moves time forward.", increase_time, offset),
        named(&["anvil_setTime", "evm_setTime"], "Sets the time.", set_time, |entry| {
            entry.param::<Uint>("timestamp", "Seconds since 1970.").gives::<Any>("offset", "How far time is off the clock, in seconds.")
        }),
        named(&["anvil_setNextBlockTimestamp", "evm_setNextBlockTimestamp"], "Sets the timestamp of the next block.", next_timestamp, stamp),
        named(&["anvil_setBlockTimestampInterval", "evm_setBlockTimestampInterval"], "Sets the seconds from each block to the next.", timestamp_step, |entry| {
            entry.param::<Uint>("seconds", "The seconds.")
        }),
        named(&["anvil_removeBlockTimestampInterval", "evm_removeBlockTimestampInterval"], "Leaves timestamps to the clock.", |node, _| {
            controls(node)?.set_timestamp_step(None);
            yes()
        }, |entry| entry.gives::<Flag>("done", "True.")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn increase_time(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let Quantity(seconds) = args.required(0)?;
    let seconds = i64::try_from(seconds)
        .map_err(|_| EthError::params("invalid argument 0: expected less than 2^63 seconds"))?;
    Ok(json!(controls(node)?.increase_time(seconds)).into())
}

fn set_time(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let Quantity(time) = args.required(0)?;
    Ok(json!(controls(node)?.set_time(time)).into())
}

fn next_timestamp(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let Quantity(time) = args.required(0)?;
    controls(node)?.set_next_timestamp(time)?;
    done()
}

fn timestamp_step(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let Quantity(seconds) = args.required(0)?;
    controls(node)?.set_timestamp_step(Some(seconds));
    done()
}

fn snapshots() -> Vec<Entry> {
    [
        named(&["anvil_snapshot", "evm_snapshot"], "Remembers where the chain is.", |node, _| {
            Ok(quantity(controls(node)?.snapshot()).into())
        }, |entry| entry.gives::<Uint>("id", "What to give evm_revert.")),
        named(&["anvil_revert", "evm_revert"], "Goes back to where the chain was.", |node, args| {
            let Quantity(id) = args.required(0)?;
            Ok(json!(controls(node)?.revert(id)?).into())
        }, |entry| {
            entry.param::<Uint>("id", "Which snapshot.").gives::<Flag>("done", "Whether there was one.")
        }),
        named(&["anvil_reset", "hardhat_reset"], "Goes back to the first block. Forking another chain is not done here.", reset, |entry| {
            entry.optional::<Object>("options", "None are taken.")
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn reset(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let options: Option<Value> = args.optional(0)?;
    if options.and_then(|options| options.get("forking").cloned()).is_some() {
        return Err(EthError::server("forking another chain is not done here: reset without it"));
    }
    controls(node)?.reset()?;
    node.pool.pool().clear();
    node.pool.refresh();
    done()
}

fn accounts() -> Vec<Entry> {
    let of = |entry: Entry| entry.param::<Addr>("address", "The account.");
    [
        named(&["anvil_setBalance", "hardhat_setBalance", "evm_setAccountBalance"], "Sets a balance.", set_balance, |entry| {
            entry.param::<Addr>("address", "The account.").param::<Uint>("balance", "Wei.")
        }),
        named(&["anvil_addBalance"], "Adds to a balance.", add_balance, |entry| {
            entry.param::<Addr>("address", "The account.").param::<Uint>("amount", "Wei.")
        }),
        named(&["anvil_setNonce", "hardhat_setNonce", "evm_setAccountNonce"], "Sets a nonce.", set_nonce, |entry| {
            entry.param::<Addr>("address", "The account.").param::<Uint>("nonce", "The nonce.")
        }),
        named(&["anvil_setCode", "hardhat_setCode", "evm_setAccountCode"], "Sets code.", set_code, |entry| {
            entry.param::<Addr>("address", "The account.").param::<Data>("code", "The code.")
        }),
        named(&["anvil_setStorageAt", "hardhat_setStorageAt", "evm_setAccountStorageAt"], "Sets a slot.", set_storage, |entry| {
            entry
                .param::<Addr>("address", "The account.")
                .param::<Any>("slot", "The slot.")
                .param::<Hash>("value", "Its value.")
                .gives::<Flag>("done", "True.")
        }),
        named(&["anvil_impersonateAccount", "hardhat_impersonateAccount"], "Lets anybody send in the name of an account.", |node, args| {
            controls(node)?.impersonate(args.required(0)?);
            done()
        }, of),
        named(&["anvil_stopImpersonatingAccount", "hardhat_stopImpersonatingAccount"], "Ends that.", |node, args| {
            controls(node)?.stop_impersonating(args.required(0)?);
            done()
        }, of),
        named(&["anvil_autoImpersonateAccount"], "Lets anybody send in the name of any account, or ends that.", |node, args| {
            controls(node)?.impersonate_all(args.required(0)?);
            done()
        }, |entry| entry.param::<Flag>("on", "Whether they may.")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn set_balance(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let (account, balance): (Address, U256) = (args.required(0)?, args.required(1)?);
    controls(node)?.set_balance(account, balance)?;
    node.pool.refresh();
    done()
}

fn add_balance(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let (account, amount): (Address, U256) = (args.required(0)?, args.required(1)?);
    let state = node.reader()?.state_named(BlockId::Latest)?;
    let before = state.account(account).map_err(state_error)?;
    let before = before.map(|account| account.balance).unwrap_or_default();
    controls(node)?.set_balance(account, before.saturating_add(amount))?;
    node.pool.refresh();
    done()
}

fn set_nonce(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let (account, Quantity(nonce)): (Address, Quantity) = (args.required(0)?, args.required(1)?);
    controls(node)?.set_nonce(account, nonce)?;
    node.pool.refresh();
    done()
}

fn set_code(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let (account, code): (Address, Bytes) = (args.required(0)?, args.required(1)?);
    controls(node)?.set_code(account, code)?;
    done()
}

fn set_storage(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let account: Address = args.required(0)?;
    let (slot, value): (Slot, Slot) = (args.required(1)?, args.required(2)?);
    controls(node)?.set_storage_at(account, slot.number, value.number)?;
    yes()
}

fn blocks() -> Vec<Entry> {
    [
        named(&["anvil_setCoinbase", "hardhat_setCoinbase"], "Sets who gets the fees.", |node, args| {
            controls(node)?.set_coinbase(args.required(0)?);
            done()
        }, |entry| entry.param::<Addr>("address", "Who.")),
        named(&["anvil_setBlockGasLimit", "evm_setBlockGasLimit"], "Sets the limit of gas of blocks.", |node, args| {
            let Quantity(limit) = args.required(0)?;
            controls(node)?.set_gas_limit(limit);
            yes()
        }, |entry| entry.param::<Uint>("limit", "Gas.").gives::<Flag>("done", "True.")),
        named(&["anvil_setNextBlockBaseFeePerGas", "hardhat_setNextBlockBaseFeePerGas"], "Sets the base fee of the next block.", next_base_fee, |entry| {
            entry.param::<Uint>("fee", "Wei for each gas.")
        }),
        named(&["anvil_setPrevRandao", "hardhat_setPrevRandao"], "Sets the randomness of the next block.", |node, args| {
            controls(node)?.set_next_prev_randao(args.required(0)?);
            done()
        }, |entry| entry.param::<Hash>("randomness", "32 bytes.")),
        named(&["anvil_nodeInfo"], "Tells how the chain stands.", node_info, |entry| entry.gives::<Object>("info", "Head, time, mining.")),
        named(&["anvil_metadata", "hardhat_metadata"], "Tells what this is.", metadata, |entry| entry.gives::<Object>("metadata", "Name, chain, head.")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn next_base_fee(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let Quantity(fee) = args.required(0)?;
    controls(node)?.set_next_base_fee(fee);
    done()
}

fn node_info(node: &EthNode, _: &Args) -> EthResult<Answer> {
    let controls = controls(node)?;
    let header = node.reader()?.head_header()?;
    let mining = match controls.mining() {
        DevMining::Instant => json!("instant"),
        DevMining::Interval { millis } => json!({ "intervalMs": millis }),
        DevMining::Manual => json!("manual"),
    };
    Ok(json!({
        "currentBlockNumber": quantity(header.number),
        "currentBlockHash": node.chain.head().hash,
        "currentBlockTimestamp": header.timestamp,
        "transactionOrder": "fees",
        "mining": mining,
        "environment": {
            "baseFee": quantity(header.base_fee_per_gas.unwrap_or_default()),
            "chainId": quantity(node.chain.spec().chain_id()),
            "gasLimit": quantity(header.gas_limit),
        },
    })
    .into())
}

fn metadata(node: &EthNode, _: &Args) -> EthResult<Answer> {
    let head = node.chain.head();
    Ok(json!({
        "clientVersion": node.client_version,
        "chainId": node.chain.spec().chain_id(),
        "instanceId": node.chain.spec().hash,
        "latestBlockNumber": head.number,
        "latestBlockHash": head.hash,
    })
    .into())
}

fn pool() -> Vec<Entry> {
    [
        named(&["anvil_dropTransaction", "hardhat_dropTransaction"], "Takes a transaction out of the pool.", drop_transaction, |entry| {
            entry.param::<Hash>("hash", "Which.").gives::<Any>("hash", "Its hash; null if it is not there.")
        }),
        named(&["anvil_dropAllTransactions"], "Takes all transactions out of the pool.", |node, _| {
            node.pool.pool().clear();
            done()
        }, |entry| entry),
        named(&["anvil_removePoolTransactions"], "Takes a sender's transactions out of the pool.", remove_of, |entry| {
            entry.param::<Addr>("address", "The sender.").gives::<MaybeList>("hashes", "What went.")
        }),
        named(&["dev_faucet"], "Gives an account a hundred coins.", faucet, |entry| {
            entry.param::<Addr>("address", "The account.").gives::<Uint>("balance", "What it has now, in wei.")
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn drop_transaction(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let hash: B256 = args.required(0)?;
    let removed = node.pool.pool().remove(&hash);
    Ok(if removed.is_empty() { Value::Null } else { json!(hash) }.into())
}

fn remove_of(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let sender: Address = args.required(0)?;
    let mut pool = node.pool.pool();
    let (pending, queued) = pool.content_from(&sender);
    let hashes: Vec<_> = pending.values().chain(queued.values()).map(|one| one.hash()).collect();
    let gone: Vec<_> = hashes.iter().map(hex::encode_prefixed).collect();
    // The last first, so that none waits meanwhile.
    hashes.iter().rev().for_each(|hash| drop(pool.remove(hash)));
    Ok(json!(gone).into())
}

/// What the faucet gives, in wei: a hundred coins.
const FAUCET_WEI: u128 = 100_000_000_000_000_000_000;

fn faucet(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let account: Address = args.required(0)?;
    let state = node.reader()?.state_named(BlockId::Latest)?;
    let before = state.account(account).map_err(state_error)?;
    let before = before.map(|account| account.balance).unwrap_or_default();
    let after = before.saturating_add(U256::from(FAUCET_WEI));
    controls(node)?.set_balance(account, after)?;
    node.pool.refresh();
    Ok(big(after).into())
}
