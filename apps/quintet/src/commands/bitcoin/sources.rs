//! The block files to import: found, and looked at before anything is opened.

use std::path::{Path, PathBuf};

use quintet_bitcoin_node::storage::blk::{BlkError, BlkFiles};
use quintet_bitcoin_protocol::network::Params;

use crate::exit::UsageError;

/// Networks whose files somebody may name by mistake.
const KNOWN: [&str; 5] = ["main", "testnet3", "testnet4", "signet", "regtest"];

/// Name of the directory of block files in a data directory of Bitcoin Core.
const BLOCKS: &str = "blocks";

/// Finds the files, in the order in which they are named; those of a directory in the order of their numbers.
///
/// # Errors
///
/// [`UsageError`] if a path leads nowhere, a directory holds none, or none of the files holds a block of the network.
pub(super) fn find(paths: &[PathBuf], params: &Params) -> Result<BlkFiles, UsageError> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(in_directory(path, params).map_err(|error| usage(&error))?);
        } else if path.exists() {
            files.push(path.clone());
        } else {
            return Err(UsageError::new(format!("{}: no such file or directory", path.display())));
        }
    }
    let found =
        BlkFiles::from_paths(files.iter().cloned(), params.magic).map_err(|error| usage(&error))?;
    check_network(&found, &files, params)?;
    Ok(found)
}

fn usage(error: &BlkError) -> UsageError {
    UsageError::new(error.to_string())
}

/// A directory of block files, or a data directory that has one.
fn in_directory(directory: &Path, params: &Params) -> Result<Vec<PathBuf>, BlkError> {
    let inner = directory.join(BLOCKS);
    let found = match BlkFiles::in_directory(directory, params.magic) {
        Err(BlkError::NoFiles { .. }) if inner.is_dir() => {
            BlkFiles::in_directory(&inner, params.magic)?
        }
        found => found?,
    };
    Ok(found.paths().map(Path::to_owned).collect())
}

/// Refuses files without a block of the network. The first block found ends the search; files of another network are told by its
/// magic.
fn check_network(found: &BlkFiles, paths: &[PathBuf], params: &Params) -> Result<(), UsageError> {
    for path in paths {
        if holds_block(path, params.magic)? {
            return Ok(());
        }
        for name in KNOWN {
            let Some(other) = Params::by_name(name) else { continue };
            if other.magic != params.magic && holds_block(path, other.magic)? {
                return Err(UsageError::new(format!(
                    "{} holds blocks of {name}, not of {}: choose the network with --network {name}",
                    path.display(),
                    params.name
                )));
            }
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let which = match paths {
        [one] => format!("{} holds", one.display()),
        many => format!("the {} files hold", many.len()),
    };
    Err(UsageError::new(format!(
        "{which} no block of {}: name files as Bitcoin Core writes them (blk00000.dat), with the xor.dat that lies beside them",
        params.name
    )))
}

fn holds_block(path: &Path, magic: [u8; 4]) -> Result<bool, UsageError> {
    let files = BlkFiles::from_paths([path.to_owned()], magic).map_err(|error| usage(&error))?;
    let mut reader = files.reader(0).map_err(|error| usage(&error))?;
    let first = reader.next_block();
    first
        .map(|block| block.is_some())
        .map_err(|error| UsageError::new(format!("could not read {}: {error}", path.display())))
}
