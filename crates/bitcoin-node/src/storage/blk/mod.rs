//! Block files as Bitcoin Core writes them: `blk00000.dat`, `blk00001.dat`, … and `xor.dat`.
//!
//! Ours are segment logs; these are what others give us to import, and what we export.
//!
//! ```text
//!   blkNNNNN.dat   magic 4 · length u32 little-endian · block │ magic · length · block │ … │ zeros up to the allocated size
//!   xor.dat        8 bytes: byte i of every blk file is masked with byte i mod 8 of it; all zeros, or no file, mask nothing
//! ```
//!
//! Blocks lie in the order of arrival, so a child may come in front of its parent: an [`Orphanage`] remembers where.
//!
//! # Invariants
//!
//! - What lies between records, and a record that ends behind its file, is skipped byte by byte until the next magic, as Core does
//!   (`LoadExternalBlockFile`); the report says how much and where.
//! - A reader holds one record and [`READ_BYTES`] at most, whatever the file says.
//! - A reader returns what is framed as a block; whether it is one, the caller finds out, and may say [`BlkReader::reject`].

mod files;
mod orphanage;
mod reader;
mod writer;

use std::{io, path::PathBuf};

pub use files::{BlkFiles, BlkPlace};
pub use orphanage::{ORPHANS_MAX, Orphanage};
pub use reader::{BlkReader, BlkReport, RawBlock};
pub use writer::{BlkWriter, BlkWriterOptions};

use quintet_bitcoin_protocol::block::HEADER_BYTES;

use super::BLOCK_BYTES_MAX;

/// Magic and length in front of a block, bytes.
pub const FRAME_BYTES: usize = 8;

/// Bytes a reader asks the system for at once.
pub const READ_BYTES: usize = 1 << 20;

/// Bytes of the mask in `xor.dat`.
pub const MASK_BYTES: usize = 8;

/// Where a new file begins, bytes (Core: `MAX_BLOCKFILE_SIZE`).
pub const FILE_BYTES_MAX: u64 = 128 << 20;

/// Name of the file that holds the mask.
const MASK_FILE: &str = "xor.dat";

/// A block file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BlkError {
    /// A file operation.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },

    /// A mask of another length.
    #[error("{} has {actual} bytes, expected {expected}: put back the xor.dat these block files were written with", path.display())]
    MaskLength {
        /// The file.
        path: PathBuf,
        /// Bytes of a mask.
        expected: usize,
        /// Bytes found.
        actual: u64,
    },

    /// A directory without block files.
    #[error("there is no blk00000.dat in {}: name the directory that holds the block files", path.display())]
    NoFiles {
        /// The directory.
        path: PathBuf,
    },

    /// A place in a file that is not among those opened.
    #[error("there is no block file number {actual}, expected less than {expected}")]
    NoSuchFile {
        /// Files there are.
        expected: usize,
        /// File asked for.
        actual: u32,
    },

    /// Block files where new ones were to go.
    #[error("{} holds block files already: choose an empty directory", path.display())]
    Occupied {
        /// The directory.
        path: PathBuf,
    },

    /// A block no file may hold.
    #[error("block has {actual} bytes, expected 80 to {expected}")]
    BlockBytes {
        /// Most bytes of a block.
        expected: u32,
        /// Bytes found.
        actual: usize,
    },

    /// More blocks wait for their parents than are remembered.
    #[error("{expected} blocks wait for their parents: import files that hold them first")]
    OrphansFull {
        /// Most blocks that may wait.
        expected: usize,
    },
}

impl BlkError {
    fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

/// The mask of a directory's block files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mask(pub [u8; MASK_BYTES]);

impl Mask {
    /// Masks or unmasks the bytes that lie at `offset` of a file.
    pub fn apply(self, bytes: &mut [u8], offset: u64) {
        if self == Self::default() {
            return;
        }
        let mut key = self.0;
        key.rotate_left(usize::try_from(offset % MASK_BYTES as u64).unwrap_or_default());
        let mut words = bytes.chunks_exact_mut(MASK_BYTES);
        for word in &mut words {
            for (byte, mask) in word.iter_mut().zip(key) {
                *byte ^= mask;
            }
        }
        for (byte, mask) in words.into_remainder().iter_mut().zip(key) {
            *byte ^= mask;
        }
    }
}

/// Returns whether a frame may say that its block has this length.
fn is_block_length(length: u32) -> bool {
    length <= BLOCK_BYTES_MAX && usize::try_from(length).is_ok_and(|length| length >= HEADER_BYTES)
}
