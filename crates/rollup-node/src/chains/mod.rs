//! Chains known by name: their configurations as data, beside any that is given as a file.
//!
//! The values are those of the superchain registry (ethereum-optimism/superchain-registry @8336d2a, MIT), in the form of op-node's
//! `rollup.json`; a test compares them with the registry's own files where those are at hand.

use std::path::Path;

use quintet_rollup_protocol::config::{ConfigError, RollupConfig, l1_chain_id_of_folder};
use thiserror::Error;

/// Longest configuration file, bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Names and configurations.
const CHAINS: [(&str, &str); 8] = [
    ("op-mainnet", include_str!("op-mainnet.json")),
    ("op-sepolia", include_str!("op-sepolia.json")),
    ("ink", include_str!("ink.json")),
    ("soneium", include_str!("soneium.json")),
    ("unichain", include_str!("unichain.json")),
    ("unichain-sepolia", include_str!("unichain-sepolia.json")),
    ("worldchain", include_str!("worldchain.json")),
    ("zora", include_str!("zora.json")),
];

/// Why a chain is not found.
#[derive(Debug, Error)]
pub enum ChainError {
    /// It is neither a name nor a file.
    #[error("chain {name:?}: expected a file, or one of {}", names().join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// Its file cannot be read.
    #[error(
        "{path}: expected a rollup.json, or a chain's TOML file of the superchain registry: {reason}"
    )]
    File {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// Its configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Returns the names.
#[must_use]
pub fn names() -> Vec<&'static str> {
    CHAINS.iter().map(|(name, _)| *name).collect()
}

/// Returns the configuration of a chain by its name, or out of a file.
///
/// A file that ends in `.toml` is one of the registry's, whose folder says which L1 it is on; any other is a `rollup.json`.
///
/// # Errors
///
/// [`ChainError`] if there is none.
pub fn find(name: &str) -> Result<RollupConfig, ChainError> {
    if let Some((_, text)) = CHAINS.iter().find(|(known, _)| *known == name) {
        return Ok(RollupConfig::from_json(text)?);
    }
    let path = Path::new(name);
    let bad = |reason: String| ChainError::File { path: name.to_owned(), reason };
    let length = match path.metadata() {
        Ok(metadata) => metadata.len(),
        Err(_) => return Err(ChainError::Unknown { name: name.to_owned() }),
    };
    if length > FILE_BYTES_MAX {
        return Err(bad(format!("expected at most {FILE_BYTES_MAX} bytes, got {length}")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    if path.extension().is_none_or(|extension| extension != "toml") {
        return Ok(RollupConfig::from_json(&text)?);
    }
    let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let l1 = folder.and_then(l1_chain_id_of_folder);
    let l1 = l1.ok_or_else(|| bad("expected it in a folder `mainnet` or `sepolia`".to_owned()))?;
    Ok(RollupConfig::from_registry(&text, l1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_configuration_that_is_the_registrys() {
        let registry = test_vectors::find("rollup/registry/configs");
        for name in names() {
            let config = find(name).unwrap();
            assert!(config.l2_chain_id > 1, "{name}");
            let (folder, file) = match name {
                "op-mainnet" => ("mainnet", "op"),
                _ => match name.strip_suffix("-sepolia") {
                    Some(file) => ("sepolia", file),
                    None => ("mainnet", name),
                },
            };
            let Some(registry) = &registry else { continue };
            let path = registry.join(format!("{folder}/{file}.toml"));
            if path.exists() {
                assert_eq!(find(&path.display().to_string()).unwrap(), config, "{name}");
            }
        }
    }

    #[test]
    fn what_is_neither_name_nor_file_is_told_which_names_there_are() {
        let error = find("op-manet").unwrap_err().to_string();
        assert!(error.contains("op-mainnet") && error.contains("op-manet"), "{error}");
    }
}
