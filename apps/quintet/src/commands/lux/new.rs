//! `quintet lux new`: a network's genesis, and its validators' keys.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::Path,
};

use alloy_primitives::{B256, U256};
use anyhow::{Context as _, anyhow};
use quintet_lux_node::{
    dev::{MNEMONIC, accounts},
    genesis::{GenesisValidator, LuxGenesis, LuxSection},
    validator::ValidatorKeys,
};
use quintet_primitives::hex;

use crate::{
    cli::LuxNewArgs,
    dev_chain::{ETHER, clock},
    output,
};

pub(super) fn run(args: &LuxNewArgs) -> anyhow::Result<()> {
    let place = args.directory.display();
    fs::create_dir_all(&args.directory).with_context(|| format!("cannot create {place}"))?;
    let mut validators = Vec::new();
    let mut lines = Vec::new();
    for number in 1..=args.validators {
        let mut secret = [0_u8; 32];
        getrandom::fill(&mut secret)
            .map_err(|error| anyhow!("no randomness from the system: {error}"))?;
        let keys = ValidatorKeys::from_secret(&secret)?;
        let file = args.directory.join(format!("validator-{number}.key"));
        write_key(&file, &secret)?;
        lines.push(format!("{}  {}", keys.address(), file.display()));
        validators.push(GenesisValidator {
            address: keys.address(),
            vrf_key: B256::new(keys.vrf_key()),
            stake: args.stake,
        });
    }
    let section = LuxSection {
        epoch_blocks: args.epoch_slots,
        slot_millis: Some(args.slot_millis),
        validators,
        ..LuxSection::default()
    };
    let balance = U256::from(args.balance) * U256::from(ETHER);
    let funded = accounts(MNEMONIC, args.accounts)?.into_iter().map(|key| (key.address, balance));
    let genesis = LuxGenesis::network(args.chain_id, clock(), args.gas_limit, &section, funded);
    let file = args.directory.join("genesis.json");
    let json = serde_json::to_vec_pretty(&genesis)?;
    // What this writes every node must read.
    let read = LuxGenesis::from_json(&json)?;
    read.validators()?;
    read.params()?;
    write_new(&file, &json, false).with_context(|| format!("cannot write {}", file.display()))?;
    lines.push(format!("genesis {} of {}", read.spec.hash, file.display()));
    output::print(&format!("{}\n", lines.join("\n")))
}

fn write_key(path: &Path, secret: &[u8; 32]) -> anyhow::Result<()> {
    let text = format!("{}\n", hex::encode(secret));
    write_new(path, text.as_bytes(), true)
        .with_context(|| format!("cannot write {}: choose a directory without one", path.display()))
}

fn write_new(path: &Path, bytes: &[u8], private: bool) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if private {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
