//! Blocks and undo data in segment files.
//!
//! A record of the block log is a serialised block and nothing else; one of the undo log is the block's hash and then what the chain wants to
//! keep. So each record says whose it is, and a scan of the block log is enough to rebuild everything.

use std::path::Path;

use bitcoin::{BlockHash, hashes::Hash as _};
use bytes::Bytes;
use quintet_bitcoin_protocol::block::{HEADER_BYTES, header_hash};
use quintet_store::segment::{Position, Scan, SegmentLog, SegmentOptions};

use super::{error::StorageError, schema::LogEnds};

/// Longest serialised block that is kept, bytes: 4,000,000 of weight allow no more.
pub const BLOCK_BYTES_MAX: u32 = 4_000_000;

/// Longest undo record, bytes. A block has at most 24,390 inputs (41 bytes of base size each), and a coin that can be spent has a script of
/// at most 10,000 bytes.
pub const UNDO_BYTES_MAX: u32 = 256 << 20;

const HASH_BYTES: usize = 32;

/// The files of a chain; cheap to clone. Any number may read while one appends.
#[derive(Debug, Clone)]
pub struct BlockFiles {
    blocks: SegmentLog,
    undo: SegmentLog,
}

impl BlockFiles {
    /// Opens `blocks/` and `undo/` in `directory`.
    pub(super) fn open(directory: &Path, segment_bytes_max: u32) -> Result<Self, StorageError> {
        let options = |name, record_bytes_max| SegmentOptions {
            segment_bytes_max,
            record_bytes_max,
            ..SegmentOptions::new(name)
        };
        let blocks = options("bitcoin-blocks", BLOCK_BYTES_MAX);
        let undo = options("bitcoin-undo", UNDO_BYTES_MAX);
        Ok(Self {
            blocks: SegmentLog::open(&directory.join("blocks"), blocks)?,
            undo: SegmentLog::open(&directory.join("undo"), undo)?,
        })
    }

    /// Appends a serialised block. Durable after the next flush.
    ///
    /// # Errors
    ///
    /// [`StorageError::Store`] as for [`SegmentLog::append`].
    pub fn append_block(&self, block: &[u8]) -> Result<Position, StorageError> {
        Ok(self.blocks.append(block)?)
    }

    /// Appends what undoes the block `hash`. Durable after the next flush.
    ///
    /// # Errors
    ///
    /// [`StorageError::Store`] as for [`SegmentLog::append`].
    pub fn append_undo(&self, hash: &BlockHash, undo: &[u8]) -> Result<Position, StorageError> {
        Ok(self.undo.append_vectored(&[hash.as_byte_array(), undo])?)
    }

    /// Reads the block `hash`, which the index says is at `position`.
    ///
    /// # Errors
    ///
    /// [`StorageError::WrongBlock`], [`StorageError::RecordShort`] if another thing is there; [`StorageError::Store`] if it is
    /// damaged, pruned or unreadable.
    pub fn read_block(&self, hash: &BlockHash, position: Position) -> Result<Bytes, StorageError> {
        let bytes = self.blocks.read(position)?;
        let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
            let actual = bytes.len();
            return Err(StorageError::RecordShort { what: "data", expected: *hash, actual });
        };
        check("data", hash, header_hash(header))?;
        Ok(bytes.into())
    }

    /// Reads what undoes the block `hash`, which the index says is at `position`.
    ///
    /// # Errors
    ///
    /// As for [`BlockFiles::read_block`].
    pub fn read_undo(&self, hash: &BlockHash, position: Position) -> Result<Bytes, StorageError> {
        let mut bytes = Bytes::from(self.undo.read(position)?);
        let Some(found) = bytes.first_chunk::<HASH_BYTES>() else {
            let actual = bytes.len();
            return Err(StorageError::RecordShort { what: "undo data", expected: *hash, actual });
        };
        check("undo data", hash, BlockHash::from_byte_array(*found))?;
        Ok(bytes.split_off(HASH_BYTES))
    }

    /// Walks the blocks in the order in which they were appended.
    ///
    /// # Errors
    ///
    /// [`StorageError::Store`] if `position` is not in the files.
    pub fn scan_blocks(&self, position: Position) -> Result<Scan, StorageError> {
        Ok(self.blocks.iter_from(position)?)
    }

    /// Hands the blocks to the system: they outlive this process, and the next open takes those in that the index lacks.
    pub(super) fn write_out(&self) -> Result<(), StorageError> {
        Ok(self.blocks.write_out()?)
    }

    /// Makes everything appended so far durable, and returns up to where that is.
    pub(super) fn sync(&self) -> Result<LogEnds, StorageError> {
        // Taken first: what is appended meanwhile need not be part of the sync.
        let ends = self.ends();
        self.blocks.sync()?;
        self.undo.sync()?;
        Ok(ends)
    }

    pub(super) fn ends(&self) -> LogEnds {
        LogEnds { blocks: self.blocks.end(), undo: self.undo.end() }
    }

    /// Returns the log of blocks.
    #[must_use]
    pub const fn blocks(&self) -> &SegmentLog {
        &self.blocks
    }

    /// Returns the log of undo data.
    #[must_use]
    pub const fn undo(&self) -> &SegmentLog {
        &self.undo
    }

    /// Returns the bytes of all files.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.blocks.total_bytes() + self.undo.total_bytes()
    }
}

fn check(what: &'static str, expected: &BlockHash, actual: BlockHash) -> Result<(), StorageError> {
    if *expected == actual {
        Ok(())
    } else {
        Err(StorageError::WrongBlock { what, expected: *expected, actual })
    }
}
