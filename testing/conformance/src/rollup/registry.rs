//! `registry/configs`: every chain and every set of chains of the superchain registry is read, and says what it says.

use std::path::Path;

use alloy_primitives::{Address, B256};
use quintet_rollup_protocol::config::{Fork, RollupConfig, Superchain, l1_chain_id_of_folder};

use super::{is_in, own_name};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Configs;

impl Suite for Configs {
    fn name(&self) -> &'static str {
        "registry"
    }

    fn claims(&self, name: &Path) -> bool {
        is_in(name, "registry/configs") || own_name(name) == "addresses.json"
    }

    fn run(&self, file: &File, report: &mut Report) {
        let name = file.name.display().to_string();
        match own_name(&file.name) {
            "addresses.json" => addresses(file, report),
            "superchain.toml" => report.case(name, || superchain(file).map(|_| ())),
            _ => report.case(name, || check(file)),
        }
    }
}

fn text(file: &File) -> Result<&str, Mismatch> {
    std::str::from_utf8(&file.bytes).map_err(|error| Mismatch::new("text", "UTF-8", error))
}

fn superchain(file: &File) -> Result<Superchain, Mismatch> {
    let read = Superchain::from_registry(text(file)?)
        .map_err(|error| Mismatch::new("superchain", "read", error.to_string()))?;
    expect_eq("chain id of L1", l1_of(&file.name), Some(read.l1_chain_id))?;
    Ok(read)
}

fn l1_of(name: &Path) -> Option<u64> {
    l1_chain_id_of_folder(name.parent()?.file_name()?.to_str()?)
}

/// Reads a chain of the registry.
pub(super) fn chain(file: &File) -> Result<RollupConfig, Mismatch> {
    let l1 = l1_of(&file.name).ok_or_else(|| Mismatch::new("folder", "a known L1", &file.name))?;
    RollupConfig::from_registry(text(file)?, l1)
        .map_err(|error| Mismatch::new("configuration", "read", error.to_string()))
}

/// Compares what was read with the file's lines, each by itself: no second parser of TOML.
fn check(file: &File) -> Result<(), Mismatch> {
    let config = chain(file)?;
    let mut section = String::new();
    for line in text(file)?.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut section);
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = value.split('#').next().unwrap_or_default().trim().trim_matches('"');
        check_line(&config, &section, key.trim(), value)?;
    }
    Ok(())
}

fn check_line(
    config: &RollupConfig,
    section: &str,
    key: &str,
    value: &str,
) -> Result<(), Mismatch> {
    let number = || value.parse::<u64>().ok();
    let address = || value.parse::<Address>().ok();
    let hash = || value.parse::<B256>().ok();
    let genesis = &config.genesis;
    let system = &genesis.system_config;
    match (section, key) {
        ("", "chain_id") => expect_eq(key, number(), Some(config.l2_chain_id)),
        ("", "block_time") => expect_eq(key, number(), Some(config.block_time)),
        ("", "seq_window_size") => expect_eq(key, number(), Some(config.seq_window_size)),
        ("", "max_sequencer_drift") => expect_eq(key, number(), Some(config.max_sequencer_drift)),
        ("", "batch_inbox_addr") => expect_eq(key, address(), Some(config.batch_inbox)),
        ("", "data_availability_type") => {
            // Some name the type and leave the parameters out.
            expect_eq(key, true, value == "alt-da" || config.alt_da.is_none())
        }
        ("hardforks", "pectra_blob_schedule_time") => {
            expect_eq(key, number(), config.pectra_blob_schedule_time)
        }
        ("hardforks", "keep_karst_upgrade_gas") => {
            expect_eq(key, value == "true", config.keep_karst_upgrade_gas)
        }
        ("hardforks", _) => match Fork::of_key(key) {
            Some(fork) => expect_eq(key, number(), config.forks.time(fork)),
            None => Err(Mismatch::new("fork", "one this version knows", key)),
        },
        ("genesis", "l2_time") => expect_eq(key, number(), Some(genesis.l2_time)),
        ("genesis.l1", "number") => expect_eq(key, number(), Some(genesis.l1.number)),
        ("genesis.l1", "hash") => expect_eq(key, hash(), Some(genesis.l1.hash)),
        ("genesis.l2", "number") => expect_eq(key, number(), Some(genesis.l2.number)),
        ("genesis.l2", "hash") => expect_eq(key, hash(), Some(genesis.l2.hash)),
        ("genesis.system_config", "batcherAddress") => {
            expect_eq(key, address(), Some(system.batcher))
        }
        ("genesis.system_config", "gasLimit") => expect_eq(key, number(), Some(system.gas_limit)),
        ("genesis.system_config", "overhead") => {
            expect_eq(key, hash(), Some(B256::from(system.overhead)))
        }
        ("genesis.system_config", "scalar") => {
            expect_eq(key, hash(), Some(B256::from(system.scalar)))
        }
        ("addresses", "OptimismPortalProxy") => {
            expect_eq(key, address(), Some(config.deposit_contract))
        }
        ("addresses", "SystemConfigProxy") => {
            expect_eq(key, address(), Some(config.l1_system_config))
        }
        _ => Ok(()),
    }
}

/// The addresses of each chain are those in its own file, where the vectors have it.
fn addresses(file: &File, report: &mut Report) {
    let Some(value) = report.json(file) else { return };
    let Some(chains) = value.as_object() else {
        report.unreadable = Some("expected a JSON object".to_owned());
        return;
    };
    let files = crate::file::walk(&file.folder).unwrap_or_default();
    let configs: Vec<_> = files
        .iter()
        .filter(|name| Configs.claims(name) && name.extension().is_some_and(|e| e == "toml"))
        .filter_map(|name| chain(&File::read(&file.folder, name).ok()?).ok())
        .collect();
    for (id, addresses) in chains {
        let Some(config) = configs.iter().find(|config| config.l2_chain_id.to_string() == *id)
        else {
            report.skip("no configuration of the chain among the vectors");
            continue;
        };
        report.case(format!("addresses of chain {id}"), || {
            let of = |key: &str| addresses.get(key)?.as_str()?.parse::<Address>().ok();
            expect_eq("portal", of("OptimismPortalProxy"), Some(config.deposit_contract))?;
            expect_eq("system config", of("SystemConfigProxy"), Some(config.l1_system_config))
        });
    }
}
