//! Where files are unless somebody says otherwise.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use etcetera::BaseStrategy as _;
use quintet_node::datadir;

/// The network in the path of the default data directory.
const NETWORK: &str = "main";

/// `$XDG_CONFIG_HOME/quintet/quintet.toml`; none without a home directory.
pub(crate) fn config_file() -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.config_dir().join("quintet").join("quintet.toml"))
}

/// The data directory of a kind: the one named, or the default; absolute, so that others can be told.
pub(crate) fn data_dir(kind: &str, named: Option<&Path>) -> anyhow::Result<PathBuf> {
    match named {
        Some(path) => std::path::absolute(path)
            .with_context(|| format!("--data-dir: expected a directory, found {}", path.display())),
        None => Ok(datadir::default_path(kind, NETWORK)?),
    }
}

/// The directory of a chain: below the one named as Bitcoin Core has it, the main chain in the directory itself and others each in
/// `folder`; or the default of its network. Absolute.
pub(crate) fn chain_dir(kind: &str, named: Option<&Path>, folder: &str) -> anyhow::Result<PathBuf> {
    match named {
        Some(_) if folder.is_empty() => data_dir(kind, named),
        Some(_) => Ok(data_dir(kind, named)?.join(folder)),
        None if folder.is_empty() => data_dir(kind, None),
        None => Ok(datadir::default_path(kind, folder)?),
    }
}
