//! `quintet lux new`: a network's genesis, and its validators' keys.

use std::{
    fs,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, B256, U256};
use anyhow::{Context as _, anyhow};
use quintet_lux_node::{
    dev::{MNEMONIC, accounts},
    genesis::{GenesisContract, GenesisValidator, LuxGenesis, LuxSection},
    validator::ValidatorKeys,
};
use quintet_primitives::hex;

use crate::{
    cli::LuxNewArgs,
    dev_chain::{ETHER, clock},
    new_file::{self, Readers},
    output,
};

/// The genesis' file.
pub(crate) const GENESIS: &str = "genesis.json";

/// The file of a validator's key; they are numbered from one on.
pub(crate) fn key_file(number: u16) -> String {
    format!("validator-{number}.key")
}

pub(super) fn run(args: &LuxNewArgs) -> anyhow::Result<()> {
    let balance = U256::from(args.balance) * U256::from(ETHER);
    let funded = accounts(MNEMONIC, args.accounts)?.into_iter().map(|key| (key.address, balance));
    let made = make(
        &args.directory,
        &NewNetwork {
            validators: args.validators,
            stake: args.stake,
            slot_millis: args.slot_millis,
            epoch_slots: args.epoch_slots,
            chain_id: args.chain_id,
            gas_limit: args.gas_limit,
            funded: funded.collect(),
            contracts: Vec::new(),
        },
    )?;
    let validators = made.validators.iter();
    let mut lines: Vec<String> =
        validators.map(|(address, file)| format!("{address}  {}", file.display())).collect();
    let file = args.directory.join(GENESIS);
    lines.push(format!("genesis {} of {}", made.genesis.spec.hash, file.display()));
    output::print(&format!("{}\n", lines.join("\n")))
}

/// What a new network is like.
#[derive(Debug)]
pub(crate) struct NewNetwork {
    pub(crate) validators: u16,
    /// Stake of each, gwei.
    pub(crate) stake: u64,
    pub(crate) slot_millis: u64,
    pub(crate) epoch_slots: u64,
    pub(crate) chain_id: u64,
    pub(crate) gas_limit: u64,
    /// Accounts with money, and how much, wei.
    pub(crate) funded: Vec<(Address, U256)>,
    /// Contracts that are there from the beginning.
    pub(crate) contracts: Vec<GenesisContract>,
}

/// What was made.
#[derive(Debug)]
pub(crate) struct MadeNetwork {
    pub(crate) genesis: LuxGenesis,
    /// Who the validators are, and the files with their keys.
    pub(crate) validators: Vec<(Address, PathBuf)>,
}

/// Makes a network that begins now: keys for its validators, and a genesis with them.
pub(crate) fn make(directory: &Path, new: &NewNetwork) -> anyhow::Result<MadeNetwork> {
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    let mut validators = Vec::new();
    let mut in_genesis = Vec::new();
    for number in 1..=new.validators {
        let mut secret = [0_u8; 32];
        getrandom::fill(&mut secret)
            .map_err(|error| anyhow!("no randomness from the system: {error}"))?;
        let keys = ValidatorKeys::from_secret(&secret)?;
        let file = directory.join(key_file(number));
        write_key(&file, &secret)?;
        in_genesis.push(GenesisValidator {
            address: keys.address(),
            vrf_key: B256::new(keys.vrf_key()),
            stake: new.stake,
        });
        validators.push((keys.address(), file));
    }
    let section = LuxSection {
        epoch_blocks: new.epoch_slots,
        slot_millis: Some(new.slot_millis),
        validators: in_genesis,
        ..LuxSection::default()
    };
    let funded = new.funded.iter().copied();
    let mut genesis = LuxGenesis::network(new.chain_id, clock(), new.gas_limit, &section, funded);
    for contract in &new.contracts {
        LuxGenesis::place(&mut genesis, contract.clone());
    }
    let file = directory.join(GENESIS);
    let json = serde_json::to_vec_pretty(&genesis)?;
    // What this writes every node must read.
    let genesis = LuxGenesis::from_json(&json)?;
    genesis.validators()?;
    genesis.params()?;
    new_file::write(&file, &json, Readers::Anybody)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(MadeNetwork { genesis, validators })
}

fn write_key(path: &Path, secret: &[u8; 32]) -> anyhow::Result<()> {
    let text = format!("{}\n", hex::encode(secret));
    new_file::write(path, text.as_bytes(), Readers::Owner)
        .with_context(|| format!("cannot write {}: choose a directory without one", path.display()))
}
