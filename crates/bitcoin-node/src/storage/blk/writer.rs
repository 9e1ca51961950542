//! Writes block files: for export, and for chains made for tests and benches.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use super::{
    BlkError, BlkPlace, FILE_BYTES_MAX, FRAME_BYTES, MASK_FILE, Mask, READ_BYTES, files::file_name,
    is_block_length,
};
use crate::storage::BLOCK_BYTES_MAX;

/// How to write block files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlkWriterOptions {
    /// The network's magic.
    pub magic: [u8; 4],
    /// Where a new file begins, bytes.
    pub file_bytes_max: u64,
    /// What to mask the files with, written to `xor.dat`; `None` writes plain files.
    pub mask: Option<Mask>,
}

impl BlkWriterOptions {
    /// Returns the options for plain files as large as Core's.
    #[must_use]
    pub const fn new(magic: [u8; 4]) -> Self {
        Self { magic, file_bytes_max: FILE_BYTES_MAX, mask: None }
    }
}

/// Writes `blk00000.dat`, `blk00001.dat`, … in order.
#[derive(Debug)]
pub struct BlkWriter {
    directory: PathBuf,
    options: BlkWriterOptions,
    file: BufWriter<File>,
    number: u32,
    written: u64,
    masked: Vec<u8>,
}

impl BlkWriter {
    /// Starts `blk00000.dat` in `directory`, creating that if it is absent.
    ///
    /// # Errors
    ///
    /// [`BlkError::Occupied`] if there are block files, [`BlkError::Io`].
    pub fn create(directory: &Path, options: BlkWriterOptions) -> Result<Self, BlkError> {
        fs::create_dir_all(directory).map_err(BlkError::io("create the directory", directory))?;
        for name in [file_name(0).as_str(), MASK_FILE] {
            let path = directory.join(name);
            if path.try_exists().map_err(BlkError::io("look for", &path))? {
                return Err(BlkError::Occupied { path: directory.to_owned() });
            }
        }
        if let Some(mask) = options.mask {
            let path = directory.join(MASK_FILE);
            let mut file = File::create_new(&path).map_err(BlkError::io("create", &path))?;
            file.write_all(&mask.0)
                .and_then(|()| file.sync_all())
                .map_err(BlkError::io("write", &path))?;
        }
        let file = begin(directory, 0)?;
        let directory = directory.to_owned();
        Ok(Self { directory, options, file, number: 0, written: 0, masked: Vec::new() })
    }

    /// Writes one serialised block and returns where it lies.
    ///
    /// # Errors
    ///
    /// [`BlkError::BlockBytes`] if no reader would take it, [`BlkError::Io`].
    pub fn append(&mut self, block: &[u8]) -> Result<BlkPlace, BlkError> {
        let actual = block.len();
        let len = u32::try_from(actual)
            .ok()
            .filter(|&len| is_block_length(len))
            .ok_or(BlkError::BlockBytes { expected: BLOCK_BYTES_MAX, actual })?;
        let whole = FRAME_BYTES as u64 + u64::from(len);
        if self.written > 0 && self.written + whole > self.options.file_bytes_max {
            self.complete()?;
            self.number += 1;
            self.file = begin(&self.directory, self.number)?;
            self.written = 0;
        }
        self.masked.clear();
        self.masked.extend_from_slice(&self.options.magic);
        self.masked.extend_from_slice(&len.to_le_bytes());
        self.masked.extend_from_slice(block);
        self.options.mask.unwrap_or_default().apply(&mut self.masked, self.written);
        self.file.write_all(&self.masked).map_err(BlkError::io("write", self.path()))?;
        let offset = self.written + FRAME_BYTES as u64;
        self.written += whole;
        Ok(BlkPlace { file: self.number, offset, len })
    }

    /// Completes the last file; all files are durable when this returns. Returns how many there are.
    ///
    /// # Errors
    ///
    /// [`BlkError::Io`].
    pub fn finish(mut self) -> Result<u32, BlkError> {
        self.complete()?;
        Ok(self.number + 1)
    }

    fn complete(&mut self) -> Result<(), BlkError> {
        let path = self.path();
        self.file
            .flush()
            .and_then(|()| self.file.get_ref().sync_all())
            .map_err(BlkError::io("sync", path))
    }

    fn path(&self) -> PathBuf {
        self.directory.join(file_name(self.number))
    }
}

fn begin(directory: &Path, number: u32) -> Result<BufWriter<File>, BlkError> {
    let path = directory.join(file_name(number));
    let file = File::create_new(&path).map_err(BlkError::io("create", path))?;
    Ok(BufWriter::with_capacity(READ_BYTES, file))
}
