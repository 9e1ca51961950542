//! Blocks out of the files into Core's block files, for other programs to read.

use bitcoin::BlockHash;
use quintet_store::segment::Position;

use super::{
    BlockFiles, StorageError,
    blk::{BlkError, BlkWriter},
};

/// An export cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A block cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A block cannot be written.
    #[error(transparent)]
    Blk(#[from] BlkError),
}

/// Writes these blocks in this order, and tells `progress` after each how many that were; returns how many.
///
/// # Errors
///
/// [`ExportError`]; what was written until then stays.
pub fn export(
    files: &BlockFiles,
    blocks: impl IntoIterator<Item = (BlockHash, Position)>,
    writer: &mut BlkWriter,
    mut progress: impl FnMut(u64),
) -> Result<u64, ExportError> {
    let mut written = 0;
    for (hash, position) in blocks {
        writer.append(&files.read_block(&hash, position)?)?;
        written += 1;
        progress(written);
    }
    Ok(written)
}
