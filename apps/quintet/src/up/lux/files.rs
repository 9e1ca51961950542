//! The network's files: made at the first start, read at every other.
//!
//! ```text
//!   lux-network/genesis.json, validator-1.key … validator-4.key       lux-00 … lux-03: chain and journal of each
//! ```
//!
//! # Invariants
//!
//! - The folder is there whole or not at all: it is made under another name, and renamed.

use std::{fs, path::Path};

use anyhow::{Context as _, anyhow};
use quintet_lux_node::{
    genesis::{GAS_LIMIT_DEFAULT, GenesisContract, LuxGenesis},
    validator::ValidatorKeys,
};
use quintet_primitives::hex;

use super::VALIDATORS;
use crate::{
    commands::lux::{GENESIS, NewNetwork, key_file, make},
    up::{accounts::Cast, rollup},
};

/// The folder, and what it is called until it is whole.
const FOLDER: &str = "lux-network";
const UNFINISHED: &str = "lux-network.unfinished";

/// LuxTensor's number of chains for development.
const CHAIN_ID: u64 = 88_980;

/// Length of a slot, milliseconds. A rollup takes at most one block of L1 for each of its own, of which it makes one a second: with slots as
/// short it could never catch up.
const SLOT_MILLIS: u64 = 2_000;

/// Slots of an epoch.
const EPOCH_SLOTS: u64 = 32;

/// Stake of each validator, gwei.
const STAKE: u64 = 1_000_000_000_000;

/// A network as its files tell it.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) genesis: LuxGenesis,
    pub(super) keys: Vec<ValidatorKeys>,
}

/// Reads the network below `home`; makes it if there is none.
pub(super) fn open(home: &Path, cast: &Cast) -> anyhow::Result<Network> {
    let folder = home.join(FOLDER);
    if !folder.exists() {
        let unfinished = home.join(UNFINISHED);
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)
                .with_context(|| format!("cannot remove {}", unfinished.display()))?;
        }
        make(&unfinished, &network(cast))?;
        fs::rename(&unfinished, &folder)
            .with_context(|| format!("cannot rename {}", unfinished.display()))?;
    }
    read(&folder)
}

fn network(cast: &Cast) -> NewNetwork {
    let contracts = rollup::contracts(cast.signer.address).into_iter();
    let contracts = contracts.map(|(address, code, slots)| GenesisContract {
        address,
        code,
        slots: slots.into_iter().collect(),
    });
    NewNetwork {
        validators: VALIDATORS,
        stake: STAKE,
        slot_millis: SLOT_MILLIS,
        epoch_slots: EPOCH_SLOTS,
        chain_id: CHAIN_ID,
        gas_limit: GAS_LIMIT_DEFAULT,
        funded: cast.funded_on_l1(),
        contracts: contracts.collect(),
    }
}

fn read(folder: &Path) -> anyhow::Result<Network> {
    let file = folder.join(GENESIS);
    let json = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let genesis = LuxGenesis::from_json(&json).with_context(|| file.display().to_string())?;
    let mut keys = Vec::new();
    for number in 1..=VALIDATORS {
        let file = folder.join(key_file(number));
        let place = file.display();
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {place}"))?;
        // The content is a secret: an error may tell its shape, never its digits.
        let secret = hex::decode_array(text.trim())
            .map_err(|_| anyhow!("{place}: expected 64 hexadecimal digits"))?;
        keys.push(ValidatorKeys::from_secret(&secret).with_context(|| place.to_string())?);
    }
    Ok(Network { genesis, keys })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_made_once_and_then_read() {
        let home = tempfile::tempdir().unwrap();
        let cast = Cast::new().unwrap();
        // What a start left that was cut short is in nobody's way.
        fs::create_dir(home.path().join(UNFINISHED)).unwrap();
        fs::write(home.path().join(UNFINISHED).join(key_file(1)), "half").unwrap();
        let made = open(home.path(), &cast).unwrap();
        let read = open(home.path(), &cast).unwrap();
        assert_eq!(made.genesis.spec.hash, read.genesis.spec.hash);
        let who =
            |network: &Network| network.keys.iter().map(ValidatorKeys::address).collect::<Vec<_>>();
        assert_eq!((who(&made), made.keys.len()), (who(&read), usize::from(VALIDATORS)));
    }
}
