//! Block files as Bitcoin Core keeps them: `blkNNNNN.dat`, records of magic, length and block.

use std::{
    fs::{self, File},
    io::{BufReader, BufWriter, ErrorKind, Read, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};

/// What precedes each block in regtest's files.
pub const MAGIC: [u8; 4] = [0xfa, 0xbf, 0xb5, 0xda];
/// Bytes of a block file at most.
pub const FILE_BYTES_MAX: u64 = 128 << 20;
/// Bytes of a block at most: its weight, were all of it witness.
const BLOCK_BYTES_MAX: usize = 4_000_000;
/// Bytes of the key that obfuscates the files.
const XOR_BYTES: usize = 8;

/// A writer of block files.
#[derive(Debug)]
pub struct BlockFiles {
    directory: PathBuf,
    xor: Option<[u8; XOR_BYTES]>,
    current: Option<(BufWriter<File>, u64)>,
    written: Written,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Files.
    pub files: u32,
    /// Blocks.
    pub blocks: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

impl BlockFiles {
    /// Begins in a folder that has no block files yet; makes it if there is none.
    ///
    /// With a key every byte is combined with the key's byte at its position, and the key lies in `xor.dat`.
    ///
    /// # Errors
    ///
    /// If there are block files, or the folder cannot be written.
    pub fn create(directory: &Path, xor: Option<[u8; XOR_BYTES]>) -> anyhow::Result<Self> {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let first = path(directory, 0);
        ensure!(!first.exists(), "{} exists; give an empty folder", first.display());
        if let Some(key) = xor {
            fs::write(directory.join("xor.dat"), key)?;
        }
        Ok(Self {
            directory: directory.to_owned(),
            xor,
            current: None,
            written: Written::default(),
        })
    }

    /// Appends a serialised block.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn append(&mut self, block: &[u8]) -> anyhow::Result<()> {
        let len = u32::try_from(block.len())?;
        let mut record = [&MAGIC[..], &len.to_le_bytes(), block].concat();
        let size = u64::try_from(record.len())?;
        if self.current.as_ref().is_some_and(|(_, at)| at + size > FILE_BYTES_MAX) {
            self.close()?;
        }
        let (mut file, at) = match self.current.take() {
            Some(current) => current,
            None => {
                let file = File::create_new(path(&self.directory, self.written.files))?;
                self.written.files += 1;
                (BufWriter::with_capacity(1 << 20, file), 0)
            }
        };
        if let Some(key) = self.xor {
            obfuscate(&mut record, key, at);
        }
        file.write_all(&record)?;
        self.written.blocks += 1;
        self.written.bytes += size;
        self.current = Some((file, at + size));
        Ok(())
    }

    fn close(&mut self) -> anyhow::Result<()> {
        if let Some((file, _)) = self.current.take() {
            file.into_inner().context("cannot write the last of a block file")?.sync_all()?;
        }
        Ok(())
    }

    /// Closes the last file.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn finish(mut self) -> anyhow::Result<Written> {
        self.close()?;
        Ok(self.written)
    }
}

fn path(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("blk{number:05}.dat"))
}

fn obfuscate(bytes: &mut [u8], key: [u8; XOR_BYTES], at: u64) {
    let start = usize::try_from(at % 8).unwrap_or(0);
    for (byte, mask) in bytes.iter_mut().zip(key.into_iter().cycle().skip(start)) {
        *byte ^= mask;
    }
}

/// Calls a function with every block of a folder's files, in the order they lie there.
///
/// # Errors
///
/// If a file cannot be read or holds something else, and what the function returns.
pub fn read_blocks(
    directory: &Path,
    mut each: impl FnMut(Vec<u8>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let xor = match fs::read(directory.join("xor.dat")) {
        Ok(key) => Some(key.try_into().ok().context("expected eight bytes in xor.dat")?),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error).context("cannot read xor.dat"),
    };
    for number in 0_u32.. {
        let path = path(directory, number);
        let Ok(file) = File::open(&path) else {
            ensure!(number > 0, "expected {}", path.display());
            break;
        };
        let mut reader = Records { file: BufReader::with_capacity(1 << 20, file), xor, at: 0 };
        while let Some(block) = reader.next().with_context(|| path.display().to_string())? {
            each(block)?;
        }
    }
    Ok(())
}

struct Records {
    file: BufReader<File>,
    xor: Option<[u8; XOR_BYTES]>,
    at: u64,
}

impl Records {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<()> {
        self.file.read_exact(buffer)?;
        if let Some(key) = self.xor {
            obfuscate(buffer, key, self.at);
        }
        self.at += u64::try_from(buffer.len()).unwrap_or(0);
        Ok(())
    }

    fn next(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        let mut magic = [0; 4];
        match self.read(&mut magic) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        // Bitcoin Core fills files with zeros ahead of what it writes.
        if magic == [0; 4] {
            return Ok(None);
        }
        ensure!(magic == MAGIC, "expected {MAGIC:02x?} before a block, came {magic:02x?}");
        let mut len = [0; 4];
        self.read(&mut len)?;
        let len = usize::try_from(u32::from_le_bytes(len))?;
        ensure!(len <= BLOCK_BYTES_MAX, "expected at most {BLOCK_BYTES_MAX} bytes, came {len}");
        let mut block = vec![0; len];
        self.read(&mut block)?;
        Ok(Some(block))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_with_and_without_a_key() {
        for xor in [None, Some([1, 2, 3, 4, 5, 6, 7, 8])] {
            let folder = tempfile::tempdir().unwrap();
            let blocks = [vec![1; 81], vec![2; 300], vec![3; 85]];
            let mut files = BlockFiles::create(folder.path(), xor).unwrap();
            blocks.iter().for_each(|block| files.append(block).unwrap());
            let written = files.finish().unwrap();
            assert_eq!(written, Written { files: 1, blocks: 3, bytes: 466 + 24 });

            let mut back = Vec::new();
            read_blocks(folder.path(), |block| {
                back.push(block);
                Ok(())
            })
            .unwrap();
            assert_eq!(back, blocks);
        }
    }

    #[test]
    fn a_folder_with_block_files_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("blk00000.dat"), b"something").unwrap();
        assert!(BlockFiles::create(folder.path(), None).is_err());
    }
}
