//! Mining, time, snapshots, accounts by hand.
//!
//! **Spec:** anvil's and hardhat's documentation of their methods.

use alloy_primitives::U256;
use quintet_eth_rpc::EthError;
use serde_json::{Value, json};

use super::{
    Entry,
    args::{Args, number, quantity, small},
};
use crate::{
    dev::{DevNode, Mining, read_accounts},
    send::TIP_DEFAULT,
};

/// What a faucet gives if nobody says how much, ether.
const FAUCET_ETHER: u64 = 100;
const ETHER: u64 = 1_000_000_000_000_000_000;

type Answer = Result<Value, EthError>;

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        names: &["anvil_mine", "hardhat_mine"],
        summary: "Mines blocks.",
        params: &[("blocks", "How many, 1 if left out."), ("interval", "Seconds between them.")],
        run: mine,
    },
    Entry {
        names: &["evm_mine"],
        summary: "Mines a block, at a timestamp if one is said.",
        params: &[("options", "A timestamp, or an object with timestamp and blocks.")],
        run: evm_mine,
    },
    Entry {
        names: &["evm_setAutomine", "anvil_setAutomine"],
        summary: "Sets whether a block is made for each transaction.",
        params: &[("enabled", "Whether.")],
        run: set_automine,
    },
    Entry {
        names: &["anvil_getAutomine", "hardhat_getAutomine"],
        summary: "Tells whether a block is made for each transaction.",
        params: &[],
        run: |node, _| Ok(json!(node.dev.mining() == Mining::Instant)),
    },
    Entry {
        names: &["evm_setIntervalMining", "anvil_setIntervalMining"],
        summary: "Makes a block at intervals; 0 makes none by itself.",
        params: &[(
            "interval",
            "Seconds; hardhat's callers mean milliseconds and say so by 1000 or more.",
        )],
        run: set_interval,
    },
    Entry {
        names: &["anvil_getIntervalMining"],
        summary: "Tells the seconds between blocks, if they come at intervals.",
        params: &[],
        run: |node, _| {
            Ok(match node.dev.mining() {
                Mining::Interval { millis } => json!(millis / 1_000),
                Mining::Instant | Mining::Manual => Value::Null,
            })
        },
    },
    Entry {
        names: &["evm_increaseTime", "anvil_increaseTime"],
        summary: "Moves time forward; tells how far it is off the clock.",
        params: &[("seconds", "How far.")],
        run: |node, args| {
            let seconds = i64::try_from(args.small(0)?).unwrap_or(i64::MAX);
            Ok(json!(node.dev.increase_time(seconds)))
        },
    },
    Entry {
        names: &["evm_setNextBlockTimestamp", "anvil_setNextBlockTimestamp"],
        summary: "Sets the timestamp of the next block.",
        params: &[("timestamp", "Seconds since 1970.")],
        run: |node, args| done(node.dev.set_next_timestamp(args.small(0)?)),
    },
    Entry {
        names: &["evm_setTime", "anvil_setTime"],
        summary: "Sets the time; tells how far it is off the clock.",
        params: &[("time", "Seconds since 1970.")],
        run: |node, args| Ok(json!(node.dev.set_time(args.small(0)?))),
    },
    Entry {
        names: &["anvil_setBlockTimestampInterval"],
        summary: "Sets the seconds from each block to the next.",
        params: &[("seconds", "How many.")],
        run: |node, args| {
            node.dev.set_timestamp_step(Some(args.small(0)?));
            Ok(Value::Null)
        },
    },
    Entry {
        names: &["anvil_removeBlockTimestampInterval"],
        summary: "Leaves timestamps to the clock again; tells whether they were not.",
        params: &[],
        run: |node, _| Ok(json!(node.dev.clear_timestamp_step())),
    },
    Entry {
        names: &["evm_snapshot", "anvil_snapshot"],
        summary: "Remembers where the chain is; tells what to give evm_revert.",
        params: &[],
        run: |node, _| Ok(quantity(node.dev.snapshot())),
    },
    Entry {
        names: &["evm_revert", "anvil_revert"],
        summary: "Goes back to a snapshot and forgets it and those after it.",
        params: &[("id", "What evm_snapshot told.")],
        run: |node, args| Ok(json!(node.dev.revert(args.small(0)?)?)),
    },
    Entry {
        names: &["anvil_setBalance", "hardhat_setBalance"],
        summary: "Sets an account's balance.",
        params: &[("address", "The account."), ("balance", "Wei.")],
        run: |node, args| done(node.dev.set_balance(args.address(0)?, args.number(1)?)),
    },
    Entry {
        names: &["anvil_addBalance"],
        summary: "Gives an account money.",
        params: &[("address", "The account."), ("amount", "Wei.")],
        run: |node, args| done(node.dev.fund(args.address(0)?, args.number(1)?)),
    },
    Entry {
        names: &["dev_faucet"],
        summary: "Gives an account money: 100 ether, or what is said.",
        params: &[("address", "The account."), ("amount", "Wei.")],
        run: faucet,
    },
    Entry {
        names: &["anvil_setNonce", "hardhat_setNonce", "evm_setAccountNonce"],
        summary: "Sets an account's nonce.",
        params: &[("address", "The account."), ("nonce", "The nonce.")],
        run: |node, args| done(node.dev.set_nonce(args.address(0)?, args.small(1)?)),
    },
    Entry {
        names: &["anvil_setCode", "hardhat_setCode"],
        summary: "Sets an account's code.",
        params: &[("address", "The account."), ("code", "The code.")],
        run: |node, args| done(node.dev.set_code(args.address(0)?, args.bytes(1)?)),
    },
    Entry {
        names: &["anvil_setStorageAt", "hardhat_setStorageAt"],
        summary: "Sets a slot of an account.",
        params: &[("address", "The account."), ("slot", "The slot."), ("value", "Its value.")],
        run: |node, args| {
            let value = args.number(2)?.into();
            node.dev.set_storage_at(args.address(0)?, args.number(1)?, value)?;
            Ok(json!(true))
        },
    },
    Entry {
        names: &["anvil_impersonateAccount", "hardhat_impersonateAccount"],
        summary: "Lets anybody send in the name of an account.",
        params: &[("address", "The account.")],
        run: |node, args| {
            node.dev.impersonate(args.address(0)?);
            Ok(Value::Null)
        },
    },
    Entry {
        names: &["anvil_stopImpersonatingAccount", "hardhat_stopImpersonatingAccount"],
        summary: "Ends that.",
        params: &[("address", "The account.")],
        run: |node, args| {
            node.dev.stop_impersonating(args.address(0)?);
            Ok(Value::Null)
        },
    },
    Entry {
        names: &["anvil_autoImpersonateAccount"],
        summary: "Lets anybody send in the name of any account, or ends that.",
        params: &[("enabled", "Whether.")],
        run: |node, args| {
            node.dev.impersonate_all(args.flag(0)?);
            Ok(Value::Null)
        },
    },
    Entry {
        names: &["anvil_setCoinbase", "hardhat_setCoinbase"],
        summary: "Sets who gets the fees.",
        params: &[("address", "Who.")],
        run: |node, args| {
            node.dev.set_coinbase(args.address(0)?);
            Ok(Value::Null)
        },
    },
    Entry {
        names: &["evm_setBlockGasLimit", "anvil_setBlockGasLimit"],
        summary: "Sets the limit of gas of blocks from now on.",
        params: &[("limit", "Gas.")],
        run: |node, args| {
            node.dev.set_gas_limit(args.small(0)?);
            Ok(json!(true))
        },
    },
    Entry {
        names: &["anvil_setNextBlockBaseFeePerGas", "hardhat_setNextBlockBaseFeePerGas"],
        summary: "Sets the base fee of the next block.",
        params: &[("fee", "Wei.")],
        run: |node, args| {
            node.dev.set_next_base_fee(args.small(0)?);
            Ok(Value::Null)
        },
    },
    Entry {
        names: &["hardhat_setPrevRandao"],
        summary: "Sets the randomness of the next block.",
        params: &[("value", "32 bytes.")],
        run: |node, args| {
            node.dev.set_next_prev_randao(args.number(0)?.into());
            Ok(json!(true))
        },
    },
    Entry {
        names: &["anvil_dropTransaction", "hardhat_dropTransaction"],
        summary: "Takes a waiting transaction out of the pool.",
        params: &[("hash", "The transaction.")],
        run: |node, args| {
            let hash = args.hash(0)?;
            let removed = node.node.pool().remove(&hash);
            Ok(if removed.is_empty() { Value::Null } else { json!(hash) })
        },
    },
    Entry {
        names: &["anvil_dropAllTransactions"],
        summary: "Empties the pool.",
        params: &[],
        run: |node, _| {
            node.node.pool().clear();
            Ok(Value::Null)
        },
    },
    Entry {
        names: &["anvil_nodeInfo"],
        summary: "Tells of the node.",
        params: &[],
        run: node_info,
    },
    Entry {
        names: &["anvil_metadata", "hardhat_metadata"],
        summary: "Tells of the chain: its instance, its head, its snapshots.",
        params: &[],
        run: metadata,
    },
    Entry {
        names: &["anvil_reset", "hardhat_reset"],
        summary: "Goes back to the first block as it was made; forgets what waits and what was changed by hand.",
        params: &[("options", "Nothing: this chain forks no other.")],
        run: reset,
    },
    Entry {
        names: &["anvil_loadState", "hardhat_loadState"],
        summary: "Sets accounts as a state that anvil dumped has them; its blocks are passed over.",
        params: &[("state", "What anvil_dumpState gave, packed or plain.")],
        run: |node, args| {
            let accounts = read_accounts(&args.bytes(0)?);
            let accounts = accounts.map_err(|error| EthError::params(error.to_string()))?;
            node.dev.load(accounts)?;
            Ok(json!(true))
        },
    },
];

fn done<E: Into<EthError>>(result: Result<(), E>) -> Answer {
    result.map(|()| Value::Null).map_err(Into::into)
}

fn mine(node: &DevNode, args: &Args) -> Answer {
    let blocks = args.get(0).map_or(Ok(1), small)?;
    let seconds = args.get(1).map(small).transpose()?;
    done(node.dev.mine(blocks, seconds))
}

fn evm_mine(node: &DevNode, args: &Args) -> Answer {
    let (mut blocks, mut timestamp) = (1, None);
    match args.get(0) {
        None => {}
        Some(Value::Object(options)) => {
            let field = |name| options.get(name).filter(|value: &&Value| !value.is_null());
            blocks = field("blocks").map_or(Ok(1), small)?;
            timestamp = field("timestamp").map(small).transpose()?;
        }
        Some(other) => timestamp = Some(small(other)?),
    }
    if let Some(timestamp) = timestamp {
        node.dev.set_next_timestamp(timestamp)?;
    }
    node.dev.mine(blocks, None)?;
    Ok(quantity(0))
}

fn set_automine(node: &DevNode, args: &Args) -> Answer {
    let mining = if args.flag(0)? { Mining::Instant } else { Mining::Manual };
    node.dev.set_mining(mining);
    // What waited so far waits no longer.
    done(node.dev.on_pending())
}

fn set_interval(node: &DevNode, args: &Args) -> Answer {
    /// From here on it is milliseconds.
    const MILLISECONDS_FROM: u64 = 1_000;
    let interval = args.small(0)?;
    let mining = match interval {
        0 => Mining::Manual,
        millis if millis >= MILLISECONDS_FROM => Mining::Interval { millis },
        seconds => Mining::Interval { millis: seconds.saturating_mul(1_000) },
    };
    node.dev.set_mining(mining);
    Ok(Value::Null)
}

fn faucet(node: &DevNode, args: &Args) -> Answer {
    let usual = U256::from(FAUCET_ETHER) * U256::from(ETHER);
    let amount = args.get(1).map_or(Ok(usual), number)?;
    done(node.dev.fund(args.address(0)?, amount))
}

fn node_info(node: &DevNode, _args: &Args) -> Answer {
    let chain = node.dev.chain();
    let head = chain.head();
    let header = chain.reader()?.header(head.hash)?.unwrap_or_default();
    let base_fee = header.base_fee_per_gas.unwrap_or_default();
    Ok(json!({
        "currentBlockNumber": quantity(head.number),
        "currentBlockHash": head.hash,
        "currentBlockTimestamp": node.dev.now(),
        "hardFork": "osaka",
        "transactionOrder": "fees",
        "environment": {
            "baseFee": quantity(base_fee),
            "chainId": chain.spec().chain_id(),
            "gasLimit": quantity(header.gas_limit),
            "gasPrice": format!("{:#x}", u128::from(base_fee).saturating_add(TIP_DEFAULT)),
        },
        "forkConfig": { "forkUrl": null, "forkBlockNumber": null, "forkRetryBackoff": null },
    }))
}

fn metadata(node: &DevNode, _args: &Args) -> Answer {
    let chain = node.dev.chain();
    let head = chain.head();
    let snapshots = node.dev.snapshots().into_iter();
    let snapshots = snapshots.map(|(id, at)| (format!("{id:#x}"), json!([at.number, at.hash])));
    Ok(json!({
        "clientVersion": node.node.client_version(),
        "chainId": chain.spec().chain_id(),
        // One first block is one instance.
        "instanceId": chain.spec().hash,
        "latestBlockNumber": head.number,
        "latestBlockHash": head.hash,
        "forkedNetwork": null,
        "snapshots": snapshots.collect::<serde_json::Map<_, _>>(),
    }))
}

fn reset(node: &DevNode, args: &Args) -> Answer {
    let forking = args
        .get(0)
        .and_then(|options| options.get("forking").or_else(|| options.get("jsonRpcUrl")));
    if forking.is_some_and(|forking| !forking.is_null()) {
        return Err(EthError::params("expected no fork: this chain forks no other"));
    }
    done(node.dev.reset())
}
