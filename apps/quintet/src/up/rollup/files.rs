//! The rollup's files: made at the first start, read at every other.
//!
//! Its contracts are in L1's genesis, see [`contracts`], so that there is nothing to deploy: it begins at whatever block of L1 is final when it
//! is made, which is the first one where both begin together.
//!
//! # Invariants
//!
//! - The folder is there whole or not at all: it is made under another name, and renamed.

use std::{fs, path::Path, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, U256, address};
use anyhow::Context as _;
use quintet_eth_chain::{BlockTag, EthChain};
use quintet_rollup_node::create::{NewRollup, Place, contracts as code, write};
use quintet_rollup_protocol::config::RollupConfig;
use serde_json::Value;

use crate::up::accounts::Cast;

/// The folder, and what it is called until it is whole.
const FOLDER: &str = "rollup-network";
const UNFINISHED: &str = "rollup-network.unfinished";

const GENESIS: &str = "genesis.json";
const ROLLUP: &str = "rollup.json";

/// Number that its transactions sign.
const CHAIN_ID: u64 = 42_069;

/// Seconds between blocks.
const BLOCK_SECONDS: u64 = 1;

/// Gas of a block.
const GAS_LIMIT: u64 = 60_000_000;

/// Where L1's genesis has the portal, and the system configuration.
pub(super) const PORTAL: Address = address!("00000000000000000000000000000000000d0001");
const SYSTEM_CONFIG: Address = address!("00000000000000000000000000000000000d0002");

/// A contract: where, what, and its slots that are not zero.
type Contract = (Address, Bytes, Vec<(B256, B256)>);

/// What belongs into L1's genesis.
pub(in crate::up) fn contracts(signer: Address) -> [Contract; 2] {
    let (config, slot) = code::system_config(signer);
    [(PORTAL, code::portal(), Vec::new()), (SYSTEM_CONFIG, config, vec![slot])]
}

/// A rollup as its files tell it.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub(super) config: Arc<RollupConfig>,
    pub(super) genesis: Vec<u8>,
}

/// Reads the rollup below `home`; makes it if there is none.
pub(super) fn open(home: &Path, l1: &EthChain, cast: &Cast) -> anyhow::Result<Files> {
    let folder = home.join(FOLDER);
    if !folder.exists() {
        make(&home.join(UNFINISHED), l1, cast)?;
        fs::rename(home.join(UNFINISHED), &folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let read = |name: &str| {
        let file = folder.join(name);
        fs::read(&file).with_context(|| format!("cannot read {}", file.display()))
    };
    let rollup = String::from_utf8(read(ROLLUP)?).context(ROLLUP)?;
    let config = RollupConfig::from_json(&rollup).context(ROLLUP)?;
    Ok(Files { config: Arc::new(config), genesis: read(GENESIS)? })
}

fn make(folder: &Path, l1: &EthChain, cast: &Cast) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let new = NewRollup {
        chain_id: CHAIN_ID,
        block_time: BLOCK_SECONDS,
        gas_limit: GAS_LIMIT,
        batcher: cast.batcher.address,
        signer: cast.signer.address,
        // It has some from L1's genesis.
        batcher_money: U256::ZERO,
        funded: cast.funded_on_l2(),
    };
    let reader = l1.reader()?;
    let origin = reader.resolve(BlockTag::Finalized)?;
    let header = reader.header(origin.hash)?.context("L1's final block has no header")?;
    let made = write(
        &new,
        &Place {
            l1_chain_id: l1.spec().chain_id(),
            origin: (origin.number, origin.hash).into(),
            time: header.timestamp,
            portal: PORTAL,
            system_config: SYSTEM_CONFIG,
        },
    )?;
    let file = |name: &str, content: &Value| {
        let file = folder.join(name);
        fs::write(&file, serde_json::to_vec_pretty(content)?)
            .with_context(|| format!("cannot write {}", file.display()))
    };
    file(GENESIS, &made.genesis)?;
    file(ROLLUP, &made.rollup)
}
