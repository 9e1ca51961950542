//! `quintet rollup new`.

use std::{fs, path::Path};

use alloy_primitives::{Address, B256, U256};
use anyhow::Context as _;
use quintet_lux_node::dev::{ACCOUNTS_DEFAULT, MNEMONIC, accounts};
use quintet_rollup_node::{
    create::{Made, NewRollup, create},
    l1::{account::L1Writer, transport::Transport},
    wallet::Wallet,
};
use serde_json::json;

use crate::{
    cli::NewRollupArgs,
    dev_chain::ETHER,
    exit::UsageError,
    new_file::{self, Readers},
    output, runtime,
};

/// Files that are made.
const GENESIS: &str = "genesis.json";
const ROLLUP: &str = "rollup.json";
const BATCHER_KEY: &str = "batcher.key";
const SEQUENCER_KEY: &str = "sequencer.key";

pub(super) fn run(args: &NewRollupArgs) -> anyhow::Result<()> {
    let deployer = Wallet::read(&args.deployer_key)
        .map_err(|error| UsageError::new(format!("--deployer-key: {error}")))?;
    for name in [GENESIS, ROLLUP, BATCHER_KEY, SEQUENCER_KEY] {
        let path = args.out.join(name);
        if path.exists() {
            let shown = path.display();
            return Err(UsageError::new(format!("--out: {shown} is there already")).into());
        }
    }
    fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot create {}", args.out.display()))?;
    let (batcher_key, batcher) = key()?;
    let (sequencer_key, sequencer) = key()?;
    let balance = U256::from(args.balance) * U256::from(ETHER);
    let funded: Vec<Address> = if args.fund.is_empty() {
        accounts(MNEMONIC, ACCOUNTS_DEFAULT)?.iter().map(|account| account.address).collect()
    } else {
        args.fund.clone()
    };
    let new = NewRollup {
        chain_id: args.chain_id,
        block_time: args.block_time,
        gas_limit: args.gas_limit,
        batcher: batcher.address(),
        signer: sequencer.address(),
        batcher_money: U256::from(args.batcher_balance) * U256::from(ETHER),
        funded: funded.into_iter().map(|address| (address, balance)).collect(),
    };
    let l1 = L1Writer::new(&args.l1, &Transport::default())?;
    let made = runtime::one_thread()?
        .run(async { create(&l1, &deployer, &new).await.context("no rollup was made") })?;
    let text = |value: &serde_json::Value| serde_json::to_vec_pretty(value);
    write(&args.out.join(GENESIS), &text(&made.genesis)?)?;
    write(&args.out.join(ROLLUP), &text(&made.rollup)?)?;
    write(&args.out.join(BATCHER_KEY), batcher_key.to_string().as_bytes())?;
    write(&args.out.join(SEQUENCER_KEY), sequencer_key.to_string().as_bytes())?;
    tell(args, &new, &made)
}

fn key() -> anyhow::Result<(B256, Wallet)> {
    let mut bytes = B256::ZERO;
    getrandom::fill(&mut bytes.0).context("the system gives no randomness")?;
    Ok((bytes, Wallet::new(bytes)?))
}

/// For the owner alone: some are keys.
fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let line = [content, b"\n"].concat();
    new_file::write(path, &line, Readers::Owner)
        .with_context(|| format!("cannot write {}", path.display()))
}

fn tell(args: &NewRollupArgs, new: &NewRollup, made: &Made) -> anyhow::Result<()> {
    if args.json {
        return output::json(&json!({
            "directory": args.out,
            "chain_id": new.chain_id,
            "portal": made.portal,
            "system_config": made.system_config,
            "batcher": new.batcher,
            "sequencer": new.signer,
            "genesis": made.rollup["genesis"],
        }));
    }
    let rows = [
        ("chain", new.chain_id.to_string()),
        ("portal", made.portal.to_string()),
        ("config", made.system_config.to_string()),
        ("batcher", new.batcher.to_string()),
        ("signer", new.signer.to_string()),
        ("files", args.out.display().to_string()),
    ];
    for (name, value) in rows {
        output::line(format!("{name:<7}  {value}"))?;
    }
    Ok(())
}
