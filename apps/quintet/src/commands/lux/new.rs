//! `quintet lux new`: a network's genesis, and its validators' keys.

use std::{fs, path::Path};

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
    new_file::{self, Readers},
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
    new_file::write(&file, &json, Readers::Anybody)
        .with_context(|| format!("cannot write {}", file.display()))?;
    lines.push(format!("genesis {} of {}", read.spec.hash, file.display()));
    output::print(&format!("{}\n", lines.join("\n")))
}

fn write_key(path: &Path, secret: &[u8; 32]) -> anyhow::Result<()> {
    let text = format!("{}\n", hex::encode(secret));
    new_file::write(path, text.as_bytes(), Readers::Owner)
        .with_context(|| format!("cannot write {}: choose a directory without one", path.display()))
}
