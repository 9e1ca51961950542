//! Which network is meant.

use std::path::Path;

use quintet_bitcoin_protocol::network::{ChainFile, Params};

use crate::exit::UsageError;

/// Longest chain file, bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Names in a data directory that are not a network's: a chain of one's own may not have them.
const RESERVED: [&str; 4] = ["blocks", "undo", "chain", "lock"];

/// Returns the network with this name, or the one a file describes.
///
/// # Errors
///
/// [`UsageError`] if there is none, or the file cannot be read or is wrong.
pub(super) fn find(name: &str) -> Result<Params, UsageError> {
    let known = match name {
        "mainnet" => Some(Params::main()),
        name => Params::by_name(name),
    };
    if let Some(params) = known {
        return Ok(params);
    }
    let path = Path::new(name);
    if path.extension().is_none_or(|extension| extension != "toml") {
        return Err(UsageError::new(format!(
            "--network: expected main, testnet3, testnet4, signet, regtest or a chain file (NAME.toml), found {name:?}"
        )));
    }
    let wrong =
        |reason: &dyn std::fmt::Display| UsageError::new(format!("--network: {name}: {reason}"));
    let bytes = path.metadata().map_err(|error| wrong(&error))?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(wrong(&format!("expected at most {FILE_BYTES_MAX} bytes, found {bytes}")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let file: ChainFile = toml::from_str(&text).map_err(|error| wrong(&error))?;
    if RESERVED.contains(&file.name.as_str()) {
        return Err(wrong(&format!(
            "name: expected another name than {:?}, which a data directory uses",
            file.name
        )));
    }
    file.into_params().map_err(|error| wrong(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_known_by_core_s_names_and_by_ours() {
        for (name, expected) in [
            ("main", "main"),
            ("mainnet", "main"),
            ("test", "test"),
            ("testnet3", "test"),
            ("testnet4", "testnet4"),
            ("signet", "signet"),
            ("regtest", "regtest"),
        ] {
            assert_eq!(find(name).unwrap().name, expected);
        }
        let error = find("moon").unwrap_err().to_string();
        assert!(error.contains("found \"moon\""), "{error}");
    }

    #[test]
    fn a_chain_file_is_read_and_its_errors_name_file_and_field() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mine.toml");
        let name = path.to_str().unwrap();
        let write = |text: &str| {
            std::fs::write(&path, text).unwrap();
            find(name).map(|params| params.data_folder).map_err(|error| error.to_string())
        };
        assert_eq!(write("name = \"mine\"").unwrap(), "mine");
        for (text, expected) in [
            (
                "name = \"mine\"\nhalving_interval = 0",
                "halving_interval: expected at least 1 block, got 0",
            ),
            ("name = \"blocks\"", "expected another name than \"blocks\""),
            ("name = 3", "invalid type"),
        ] {
            let error = write(text).unwrap_err();
            assert!(error.contains(name) && error.contains(expected), "{error}");
        }
    }
}
